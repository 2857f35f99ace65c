"""Break compiled programs at random: `python -m tests.support.deadlock [--minutes N]`.

Programs of small nets on small tori are broken, and the check of waits is asked about each. One
that it accepts must end in the untimed interpreter, in which engines take turns at random; with
--rtl it must end in the RTL. Every job adds a row to DIR/untimed.sqlite or DIR/rtl.sqlite, so the
same command goes on where it was stopped, and the table counts all rows of both files. The exit
status is 1 if a program that the check accepts does not end.
"""

if __name__ == "__main__":
    from golden.system.stopping import begin

    begin("tests.support.deadlock")  # Before anything slow is imported.

import argparse
from pathlib import Path

from golden.system.ending import run_program
from golden.system.status import DIFFERENT
from sim.measure.campaign_page import check_page, made, write_page
from sim.measure.markdown import table_lines
from sw_driver.errors import DriverError
from sw_driver.jobs.engine import cores, runner
from sw_driver.jobs.store import open_store
from sw_driver.system.arguments import LineParser
from sw_driver.system.console import Output
from sw_driver.system.files import make_folder
from tests.support.deadlock.campaign import Batch, Came, campaign, wrong
from tests.support.deadlock.page import COLUMNS, MARK, rows


def main(arguments=None):
    """Return 0 if every accepted program has ended, 1 if one has not."""
    asked = parsed(arguments)
    if asked.page:
        check_page(asked.page, MARK)
    where = "RTL" if asked.rtl else "untimed"
    talk = Output(as_json=False, quiet=asked.quiet)
    when = made()
    make_folder(asked.out)
    with runner(asked.workers, None, talk.note) as run, \
            rows_of(asked.out, where) as store, \
            talk.progress() as tell:
        campaign(where, asked.programs, asked.minutes, store, run, asked.workers or cores(), tell)
        results = dict(store.results)
    with rows_of(asked.out, "untimed" if asked.rtl else "RTL") as store:
        results |= store.results
    print("\n".join(table_lines(COLUMNS, rows(results))), flush=True)
    if asked.page:
        command = f"python -m tests.support.deadlock --programs {asked.programs}"
        write_page(asked.page, MARK, command + " --rtl" * asked.rtl + f" --page {asked.page}",
                   when, COLUMNS, rows(results))
    for place, case, number in wrong(results):
        print(f"FAIL: {place}: program {case}, broken with number {number}, passes the check and "
              "does not end", flush=True)
    return DIFFERENT if wrong(results) else 0


def rows_of(folder, where):
    return open_store(folder / f"{where.lower()}.sqlite", "deadlock", Batch, Came)


def parsed(arguments):
    parser = LineParser(prog="python -m tests.support.deadlock", description=__doc__,
                        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", metavar="N", default="100000",
                        help="programs to try; on the RTL, to run [default: 100000]")
    parser.add_argument("--minutes", metavar="N", default="1000000",
                        help="begin no job after so many minutes [default: no limit]")
    parser.add_argument("--rtl", action="store_true",
                        help="run accepted programs in the native model, not in the interpreter")
    parser.add_argument("--workers", metavar="N",
                        help="processes at once [default: the cores]")
    parser.add_argument("--out", metavar="DIR", type=Path, default=Path("out/deadlock"),
                        help="where the rows are kept [default: out/deadlock]")
    parser.add_argument("--page", metavar="FILE", type=Path,
                        help="write the table to this page, such as docs/deadlock.md")
    parser.add_argument("--quiet", action="store_true", help="show no progress")
    asked = parser.parse_args(arguments)
    for name in ("programs", "minutes", "workers"):
        text = getattr(asked, name)
        setattr(asked, name, None if text is None else whole(f"--{name}", text))
    return asked


def whole(name, text):
    if not (text.isascii() and text.isdigit() and int(text)):
        raise DriverError(f"{name} must be a whole number above 0, not {text!r}")
    return int(text)


if __name__ == "__main__":
    run_program("tests.support.deadlock", main)
