"""Accuracy against word width on scikit-learn's digits: `python -m golden.studies.widths`.

Trains the default net once per seed and quantises it at each pair of widths; prints the table of
`docs/arithmetic.md`.
"""

if __name__ == "__main__":
    from golden.system.stopping import begin

    begin("golden.studies.widths")  # Before anything slow is imported.

import argparse
import statistics

import torch

from golden.clos.net import ClosNet
from golden.data.datasets import Split, load_digits_split
from golden.fixed.quantise import quantise
from golden.system.ending import run_program
from golden.training.trainer import DEFAULT_EPOCHS, DIGITS_SHAPES, Trainer, accuracy

__all__ = ["WIDTHS", "main", "sweep"]

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


def main() -> None:
    """Print the accuracies as a Markdown table: mean, lowest and highest over the seeds."""
    parser = argparse.ArgumentParser(prog="python -m golden.studies.widths", description=__doc__)
    parser.add_argument("--seeds", type=int, default=5, help="how many nets to train")
    seeds: int = parser.parse_args().seeds
    split = load_digits_split()
    float_scores: list[float] = []
    scores: dict[tuple[int, int], list[float]] = {widths: [] for widths in WIDTHS}
    for seed in range(seeds):
        model = ClosNet(DIGITS_SHAPES, generator=torch.Generator().manual_seed(seed))
        for stats in Trainer(model, split, seed=seed).run(DEFAULT_EPOCHS):
            if stats.epoch == DEFAULT_EPOCHS:
                float_scores.append(stats.test_accuracy)
        for widths, score in sweep(model, split).items():
            scores[widths].append(score)
    print("| activation bits | weight bits | mean % | lowest % | highest % |")
    print("|---|---|---|---|---|")
    print(f"| float | float | {_figures(float_scores)} |")
    for (act_bits, weight_bits), found in scores.items():
        print(f"| {act_bits} | {weight_bits} | {_figures(found)} |")


def _figures(scores: list[float]) -> str:
    figures = statistics.mean(scores), min(scores), max(scores)
    return " | ".join(f"{100 * figure:.1f}" for figure in figures)


if __name__ == "__main__":
    run_program("golden.studies.widths", main)
