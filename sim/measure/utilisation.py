"""MAC utilisation on the RTL, with ops in program order and in the best order."""

from typing import Any, NamedTuple

from golden import ClosShape
from hw.config import MAC_CYCLES
from sim.device.device import SimDevice
from sim.toolchain import find_toolchain
from sw_driver.files.report import percent

from .nets import RTL_PACKAGES, compiled_layer
from .results import Bench, Table, markdown_table, paragraphs, source_digest

__all__ = ["TITLE", "measure"]

TITLE = "MAC utilisation"
_SAMPLES = 16


class _Case(NamedTuple):
    shape: tuple[int, int, int, int, int]
    torus: str
    host_bits: int
    aim: float


_CASES = (
    _Case((784, 256, 28, 8, 16), "4x4", 64, 0.98),
    _Case((800, 128, 32, 8, 16), "8x8", 128, 0.97),
)
_ORDERS = ("program", "best")


def measure(bench: Bench) -> Table:
    """Run every case on the RTL; quick: the first torus alone. About a minute."""
    cases = _CASES[:1] if bench.quick else _CASES
    jobs = [(case, order) for case in cases for order in _ORDERS]
    digest = source_digest(*RTL_PACKAGES)
    tools = find_toolchain().versions
    values: list[dict[str, Any]] = []
    for done, (case, order) in enumerate(jobs):
        shape = ClosShape(*case.shape)
        bench.tell(f"utilisation: {shape} on {case.torus}, {order} order", done, len(jobs))
        depends = {"case": case, "order": order, "samples": _SAMPLES, "sources": digest,
                   "tools": tools}
        values.append(bench.result(
            "utilisation", depends, lambda case=case, order=order: _run(case, order)))
    bench.tell("utilisation", len(jobs), len(jobs))
    header = ("layer, torus, order of ops", "cycles/sample, RTL", "predicted", "MAC utilisation",
              "aim", "padding", "MAC waits for", "host bits", "needed")
    rows = [_row(case, order, value)
            for (case, order), value in zip(jobs, values, strict=True)]
    text = paragraphs(f"""
        MAC utilisation is the share of all cycles of all MACs that goes into useful products:
        useful products / (PEs x cycles). Padding is not useful. The cycles of a sample are
        (T({_SAMPLES} + 64) - T({_SAMPLES})) / 64, where T(n) is a whole run of n samples from host
        to host, on the RTL in Verilator ({tools}).

        What is lost is lost to padding and to waiting. Padding is blocks that do not fill all PEs;
        their weights are zero. What the MAC waits for is counted by the cycle model, which takes
        exactly the cycles of the RTL; docs/cycle-model.md explains the words. "host bits" is the
        width of the host stream, and "needed" is the narrowest width that does not bound the run. A
        hop takes 1 cycle, or 2 through the buffer (`tests/hw/ring/test_gather.py`). A result takes
        {MAC_CYCLES} cycles from its last product.""")
    text += "\n" + markdown_table(header, rows)
    return Table(text, values)


def _run(case: _Case, order: str) -> dict[str, Any]:
    compiled = compiled_layer(ClosShape(*case.shape), case.torus, case.host_bits, order)
    with SimDevice(engine="verilator") as device:
        device.load(compiled)
        cycles = device.steady_cycles(_SAMPLES)
    prediction = compiled.prediction
    return {"case": case, "order": order, "cycles": cycles, "predicted": prediction.cycles,
            "utilisation": prediction.ideal_cycles / cycles,
            "padding": (prediction.bounds["MAC"] - prediction.ideal_cycles) / cycles,
            "mac": prediction.breakdown.engines["mac"],
            "host_bits_needed": prediction.host_bits}


def _row(case: _Case, order: str, value: dict[str, Any]) -> tuple[object, ...]:
    waits = ", ".join(f"{activity} {percent(share)}" for activity, share in value["mac"].items()
                      if activity != "working" and share)
    aim = f"{100 * case.aim:g} %" if order == "best" else ""
    return (f"{ClosShape(*case.shape)} on {case.torus}, {order}",
            f"{value['cycles']:.5g}", f"{value['predicted']:.5g}",
            percent(value["utilisation"]), aim, percent(value["padding"]), waits or "nothing",
            case.host_bits, value["host_bits_needed"] or "more")
