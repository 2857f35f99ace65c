"""Training on the RTL: how many samples a second the simulation takes, and that it learns."""

import dataclasses
import time
from typing import Any

import torch

from golden import DIGITS_SHAPES, ClosShape
from golden.data.source import Source
from sim.device.device import SimDevice
from sim.errors import SimError
from sim.toolchain import find_toolchain
from sw_driver.device.golden import GoldenDevice
from sw_driver.train.loop import TrainingLoop
from sw_driver.train.prepared import prepare
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
    """Train digits on 4x4 and 10,000 MNIST digits on 8x8; quick: digits. About 10 minutes."""
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
        golden model. Compared are the loss of every step, computed from the outputs of each, and at
        the end every weight, every bias and every random generator.

        "golden" is the golden model as compiled code (docs/training.md), and "PyTorch" its
        definition: all losses and words of these two are equal, or no table is printed.
        "loss" is the mean of the first {_SHOWN} steps and that of the last {_SHOWN} steps, in nats.
        "samples/s" counts the processor time of one core, the host's work included. All was
        measured on {machine()}, with {tools}.""")
    header = ("data, net, torus", "steps", "cycles/sample", "samples/s, RTL", "golden", "PyTorch",
              "loss", "test accuracy", "losses equal", "words equal")
    rows = [(f"{value['data']}, {value['net']}, {value['torus']}", value["steps"],
             f"{value['cycles']:.4g}", f"{value['rate']:.3g}", f"{value['golden_rate']:.0f}",
             f"{value['torch_rate']:.3g}",
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
    work = f"{case.data} on {case.torus}"
    with (GoldenDevice(engine="torch") as by_torch, GoldenDevice(engine="compiled") as golden,
          SimDevice(progress=bench.tell, engine="verilator") as sim):
        loops: list[TrainingLoop] = []
        rates: list[float] = []
        for name, device in (("PyTorch", by_torch), ("golden", golden), ("RTL", sim)):
            device.load(prepared.compiled, prepared.state)
            stamps: list[float] = []

            def watch(done: int, total: int, name: str = name, stamps: list = stamps) -> None:
                stamps.append(time.process_time())
                if done % 20 == 0 or done == total:
                    bench.tell(f"{work}, {name}", done, total)

            loop = TrainingLoop(device, prepared.recipe, split, watch=watch)
            begin = time.process_time()
            list(loop.run())
            loops.append(loop)
            rates.append(len(stamps) / (stamps[-1] - begin))
        defined, wanted, found = (stored_words(prepared.compiled.format, device.read_state())
                                  for device in (by_torch, golden, sim))
    losses = loops[2].losses
    if loops[0].losses != loops[1].losses or not all(
            defined[name].equal(words) for name, words in wanted.items()):
        raise SimError(f"the compiled golden model of {work} must be its definition's equal")
    return {
        "data": case.data,
        "net": ", ".join(map(str, case.shapes)),
        "torus": case.torus,
        "steps": len(losses),
        "cycles": (loops[2].cycles or 0) / len(losses),
        "torch_rate": rates[0],
        "golden_rate": rates[1],
        "rate": rates[2],
        "first_loss": sum(losses[:_SHOWN]) / _SHOWN,
        "last_loss": sum(losses[-_SHOWN:]) / _SHOWN,
        "accuracy": loops[2].position.history[-1].test_accuracy,
        "equal_losses": sum(map(float.__eq__, loops[1].losses, losses)),
        "words": sum(tensor.numel() for tensor in wanted.values()),
        "equal_words": sum(int((wanted[name] == found[name]).sum()) for name in wanted),
    }
