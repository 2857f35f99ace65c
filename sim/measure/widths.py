"""Accuracy against word width on scikit-learn's digits: `python -m sim.measure.widths`.

Prints the table of `docs/arithmetic.md`; `golden.studies.widths` says what is trained.
"""

if __name__ == "__main__":
    from golden.system.stopping import begin

    begin("sim.measure.widths")  # Before anything slow is imported.

import argparse
import sys

from golden.studies.widths import table
from golden.system.ending import run_program
from sw_driver.errors import DriverError
from sw_driver.jobs.engine import runner

__all__ = ["main"]


def main() -> None:
    """Print the table that the arguments ask for."""
    parser = argparse.ArgumentParser(prog="python -m sim.measure.widths", description=__doc__)
    parser.add_argument("--seeds", type=int, default=5, help="how many nets to train")
    parser.add_argument("--workers", type=int, help="processes to train in; default: the cores")
    parser.add_argument("--scheduler", help="train on this scheduler of Dask, instead")
    options = parser.parse_args()
    if options.seeds < 1:
        raise DriverError(f"seeds must be at least 1, not {options.seeds}")
    with runner(options.workers, options.scheduler, _note) as run:
        print(table(options.seeds, run))


def _note(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    run_program("sim.measure.widths", main)
