"""Accuracy of fixed-point training against its widths: `python -m sim.measure.training_widths`.

Prints the tables of `docs/arithmetic.md`; `golden.studies.training_widths` says what is trained.
"""

if __name__ == "__main__":
    from golden.system.stopping import begin

    begin("sim.measure.training_widths")  # Before anything slow is imported.

import argparse
import sys

from golden.studies.training_widths import tables
from golden.system.ending import run_program
from sw_driver.jobs.engine import runner

__all__ = ["main"]


def main() -> None:
    """Print the tables that the arguments ask for."""
    parser = argparse.ArgumentParser(
        prog="python -m sim.measure.training_widths", description=__doc__
    )
    parser.add_argument("--seeds", type=int, default=3, help="how many nets to train")
    parser.add_argument("--workers", type=int, help="processes to train in; default: the cores")
    parser.add_argument("--scheduler", help="train on this scheduler of Dask, instead")
    parser.add_argument(
        "--recipe", default="", help="use the recipes with this pattern in their name"
    )
    parser.add_argument(
        "--only", default="", help="train the choices with this pattern in their name"
    )
    options = parser.parse_args()
    with runner(options.workers, options.scheduler, _note) as run:
        for table in tables(options.seeds, options.recipe, options.only, run):
            print(f"\n{table}", flush=True)


def _note(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    run_program("sim.measure.training_widths", main)
