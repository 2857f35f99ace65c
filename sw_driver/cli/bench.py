"""`clostorus bench`: the measured tables of docs/benchmarks.md."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sw_driver.cli.job_options import FormerJobs, JobWorkers, Scheduler, job_runner
from sw_driver.cli.options import Json, Quiet, make_output, summary_of
from sw_driver.cli.written import say_written

if TYPE_CHECKING:
    from collections.abc import Callable

    from sim.measure.results import Bench
    from sw_driver.system.console import Output

    Tell = Callable[[str, int, int], None]

__all__ = ["EXAMPLES", "command"]

EXAMPLES = (
    "clostorus bench --list",
    "clostorus bench utilisation",
    "clostorus bench --quick area",
    "clostorus bench --workers 2 area",
    "clostorus bench software --torch-device cuda",
)


def command(
    ctx: typer.Context,
    name: Annotated[
        list[str] | None, typer.Argument(help="The tables to measure; all without a name.")
    ] = None,
    list_tables: Annotated[
        bool, typer.Option("--list", help="Say which tables there are, and how long they take.")
    ] = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="Measure small cases only, and leave the page alone.")
    ] = False,
    page: Annotated[
        Path, typer.Option(metavar="FILE", help="The page that the tables are written to.")
    ] = Path("docs/benchmarks.md"),
    results: Annotated[
        Path, typer.Option(metavar="DIR", help="Where raw results are kept.")
    ] = Path("out/bench"),
    workers: JobWorkers = None,
    scheduler: Scheduler = None,
    jobs: FormerJobs = None,
    torch_device: Annotated[
        str,
        typer.Option(
            metavar="cpu|cuda",
            help="Where PyTorch computes in the table software; cuda leaves the page alone.",
        ),
    ] = "cpu",
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Measure speed, area and clock, and write docs/benchmarks.md.

    Every table is a section of its own; those that are not measured stay as they are. Raw results
    are kept, so that a run that was stopped goes on where it was, and measured again when what they
    depend on has changed. --workers and --scheduler are for synthesis and placement alone: what is
    timed runs by itself.
    """
    from sim.measure.names import DEVICES, TABLE_NAMES
    from sim.measure.page import check_page
    from sw_driver.errors import DriverError
    from sw_driver.system.files import check_folder, check_target

    out = make_output(ctx, json, quiet)
    if list_tables:
        _list(out)
        return
    names = name or list(TABLE_NAMES)
    for wanted in names:
        if wanted not in TABLE_NAMES:
            raise DriverError(f"name must be one of {', '.join(TABLE_NAMES)}, not {wanted!r}")
    if torch_device not in DEVICES:
        raise DriverError(f"torch-device must be {' or '.join(DEVICES)}, not {torch_device!r}")
    if torch_device != "cpu" and names != ["software"]:
        raise DriverError(f"torch-device {torch_device} needs the table software and no other")
    write = not quick and torch_device == "cpu"
    check_folder(results)
    if write:
        check_page(page)
        check_target(page)
    from sim.measure.results import Bench  # From here on it takes PyTorch.

    with job_runner(out, workers, scheduler, jobs) as runner:

        def bench(tell: "Tell") -> Bench:
            return Bench(results, tell, quick, runner, torch_device)

        values = _measure(out, names, bench, page if write else None, notes=not quick)
    if write:
        say_written(out, page, "an editor, or a viewer of Markdown")
    out.result({"page": str(page) if write else None, "tables": values})


def _list(out: "Output") -> None:
    """Say which tables there are."""
    from sim.measure.tables import TABLES

    notes = {table: summary_of(kind.measure) for table, kind in TABLES.items()}
    out.facts("tables", list(notes.items()))
    out.result({"tables": notes})


def _measure(
    out: "Output",
    names: list[str],
    bench: "Callable[[Tell], Bench]",
    page: Path | None,
    *,
    notes: bool,
) -> dict[str, Any]:
    """Measure tables, and write each to the page at once; return their values by name."""
    from sim.measure.page import write_page
    from sim.measure.tables import TABLES

    texts: dict[str, str] = {}
    values: dict[str, Any] = {}
    titles = {table: kind.title for table, kind in TABLES.items()}
    for table in names:
        if notes:
            out.note(f"table {table}: {' '.join((TABLES[table].measure.__doc__ or '').split())}")
        with out.progress() as tell:
            measured = TABLES[table].measure(bench(tell))
        texts[table], values[table] = measured.text, measured.values
        out.text(measured.text)
        if page is not None:
            write_page(page, titles, texts)
    return values
