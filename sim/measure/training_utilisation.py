"""MAC utilisation of whole training steps on the RTL."""

from typing import Any, NamedTuple

import numpy as np

from golden import ClosShape
from sim.device.device import SimDevice
from sim.toolchain import find_toolchain
from sw_driver.files.report import percent
from sw_driver.predict.training_cycles import predict_training_steady

from .nets import RTL_PACKAGES
from .results import Bench, Table, markdown_table, paragraphs, source_digest
from .training_nets import training_layer

__all__ = ["TITLE", "measure"]

TITLE = "MAC utilisation in training"
_SAMPLES = 16
_MORE_SAMPLES = 64


class _Case(NamedTuple):
    shape: tuple[int, int, int, int, int]
    torus: str
    host_bits: int
    batches: bool
    aim: float


_CASES = (
    _Case((784, 256, 28, 8, 16), "4x4", 64, False, 0.90),
    _Case((784, 256, 28, 8, 16), "4x4", 64, True, 0.98),
    _Case((800, 128, 32, 8, 16), "8x8", 256, False, 0.75),
    _Case((800, 128, 32, 8, 16), "8x8", 256, True, 0.93),
)
_MODES = {False: "SGD, a sample at a time", True: "one batch, interleaved"}


def measure(bench: Bench) -> Table:
    """Train on the RTL in every case; quick: the first torus alone. Some 10 minutes of building."""
    cases = [case for case in _CASES if not (bench.quick and case.torus != "4x4")]
    digest, tools = source_digest(*RTL_PACKAGES), find_toolchain().versions
    values: list[dict[str, Any]] = []
    for done, case in enumerate(cases):
        shape = ClosShape(*case.shape)
        bench.tell(f"training: {shape} on {case.torus}, {_MODES[case.batches]}", done, len(cases))
        depends = {"case": case, "samples": (_SAMPLES, _MORE_SAMPLES), "sources": digest,
                   "tools": tools}
        values.append(bench.result(
            "training-utilisation", depends, lambda case=case: _run(case)))
    bench.tell("training", len(cases), len(cases))
    header = ("layer, torus, host bits", "order", "bound", "cycles/sample, RTL", "predicted",
              "MAC utilisation", "aim", "gradient at once", "MAC waits for")
    rows = [_row(case, value) for case, value in zip(cases, values, strict=True)]
    text = paragraphs(f"""
        A training step of a sample is a way forward, with one multiplication for each weight, and a
        way back, with two at once. So it takes at least 2 P / (R C) cycles, for P weights on R x C
        PEs. This is the bound, and utilisation is the bound over the cycles.

        Cycles are (T({_SAMPLES + _MORE_SAMPLES}) - T({_SAMPLES})) / {_MORE_SAMPLES}, where T(n) is
        a whole run of n samples on the RTL in Verilator ({tools}). Every input, output and gradient
        passes through the host stream. The host answers with the gradient of a sample in the cycle
        after the last output of that sample. "gradient at once" is the utilisation that the cycle
        model predicts for a host that has the gradient before the outputs leave; the difference is
        the turn-around of the host.

        In "SGD" every sample is a batch of its own, and the weights change before the next sample.
        In "one batch" the gradients of all samples are accumulated, and the ways forward and back
        of neighbouring samples are interleaved. "aim" is the least utilisation that was asked for.
        """)
    text += "\n" + markdown_table(header, rows)
    return Table(text, values)


def _run(case: _Case) -> dict[str, Any]:
    compiled, state = training_layer(ClosShape(*case.shape), case.torus, case.host_bits,
                                     batches=case.batches)
    prediction = predict_training_steady(compiled)
    words = compiled.executable.words
    gradient = np.ones(words.outputs, np.int64)
    with SimDevice(engine="verilator") as device:
        device.load(compiled, state)
        cycles: list[int] = []
        # The first run also waits for whatever the device did before.
        for samples in (1, _SAMPLES, _SAMPLES + _MORE_SAMPLES):
            device.train_words(np.zeros((samples, words.inputs), np.int64),
                               lambda sample, outputs: gradient)
            assert device.last_cycles is not None
            cycles.append(device.last_cycles)
    measured = (cycles[2] - cycles[1]) / _MORE_SAMPLES
    return {"case": case, "cycles": measured, "predicted": prediction.cycles,
            "bound": prediction.ideal_cycles, "utilisation": prediction.ideal_cycles / measured,
            "at_once": predict_training_steady(compiled, at_once=True).utilisation,
            "mac": prediction.breakdown.engines["mac"]}


def _row(case: _Case, value: dict[str, Any]) -> tuple[object, ...]:
    waits = ", ".join(f"{activity} {percent(share)}" for activity, share in value["mac"].items()
                      if activity != "working" and share)
    return (f"{ClosShape(*case.shape)} on {case.torus}, {case.host_bits}", _MODES[case.batches],
            f"{value['bound']:g}", f"{value['cycles']:.5g}", f"{value['predicted']:.5g}",
            percent(value["utilisation"]), f"{100 * case.aim:g} %", percent(value["at_once"]),
            waits or "nothing")
