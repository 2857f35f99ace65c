"""Accuracy against word width on scikit-learn's digits, for the table of `docs/arithmetic.md`.

Trains the default net once per seed and quantises it at each pair of widths. The program is
`python -m sim.measure.widths`.
"""

import dataclasses
import statistics
from collections.abc import Sequence

import torch

from golden.clos.net import ClosNet
from golden.data.datasets import Split, load_digits_split
from golden.fixed.quantise import quantise
from golden.system.runner import Runner, in_turn
from golden.training.trainer import DEFAULT_EPOCHS, DIGITS_SHAPES, Trainer, accuracy

__all__ = ["WIDTHS", "sweep", "table"]

WIDTHS = (
    *((bits, bits) for bits in (4, 5, 6, 7, 8, 10, 12, 16, 18)),
    (16, 4),
    (16, 8),
    (8, 16),
    (4, 16),
)
"""Pairs of activation and weight bits."""


def sweep(model: ClosNet, split: Split) -> dict[tuple[int, int], float]:
    """Return the test accuracy (0 to 1) of `model` at every pair of `WIDTHS`."""
    calibration = torch.as_tensor(split.train_x)
    test_x, test_y = torch.as_tensor(split.test_x), torch.as_tensor(split.test_y)
    found: dict[tuple[int, int], float] = {}
    for act_bits, weight_bits in WIDTHS:
        net = quantise(model, calibration, act_bits=act_bits, weight_bits=weight_bits)
        found[act_bits, weight_bits] = accuracy(net.infer(test_x), test_y)
    return found


def table(seeds: int, runner: Runner = in_turn) -> str:
    """Return a Markdown table of the test accuracies: mean, lowest and highest over the seeds.

    Parameters
    ----------
    seeds
        How many nets to train, at least 1.
    runner
        Trains them, each as a job of its own.
    """
    jobs = [_Training(seed) for seed in range(seeds)]
    found = dict(runner(_train, jobs))
    floats, scores = zip(*(found[job] for job in jobs), strict=True)
    lines = [
        "| activation bits | weight bits | mean % | lowest % | highest % |",
        "|---|---|---|---|---|",
        f"| float | float | {_figures(floats)} |",
    ]
    for act_bits, weight_bits in WIDTHS:
        figures = _figures([one[act_bits, weight_bits] for one in scores])
        lines.append(f"| {act_bits} | {weight_bits} | {figures} |")
    return "\n".join(lines)


@dataclasses.dataclass(frozen=True)
class _Training:
    """A net that one process trains at a time."""

    seed: int


def _train(job: _Training) -> tuple[float, dict[tuple[int, int], float]]:
    """Train a net; return its test accuracy in float, and in words of every pair of widths."""
    split = load_digits_split()
    model = ClosNet(DIGITS_SHAPES, generator=torch.Generator().manual_seed(job.seed))
    *_, last = Trainer(model, split, seed=job.seed).run(DEFAULT_EPOCHS)
    return last.test_accuracy, sweep(model, split)


def _figures(scores: Sequence[float]) -> str:
    figures = statistics.mean(scores), min(scores), max(scores)
    return " | ".join(f"{100 * figure:.1f}" for figure in figures)
