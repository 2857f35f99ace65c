"""Training on the RTL: how many samples a second each engine takes, and that it learns."""

import dataclasses
import time
from typing import Any

import torch

from golden import DIGITS_SHAPES, ClosShape, Split
from golden.data.source import Source
from sim.device.device import SimDevice
from sim.errors import SimError
from sim.toolchain import find_toolchain
from sw_driver.device.golden import GoldenDevice
from sw_driver.train.loop import TrainingLoop
from sw_driver.train.prepared import Prepared, prepare
from sw_driver.train.recipe import Recipe
from sw_driver.train.weights import stored_words

from .nets import RTL_PACKAGES
from .results import Bench, Table, markdown_table, paragraphs, source_digest
from .simulation import machine

__all__ = ["TITLE", "measure"]

TITLE = "Training on the RTL"


@dataclasses.dataclass(frozen=True)
class _Case:
    """A net that is trained on so many samples, one step each."""

    data: str
    shapes: tuple[ClosShape, ...]
    torus: str
    steps: int
    tests: int


_QUICK = _Case("digits", DIGITS_SHAPES, "4x4", steps=1000, tests=360)
_CASES = (
    _QUICK,
    _Case("mnist10k", (ClosShape(784, 128, 28, 8, 16), ClosShape(128, 10, 16, 8, 5)), "8x8",
          steps=2100, tests=200),
)
_SHOWN = 250  # Steps whose mean loss is shown, the first ones and the last ones.


def measure(bench: Bench) -> Table:
    """Train digits on 4x4 and 10,000 MNIST digits on 8x8; quick: digits. About 6 minutes."""
    cases = [_QUICK] if bench.quick else list(_CASES)
    tools = find_toolchain().versions
    values: list[dict[str, Any]] = []
    for case in cases:
        depends = {"sources": source_digest(*RTL_PACKAGES), "tools": tools, "machine": machine(),
                   "case": dataclasses.asdict(case)}
        values.append(bench.result("learning", depends, lambda case=case: _run(case, bench)))
    text = paragraphs(f"""
        SGD with batches of one sample trains from scratch in the fixed point of docs/training.md,
        with learning rate {Recipe().learning_rate}, on the RTL in the native harness and on the
        golden model; in turn by both engines of `--engine`, Verilator and the vector engine.
        Compared are the loss of every step, computed from the outputs of each, and at the end every
        weight, every bias and every random generator. What is equal is so on both engines.

        "golden" is the golden model as compiled code (docs/training.md), and "PyTorch" its
        definition: all losses and words of these two are equal, or no table is printed.
        "loss" is the mean of the first {_SHOWN} steps and that of the last {_SHOWN} steps, in nats.
        "samples/s" counts the processor time of one core, the host's work included. All was
        measured on {machine()}, with {tools}.""")
    header = ("data, net, torus", "steps", "cycles/sample", "samples/s, Verilator", "vector",
              "times Verilator", "golden", "PyTorch", "loss", "test accuracy",
              "losses equal", "words equal")
    rows = [(f"{value['data']}, {value['net']}, {value['torus']}", value["steps"],
             f"{value['cycles']:.4g}", f"{value['rates']['Verilator']:.3g}",
             f"{value['rates']['vector']:.3g}",
             f"{value['rates']['vector'] / value['rates']['Verilator']:.1f}",
             f"{value['rates']['golden']:.0f}", f"{value['rates']['PyTorch']:.3g}",
             f"{value['first_loss']:.3f} to {value['last_loss']:.3f}",
             f"{100 * value['accuracy']:.1f} %", value["equal_losses"],
             f"{value['equal_words']} of {value['words']}") for value in values]
    return Table(text + "\n" + markdown_table(header, rows), values)


def _run(case: _Case, bench: Bench) -> dict[str, Any]:
    torch.set_num_threads(1)
    prepared = prepare(Source(case.data), case.shapes, case.torus, Recipe(epochs=1))
    whole = prepared.split
    split = dataclasses.replace(
        whole, train_x=whole.train_x[: case.steps], train_y=whole.train_y[: case.steps],
        test_x=whole.test_x[: case.tests], test_y=whole.test_y[: case.tests])
    devices: dict[str, GoldenDevice | SimDevice] = {
        "PyTorch": GoldenDevice(engine="torch"),
        "golden": GoldenDevice(engine="compiled"),
        "Verilator": SimDevice(progress=bench.tell, engine="verilator"),
        "vector": SimDevice(progress=bench.tell, engine="vector")}
    loops: dict[str, TrainingLoop] = {}
    rates: dict[str, float] = {}
    stored: dict[str, dict[str, torch.Tensor]] = {}
    for name, device in devices.items():
        with device:
            device.load(prepared.compiled, prepared.state)
            loops[name], rates[name] = _train(device, prepared, split, name, bench)
            stored[name] = stored_words(prepared.compiled.format, device.read_state())
    defined, wanted, losses = stored["PyTorch"], stored["golden"], loops["Verilator"].losses
    if loops["PyTorch"].losses != loops["golden"].losses or not all(
            defined[name].equal(words) for name, words in wanted.items()):
        raise SimError(f"the compiled golden model of {case.data} on {case.torus} must be its "
                       "definition's equal")
    return {
        "data": case.data,
        "net": ", ".join(map(str, case.shapes)),
        "torus": case.torus,
        "steps": len(losses),
        "cycles": (loops["Verilator"].cycles or 0) / len(losses),
        "rates": rates,
        "first_loss": sum(losses[:_SHOWN]) / _SHOWN,
        "last_loss": sum(losses[-_SHOWN:]) / _SHOWN,
        "accuracy": loops["Verilator"].position.history[-1].test_accuracy,
        "equal_losses": sum(len(set(found)) == 1 for found in zip(
            *(loop.losses for loop in loops.values()), strict=True)),
        "words": sum(tensor.numel() for tensor in wanted.values()),
        "equal_words": sum(
            int(((wanted[name] == stored["Verilator"][name])
                 & (wanted[name] == stored["vector"][name])).sum()) for name in wanted),
    }


def _train(device: GoldenDevice | SimDevice, prepared: Prepared, split: Split, name: str,
           bench: Bench) -> tuple[TrainingLoop, float]:
    """Train on a device that is loaded; also the samples for each second of the processor."""
    stamps: list[float] = []

    def watch(done: int, total: int) -> None:
        stamps.append(time.process_time())
        if done % 20 == 0 or done == total:
            bench.tell(f"{split.name}, {name}", done, total)

    loop = TrainingLoop(device, prepared.recipe, split, watch=watch)
    begin = time.process_time()
    list(loop.run())
    return loop, len(stamps) / (stamps[-1] - begin)
