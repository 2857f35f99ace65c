"""`python -m sim.proofs [NAME...]`: run proofs and their covers, and print what came of them."""

if __name__ == "__main__":
    from golden.system.stopping import begin

    begin("sim.proofs")  # Before anything slow is imported.

import argparse
from pathlib import Path

from rich.console import Console
from rich.table import Column, Table

from golden.system.ending import run_program
from golden.system.status import BAD_INPUT
from sw_driver.errors import StorageError

from ..errors import SimError
from .catalogue import PROOFS, Proof
from .rtl import Rtl
from .runner import Mode, Result, prove

_FOLDER = Path("build") / "proofs"


def main(arguments: list[str] | None = None) -> int:
    """Return 0 if all holds, 1 if a claim fails, 3 if a tool fails; 2 for an unknown name or a disk
    that is full.
    """
    parser = argparse.ArgumentParser(prog="python -m sim.proofs", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME",
                        help=f"which proofs (all, if none is named): {', '.join(PROOFS)}")
    names = parser.parse_args(arguments).names or list(PROOFS)
    console = Console()
    unknown = [name for name in names if name not in PROOFS]
    if unknown:
        console.print(f"there is no proof {unknown[0]!r}; there are {', '.join(PROOFS)}")
        return 2
    table = Table(Column("proof", no_wrap=True), "claim",
                  "holds", "seconds", "goal reached", "seconds", "CPU seconds")
    good, cpu_seconds = True, 0.0
    for name in names:
        proof = PROOFS[name]
        try:
            with console.status(f"{name}: induction"):
                claim = _ask(proof, Mode.INDUCTION, proof.induction_cycles)
            with console.status(f"{name}: cover"):
                goal = _ask(proof, Mode.COVER, proof.goal_cycles)
        except (SimError, StorageError) as error:
            console.print(str(error), markup=False)
            return BAD_INPUT if isinstance(error, StorageError) else 3
        good = good and bool(claim.holds) and bool(goal.holds)
        for result in (claim, goal):
            if not result.holds:
                console.print(_why(name, result), markup=False)
        table.add_row(name, proof.claim, _word(claim), f"{claim.seconds:.0f}",
                      f"{_word(goal)}, cycle {goal.trace_cycles}", f"{goal.seconds:.0f}",
                      f"{claim.cpu_seconds + goal.cpu_seconds:.0f}")
        cpu_seconds += claim.cpu_seconds + goal.cpu_seconds
        console.print(f"{name}: {_word(claim)}", markup=False)
    console.print(table)
    console.print(f"{cpu_seconds:.0f} s of processor time, of user and system", markup=False)
    return 0 if good else 1


def _ask(proof: Proof, mode: Mode, depth: int) -> Result:
    return prove(proof.spec(Rtl()), mode, depth, folder=_FOLDER / f"{proof.name}-{mode.value}")


def _word(result: Result) -> str:
    return {True: "yes", False: "NO", None: "no answer"}[result.holds]


def _why(name: str, result: Result) -> str:
    if result.trace is None:
        return f"{name}: there is no such run, or time ran out"
    failed = "; ".join(result.failed)
    from_where = "from reset" if result.reachable else "from a state that may not be reachable"
    return f"{name}: {failed}. A run {from_where}: {result.trace}"


if __name__ == "__main__":
    run_program("sim.proofs", main)
