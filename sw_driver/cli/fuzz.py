"""`clostorus fuzz`: changed files and frames for every reader, and random nets on the RTL."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from golden.system.status import DIFFERENT
from sw_driver.cli.job_options import JobWorkers, Scheduler, job_runner
from sw_driver.cli.options import Json, Quiet, failed, make_output, summary_of
from sw_driver.cli.written import quoted, say_written

if TYPE_CHECKING:
    from sim.fuzz.campaign import Crash, Total
    from sw_driver.system.console import Output

__all__ = ["EXAMPLES", "command"]

EXAMPLES = (
    "clostorus fuzz --list",
    "clostorus fuzz --minutes 1 csv frames",
    "clostorus fuzz --minutes 60 --seed 2 --workers 2",
    "clostorus fuzz --file out/fuzz/csv-1-277.json",
)

_STORE = "runs.sqlite"
_LONGEST_MINUTES = 1e5


def command(
    ctx: typer.Context,
    name: Annotated[
        list[str] | None, typer.Argument(help="The targets to try; all without a name.")
    ] = None,
    list_targets: Annotated[
        bool, typer.Option("--list", help="Say which targets there are.")
    ] = False,
    minutes: Annotated[
        float, typer.Option(metavar="N", help="How long to try, at most.")
    ] = 1.0,
    seed: Annotated[
        int, typer.Option(min=0, max=(1 << 31) - 1, help="What inputs follow from.")
    ] = 1,
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Where the store is, and inputs that crash go.")
    ] = Path("out/fuzz"),
    file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Try this input alone, which was kept.")
    ] = None,
    page: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the table to this page, such as docs/fuzzing.md."),
    ] = None,
    workers: JobWorkers = None,
    scheduler: Scheduler = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Try hostile inputs on every reader, and random nets on the RTL; exit with 1 if one crashes.

    An input must be refused in one line, or taken. Each is tried in a process of its own, with a
    bound on its time and its memory. Every job adds a row to DIR/runs.sqlite, so the same command
    goes on where it was stopped. An input that crashes is made smaller and kept in DIR.
    """
    from sim.fuzz.names import TARGET_NAMES
    from sim.fuzz.page import MARK
    from sim.measure.campaign_page import check_page, made
    from sw_driver.errors import DriverError

    talk = make_output(ctx, json, quiet)
    names = list(dict.fromkeys(name or TARGET_NAMES))
    for wanted in names:
        if wanted not in TARGET_NAMES:
            raise DriverError(f"name must be one of {', '.join(TARGET_NAMES)}, not {wanted!r}")
    if not 0 <= minutes <= _LONGEST_MINUTES:
        raise DriverError(f"minutes must be 0 to {_LONGEST_MINUTES:.0f}, not {minutes:g}")
    if file is not None:
        _try_again(talk, file)
        return
    if list_targets:
        _list(talk)
        return
    if page is not None:
        check_page(page, MARK)
    when = made()
    totals, found = _campaign(talk, names, seed, minutes, out, workers, scheduler)
    _say(talk, totals, found, out, page, when)


def _list(talk: "Output") -> None:
    from sim.fuzz.catalogue import TARGETS

    notes = {one: summary_of(target) for one, target in TARGETS.items()}
    talk.facts("targets", list(notes.items()))
    talk.result({"targets": notes})


def _try_again(talk: "Output", path: Path) -> None:
    """Try one input that was kept; exit with 1 if it crashes."""
    from sim.fuzz.isolated import CRASHED, outcomes
    from sim.fuzz.reduce import read_kept

    target, case = read_kept(path)
    [found] = outcomes(target, [case])
    talk.facts(str(path), [("target", target.name), ("outcome", found.kind),
                           ("what was said", found.text or "nothing")])
    talk.result({"target": target.name, "outcome": found.kind, "text": found.text})
    if found.kind == CRASHED:
        raise failed(f"{path} crashes {target.name}: {found.text}", DIFFERENT)


def _campaign(
    talk: "Output", names: list[str], seed: int, minutes: float, out: Path,
    workers: int | None, scheduler: str | None,
) -> "tuple[list[Total], list[Crash]]":  # fmt: skip
    """Try inputs; return what came of all that the store has of these targets."""
    from sim.fuzz.campaign import Batch, Tried, crashes, fuzz, totals
    from sw_driver.jobs.engine import cores
    from sw_driver.jobs.store import open_store
    from sw_driver.system.files import make_folder

    with job_runner(talk, workers, scheduler) as runner:
        make_folder(out)
        with open_store(out / _STORE, "fuzz", Batch, Tried) as store, talk.progress() as tell:
            fuzz(names, seed, minutes, store, runner, workers or cores(), tell)
            return totals(names, store.results), crashes(names, store.results)


def _say(
    talk: "Output", totals: "list[Total]", found: "list[Crash]", out: Path, page: Path | None,
    when: str,
) -> None:  # fmt: skip
    """Print the table, write it to a page, and keep what crashed; exit with 1 if something did."""
    from dataclasses import asdict

    from sim.fuzz.page import COLUMNS, MARK, rows
    from sim.measure.campaign_page import write_page

    talk.table("what came of the inputs", COLUMNS, rows(totals))
    kept = [_kept(talk, crash, out) for crash in found]
    if page is not None:
        line = f"clostorus {shlex.join(sys.argv[1:])}"
        write_page(page, MARK, line, when, COLUMNS, rows(totals))
        say_written(talk, page, "an editor, or a viewer of Markdown")
    talk.result({"store": str(out / _STORE), "targets": [asdict(one) for one in totals],
                 "crashes": kept})
    if crashed := sum(one.crashed for one in totals):
        raise failed(f"{crashed} inputs crashed; {out} has one of each kind", DIFFERENT)


def _kept(talk: "Output", crash: "Crash", out: Path) -> dict[str, Any]:
    """Make an input that crashed smaller, and keep it, unless that was done before."""
    from sim.fuzz.catalogue import TARGETS
    from sim.fuzz.reduce import keep, reduced

    path = out / f"{crash.target}-{crash.seed}-{crash.number}.json"
    if not path.exists():
        with talk.progress() as tell:
            case = reduced(TARGETS[crash.target], crash.case(), crash.text, tell=tell)
        keep(crash, case, out)
    talk.text(f"{crash.target}, input {crash.number} of seed {crash.seed}: {crash.text}")
    say_written(talk, path, f"clostorus fuzz --file {quoted(path)}")
    return {"target": crash.target, "seed": crash.seed, "number": crash.number,
            "text": crash.text, "file": str(path)}
