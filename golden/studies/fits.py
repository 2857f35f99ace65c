"""Fits of Clos layers to dense ones, of 3072 x 768 weights: `python -m golden.studies.fits`.

Prints the tables of `docs/layers.md`: how long a fit takes and how near it comes, how near low rank
comes with as many weights, and what is left of a net's accuracy. Rows that were made are kept in
`build/fits/`, and not made again; with `--quick` there are few sweeps and steps.
"""

if __name__ == "__main__":
    from golden.system.stopping import begin

    begin("golden.studies.fits")  # Before anything slow is imported.

import argparse
import copy
import dataclasses
import time
from pathlib import Path
from typing import cast

import torch
from torch import nn

from golden.clos.fit import fit_clos
from golden.clos.forms import to_matrix
from golden.clos.layer import ClosLinear
from golden.clos.shape import ClosShape
from golden.convert.distance import relative_distance
from golden.experiments.fitting import fit, score
from golden.experiments.table import ResultTable
from golden.layers import LowRankLinear
from golden.studies.fit_cases import MATRICES, activations, digits, digits_net, matrix_of
from golden.studies.fit_rivals import KINDS, output_distance, replaced
from golden.system.ending import run_program
from golden.training.trainer import one_thread

__all__ = [
    "Accuracy",
    "Fit",
    "Found",
    "Near",
    "accuracy_table",
    "main",
    "near_table",
    "speed_table",
]

REDUCTIONS = (4.0, 5.5)
_FEWEST = 21.0
_STEPS, _RATE = 250, 5e-4
_BEFORE = "200 sweeps"
_DEFAULT = "default"


@dataclasses.dataclass(frozen=True)
class Fit:
    """A fit: the matrix, how it is made, and the dense weights for each one."""

    matrix: str
    method: str
    reduction: float


@dataclasses.dataclass(frozen=True)
class Found:
    """What came of it: sweeps, seconds of one core, and the distance relative to the matrix."""

    sweeps: int
    seconds: float
    distance: float


@dataclasses.dataclass(frozen=True)
class Near:
    """Distances relative to the dense layer: of the weights, and of outputs for digits."""

    weights: float
    outputs: float


@dataclasses.dataclass(frozen=True)
class Accuracy:
    """Parts of the test digits in the right class, at once and after fine-tuning."""

    at_once: float
    tuned: float


def fitted(run: Fit, sweeps: int = 200) -> Found:
    """Fit a Clos layer; "200 sweeps" begins with random factors and has no momentum."""
    matrix = matrix_of(run.matrix)
    outputs, inputs = matrix.shape
    shape = ClosShape.from_budget(inputs, outputs, reduction=run.reduction)
    generator = torch.Generator().manual_seed(0)
    made: list[int] = []

    def count(number: int, _: float) -> None:
        made.append(number)

    with one_thread():
        begun = time.process_time()
        if run.method == _BEFORE:
            weights = fit_clos(
                matrix,
                shape,
                sweeps=sweeps,
                tolerance=0,
                start="random",
                momentum=False,
                dtype=torch.float64,
                progress=count,
                generator=generator,
            )
        else:
            weights = fit_clos(matrix, shape, sweeps=sweeps, progress=count, generator=generator)
        seconds = time.process_time() - begun
    return Found(len(made), seconds, relative_distance(to_matrix(shape, weights), matrix))


def speed_table(folder: Path, *, quick: bool = False) -> list[str]:
    """Return the rows of the table of fits at 4 times fewer weights, as Markdown."""
    table = ResultTable(folder / "speed.csv", Fit, Found)
    lines = [
        "| matrix | fit | sweeps | seconds | distance | relative to 200 sweeps |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for matrix in MATRICES:
        runs = [Fit(matrix, method, 4.0) for method in (_BEFORE, _DEFAULT)]
        for run in runs:
            if run not in table.results:
                table.add(run, fitted(run, 2 if quick else 200))
        long = table.results[runs[0]]
        for run in runs:
            found = table.results[run]
            lines.append(
                f"| {matrix} | {run.method} | {found.sweeps} | {found.seconds:.1f} | "
                f"{found.distance:.4f} | {found.distance / long.distance:.3f} |"
            )
    return lines


def near_table(folder: Path, *, quick: bool = False) -> list[str]:
    """Return the rows of the table of distances of Clos and low rank, as Markdown.

    By inputs, and of outputs, they are for the matrix that has inputs, the trained one.
    """
    table = ResultTable(folder / "near.csv", Fit, Near)
    lines = [
        "| matrix | fewer weights | layer | distance of weights | distance of outputs |",
        "|---|---:|---|---:|---:|",
    ]
    for matrix in MATRICES:
        for reduction in REDUCTIONS[: 1 if quick else None]:
            for kind in KINDS if matrix == "trained" else KINDS[:2]:
                run = Fit(matrix, kind, reduction)
                if run not in table.results:
                    table.add(run, nearness(run))
                found = table.results[run]
                outputs = f"{found.outputs:.3f}" if matrix == "trained" else ""
                lines.append(
                    f"| {matrix} | {reduction:g}x | {kind} | {found.weights:.3f} | {outputs} |"
                )
    return lines


def nearness(run: Fit) -> Near:
    """Fit a layer and measure it, the outputs for digits that it was not fitted by."""
    dense = nn.Linear(*reversed(matrix_of(run.matrix).shape), bias=True)
    with torch.no_grad():
        dense.weight.copy_(matrix_of(run.matrix))
    with one_thread():
        layer = replaced(dense, run.method, run.reduction, activations("train"))
        weights = relative_distance(
            cast(ClosLinear | LowRankLinear, layer).to_dense().detach(), dense.weight.detach()
        )
        return Near(weights, output_distance(layer, dense, activations("test")))


def accuracy_table(folder: Path, *, quick: bool = False) -> list[str]:
    """Return the rows of the table of accuracies before and after fine-tuning, as Markdown."""
    table = ResultTable(folder / "accuracy.csv", Fit, Accuracy)
    lines = [
        "| middle layer | fewer weights | at once | after 2 more epochs |",
        "|---|---:|---:|---:|",
    ]
    steps = 2 if quick else _STEPS
    runs = [Fit("trained", "dense", 1.0)]
    for reduction in (*REDUCTIONS, _FEWEST)[: 1 if quick else None]:
        runs += [Fit("trained", kind, reduction) for kind in (*KINDS, "Clos, new")]
    for run in runs:
        if run not in table.results:
            table.add(run, tuned(run, steps))
        found = table.results[run]
        lines.append(
            f"| {run.method} | {run.reduction:g}x | {100 * found.at_once:.1f} % | "
            f"{100 * found.tuned:.1f} % |"
        )
    return lines


def tuned(run: Fit, steps: int) -> Accuracy:
    """Replace the middle layer of the net, score it on 2,000 test digits, train on and score."""
    net, split = copy.deepcopy(digits_net()), digits()
    x, labels, test_x, test_y = (
        torch.as_tensor(part) for part in (split.train_x, split.train_y, split.test_x, split.test_y)
    )
    if run.method != "dense":
        middle = cast(nn.Linear, net[2])
        net[2] = replaced(middle, run.method, run.reduction, activations("train"))
    at_once = score(net, test_x, test_y)
    fit(net, x, labels, rate=_RATE, steps=steps, batch=64, seed=1)
    return Accuracy(at_once, score(net, test_x, test_y))


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m golden.studies.fits", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few sweeps and steps")
    parser.add_argument("--folder", type=Path, default=Path("build/fits"), help="of the rows")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    for table in (speed_table, near_table, accuracy_table):
        print("\n".join(table(given.folder, quick=given.quick)), end="\n\n", flush=True)


if __name__ == "__main__":
    run_program("golden.studies.fits", main)
