"""Flip bits in a torus that runs, and count what comes of it: `python -m sim.faults`.

Each flip is one bit at a random place, in a random cycle of a program of a small net on a 2x2
torus, without checks and with them (the option `checks` of a torus, docs/faults.md). It is masked;
or flagged though the outputs are right; or detected: the outputs are wrong, or do not come, and a
flag says so; or silent: they are wrong and no flag says so; or the torus hangs without a flag.

Every 100 flips add a row to DIR/runs.sqlite, so the same command goes on where it was stopped, and
more --flips add to those that are there. With another --seed other bits flip. With --trains the net
is trained, and what comes back is all outputs and the trained weights, biases, accumulators and
random generators. The exit status is 1 if a torus with checks gives a wrong output without a flag
after a flip in a memory or on a link.

  python -m sim.faults --flips 100
  python -m sim.faults --flips 1000 --workers 2 --page docs/faults.md
  python -m sim.faults --flips 500 --only accumulator registers --seed 2
  python -m sim.faults --trains --flips 1000 --page docs/faults.md
"""

if __name__ == "__main__":
    from golden.system.stopping import begin

    begin("sim.faults")  # Before anything slow is imported.

import argparse
import shlex
import sys
from pathlib import Path

from golden.system.ending import run_program
from golden.system.status import DIFFERENT
from sim.measure.campaign_page import check_page, made, write_page
from sw_driver.errors import DriverError
from sw_driver.jobs.engine import MOST_WORKERS, runner
from sw_driver.jobs.store import open_store
from sw_driver.system.arguments import LineParser, whole_number
from sw_driver.system.console import Output
from sw_driver.system.files import make_folder

from .campaign import Batch, Came, Total, run_campaign
from .page import COLUMNS, MARK, TRAINING_MARK, rows
from .sites import KINDS
from .training_bench import PREFIX
from .training_sites import TRAINING_KINDS

__all__ = ["main"]

_STORE = "runs.sqlite"
_CHECKED = frozenset(("weights", "buffers", "biases", "program", "links", "gradients",
                      "velocities", "partials", "links-back", "random"))
_MOST_FLIPS, _MOST_SEED = 1_000_000, (1 << 31) - 1


def main(arguments: list[str] | None = None) -> int:
    """Return 0, or 1 if a flip that checks must find was silent."""
    asked = _parsed(arguments)
    if asked.page is not None:
        check_page(asked.page, asked.mark)
    when = made()
    talk = Output(as_json=False, quiet=asked.quiet)
    make_folder(asked.out)
    with (runner(asked.workers, None, talk.note) as jobs,
          open_store(asked.out / _STORE, "faults", Batch, Came) as store, talk.progress() as tell):
        # Those with checks come first: they are what must be right.
        tori = (1,) if asked.no_baseline else (1, 0)
        found = run_campaign(asked.only, tori, asked.seed, asked.flips, store, jobs, tell)
    talk.table("what came of the flips", COLUMNS, rows(found))
    if asked.page is not None:
        given = sys.argv[1:] if arguments is None else arguments
        write_page(asked.page, asked.mark, f"python -m sim.faults {shlex.join(given)}", when,
                   COLUMNS, rows(found))
    return DIFFERENT if any(_is_wrong(one) for one in found) else 0


def _is_wrong(one: Total) -> bool:
    return bool(one.checks and one.silent and one.kind.removeprefix(PREFIX) in _CHECKED)


def _parsed(arguments: list[str] | None) -> argparse.Namespace:
    parser = LineParser(prog="python -m sim.faults", description=__doc__,
                        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--flips", metavar="N", default="100",
                        help="bits of each kind of place, each with checks and without "
                        "[default: 100]")
    parser.add_argument("--no-baseline", action="store_true",
                        help="leave out tori without checks")
    parser.add_argument("--trains", action="store_true", help="the net is trained")
    more = [kind for kind in TRAINING_KINDS if kind not in KINDS]
    parser.add_argument("--only", nargs="+", metavar="KIND",
                        help=f"kinds of places: {', '.join(KINDS)}; with --trains also "
                        f"{', '.join(more)} [default: all]")
    parser.add_argument("--seed", metavar="N", default="1",
                        help="what places, bits and cycles follow from [default: 1]")
    parser.add_argument("--workers", metavar="N", default="1",
                        help="processes at once; figures do not depend on it [default: 1]")
    parser.add_argument("--out", metavar="DIR", type=Path, default=Path("out/faults"),
                        help="where the store is [default: out/faults]")
    parser.add_argument("--page", metavar="FILE", type=Path,
                        help="write the table to this page, such as docs/faults.md")
    parser.add_argument("--quiet", action="store_true", help="print neither progress nor the table")
    asked = parser.parse_args(arguments)
    kinds = TRAINING_KINDS if asked.trains else KINDS
    for kind in asked.only or ():
        if kind not in kinds:
            raise DriverError(f"--only must name some of {', '.join(kinds)}, not {kind!r}")
    prefix = PREFIX if asked.trains else ""
    asked.only = [prefix + kind for kind in dict.fromkeys(asked.only or kinds)]
    asked.mark = TRAINING_MARK if asked.trains else MARK
    for name, least, most in (("flips", 1, _MOST_FLIPS), ("seed", 0, _MOST_SEED),
                              ("workers", 1, MOST_WORKERS)):
        setattr(asked, name, whole_number(f"--{name}", getattr(asked, name), least, most))
    return asked


if __name__ == "__main__":
    run_program("sim.faults", main)
