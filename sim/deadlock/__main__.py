"""Check the theorem of docs/deadlock.md on all small programs: `python -m sim.deadlock`.

Every program of up to so many repetitions is given to the check of waits and to the machine of the
theorem. None that the check accepts may lock up. Then each kind of wait is left out of the check in
turn: a program that this weaker check accepts and that locks up shows that the kind is needed.
Programs of up to two repetitions on one processing element are also run in every order of turns.

The exit status is 1 if an accepted program locks up, or if an order of turns changes the end.
"""

if __name__ == "__main__":
    from golden.system.stopping import begin

    begin("sim.deadlock")  # Before anything slow is imported.

import argparse
import time

from golden.system.ending import run_program
from golden.system.status import DIFFERENT
from sw_driver.system.arguments import LineParser, whole_number

from .search import Found, Kind, same_end, search
from .small import ORDERS, TORI, small_programs

__all__ = ["main"]

_MOST = 6
_ORDERS_SIZE = 2


def main(arguments: list[str] | None = None) -> int:
    """Return 0 if the theorem holds of all programs tried, 1 if it does not."""
    size = _parsed(arguments).size
    failed = False
    kinds: dict[Kind, str | None] = {}
    for name, torus in TORI.items():
        found, begun = Found(), time.monotonic()
        for count in range(1, size + 1):
            search(torus, small_programs(torus, count), found)
            print(f"{name}, up to {count} repetitions: {found.programs} programs; counts disagree "
                  f"in {found.counts}; {found.cycles} refused for a cycle, {found.strict} of them "
                  f"end; {found.accepted} accepted, {len(found.locked)} of them lock up "
                  f"({time.monotonic() - begun:.0f} s)", flush=True)
        for text in found.locked[:5]:
            print(f"{name}: FAIL: accepted, and locks up: {text}", flush=True)
        failed |= bool(found.locked)
        for kind, shown in found.kinds.items():
            kinds[kind] = kinds.get(kind) or shown
    failed |= not _orders(min(size, _ORDERS_SIZE))
    shown = {kind: text for kind, text in kinds.items() if text is not None}
    print(f"a check without one kind of wait is wrong for {len(shown)} of {len(kinds)} kinds:")
    for (first, second), text in sorted(shown.items()):
        print(f"  {first} -> {second}: accepts {text}")
    print("no program of this size needs these kinds beside the others:")
    for first, second in sorted(kinds.keys() - shown.keys()):
        print(f"  {first} -> {second}")
    return DIFFERENT if failed else 0


def _orders(size: int) -> bool:
    """Run programs in all orders of turns; whether all orders of a program have one end."""
    tried = 0
    for torus in ORDERS.values():
        for count in range(1, size + 1):
            for program in small_programs(torus, count):
                tried += 1
                if not same_end(torus, program):
                    print(f"FAIL: the end depends on the order of turns: {program.text}")
                    return False
    print(f"all orders of turns of {tried} programs on 1x1: one end for each program", flush=True)
    return True


def _parsed(arguments: list[str] | None) -> argparse.Namespace:
    parser = LineParser(prog="python -m sim.deadlock", description=__doc__,
                        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", metavar="N", default="4",
                        help="repetitions of a program, at most [default: 4]")
    asked = parser.parse_args(arguments)
    asked.size = whole_number("--size", asked.size, 1, _MOST)
    return asked


if __name__ == "__main__":
    run_program("sim.deadlock", main)
