"""Fits of Clos layers to dense ones, of 3072 x 768 weights: `python -m golden.studies.fits`.

Prints the tables of `docs/layers.md`: how long a fit takes and how near it comes, how near low rank
comes with as many weights, and what is left of a net's accuracy. Rows that were made are kept in
`build/fits/`, and not made again; with `--quick` there are few sweeps and steps.
"""

if __name__ == "__main__":
    from golden.system.stopping import begin

    begin("golden.studies.fits")  # Before anything slow is imported.

import argparse
import dataclasses
import time
from pathlib import Path

import torch

from golden.clos.fit import fit_clos
from golden.clos.forms import to_matrix
from golden.clos.shape import ClosShape
from golden.convert.distance import relative_distance
from golden.experiments.table import ResultTable
from golden.studies.fit_cases import MATRICES, matrix_of
from golden.system.ending import run_program
from golden.training.trainer import one_thread

__all__ = ["Fit", "Found", "fitted", "main", "speed_table"]

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


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m golden.studies.fits", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few sweeps and steps")
    parser.add_argument("--folder", type=Path, default=Path("build/fits"), help="of the rows")
    given = parser.parse_args()
    for line in speed_table(given.folder, quick=given.quick):
        print(line, flush=True)


if __name__ == "__main__":
    run_program("golden.studies.fits", main)
