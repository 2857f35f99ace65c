"""Accuracy of ways to train at batch 1: `python -m sim.measure.training_ways --data digits`.

It compares losses, and stale by one against one sample after the other, for docs/training.md. All
train by the golden model of a torus, whose words are those of the torus.
"""

if __name__ == "__main__":
    from golden.system.stopping import begin

    begin("sim.measure.training_ways")  # Before anything slow is imported.

import argparse
import dataclasses
import statistics
import sys
from collections.abc import Sequence

from golden.system.ending import run_program
from golden.system.runner import Runner, in_turn
from sw_driver.errors import DriverError
from sw_driver.jobs.engine import runner

__all__ = ["LAYERS", "WAYS", "accuracies_of", "main", "table"]

LAYERS = {
    "digits": ((64, 64, 8, 8, 8), (64, 10, 8, 8, 5)),
    "mnist10k": ((784, 128, 28, 8, 16), (128, 10, 16, 8, 5)),
}
"""Of each dataset the Clos layers of the net: inputs, outputs, and the routers of three stages."""


WAYS = (("cross-entropy", 0.03), ("squared-error", 0.0625), ("squared-error", 0.03125))
"""Losses, and learning rates of the first epoch."""


@dataclasses.dataclass(frozen=True)
class _Job:
    """Two trainings from scratch by a loss: one sample after the other, and stale by one."""

    data: str
    torus: str
    epochs: int
    samples: int | None
    seed: int
    loss: str
    learning_rate: float


def accuracies_of(job: _Job) -> tuple[float, float]:
    """Train on the golden model of a torus, not stale and stale; return the last accuracies."""
    import torch

    from golden import ClosShape
    from golden.data.source import Source
    from sw_driver.device.golden import GoldenDevice
    from sw_driver.train.loop import TrainingLoop
    from sw_driver.train.prepared import compile_recipe, prepare
    from sw_driver.train.recipe import Recipe

    torch.set_num_threads(1)
    recipe = Recipe(
        loss=job.loss, learning_rate=job.learning_rate, epochs=job.epochs, seed=job.seed)
    shapes = [ClosShape(*layer) for layer in LAYERS[job.data]]
    prepared = prepare(Source(job.data), shapes, job.torus, recipe, samples=job.samples)
    stale = dataclasses.replace(recipe, stale=True)
    form = prepared.compiled.format
    found: list[float] = []
    for how, compiled in (
        (recipe, prepared.compiled), (stale, compile_recipe(form, job.torus, stale))):
        with GoldenDevice() as device:
            device.load(compiled, prepared.state)
            *_, last = TrainingLoop(device, how, prepared.split).run()
        found.append(last.test_accuracy)
    return found[0], found[1]


def table(
    data: str, seeds: int, epochs: int, torus: str, *, samples: int | None = None,
    run: Runner = in_turn,
) -> str:  # fmt: skip
    """Return a Markdown table of accuracies, stale and not, of seeds 0, 1, and so on.

    Parameters
    ----------
    data
        One of `LAYERS`.
    seeds, epochs, torus
        How many nets of each way, passes over the data, and "RxC".
    samples
        Only so many of the training samples; by default all.
    run
        Does the trainings.
    """
    jobs = [
        _Job(data, torus, epochs, samples, seed, *way) for way in WAYS for seed in range(seeds)]
    found = dict(run(accuracies_of, jobs))
    lines = ["| loss | learning rate | stale | accuracies, % | mean |", "|---" * 5 + "|"]
    for loss, rate in WAYS:
        both = [found[job] for job in jobs if (job.loss, job.learning_rate) == (loss, rate)]
        for name, scores in zip(("no", "by one"), zip(*both, strict=True), strict=True):
            each = ", ".join(f"{100 * score:.1f}" for score in scores)
            mean = statistics.mean(scores)
            lines.append(f"| {loss} | {rate:g} | {name} | {each} | {100 * mean:.2f} % |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table that the arguments ask for."""
    parser = argparse.ArgumentParser(
        prog="python -m sim.measure.training_ways", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--data", default="digits", help=f"{' or '.join(LAYERS)} [default: digits]")
    parser.add_argument("--seeds", type=int, default=5, help="nets of each way [default: 5]")
    parser.add_argument("--epochs", type=int, default=6, help="[default: 6]")
    parser.add_argument("--torus", metavar="RxC", default="4x4", help="[default: 4x4]")
    parser.add_argument("--samples", type=int, help="of the training samples; default: all")
    parser.add_argument("--workers", type=int, help="processes to train in; default: the cores")
    asked = parser.parse_args(arguments)
    if asked.data not in LAYERS:
        raise DriverError(f"data must be {' or '.join(LAYERS)}, not {asked.data!r}")
    for name in ("seeds", "samples"):
        value = getattr(asked, name)
        if value is not None and value < 1:
            raise DriverError(f"{name} must be at least 1, not {value}")
    with runner(asked.workers, None, _note) as run:
        print(
            table(asked.data, asked.seeds, asked.epochs, asked.torus, samples=asked.samples,
                  run=run),
            flush=True)  # fmt: skip


def _note(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    run_program("sim.measure.training_ways", main)
