"""`clostorus experiment`: what the papers train, trained here, with a verdict."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sw_driver.cli.options import MOST_JOBS, Json, Quiet, make_output, summary_of
from sw_driver.cli.written import say_written

if TYPE_CHECKING:
    from golden.experiments.experiment import Experiment, Settings
    from sw_driver.system.console import Output

__all__ = ["EXAMPLES", "command"]

EXAMPLES = (
    "clostorus experiment --list",
    "clostorus experiment clos-accuracy --quick",
    "clostorus experiment clos-accuracy --seeds 10 --out out/ten",
    "clostorus experiment clos-accuracy --data mnist10k --data /usr/share/datasets/fashion-mnist",
)

_TABLE, _TEXT = "runs.csv", "report.md"


def command(
    ctx: typer.Context,
    name: Annotated[str | None, typer.Argument(help="The experiment.")] = None,
    list_experiments: Annotated[
        bool, typer.Option("--list", help="Say which experiments there are.")
    ] = False,
    seeds: Annotated[
        int | None, typer.Option(help="How often to train each network [default: 5; quick: 1].")
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Few, short runs, in seconds: only whether it works.")
    ] = False,
    data: Annotated[
        list[str] | None,
        typer.Option(
            metavar="mnist10k|DIR",
            help="A dataset; repeat for more. DIR holds MNIST's four files, or those of "
            "Fashion-MNIST [default: mnist10k].",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where results go [default: out/experiments/NAME]."),
    ] = None,
    jobs: Annotated[
        int,
        typer.Option(
            min=1, max=MOST_JOBS, help="Networks to train at once; figures do not depend on it."
        ),
    ] = 2,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train what a paper trains, and say whether its claim holds.

    Every run adds a row to DIR/runs.csv; the same command goes on where it was stopped. In the end
    there are DIR/report.md, whose verdict is computed from the rows, and pictures.
    """
    from golden.experiments.catalogue import EXPERIMENTS
    from golden.experiments.experiment import Settings
    from sw_driver.errors import DriverError

    talk = make_output(ctx, json, quiet)
    if list_experiments:
        notes = {one: summary_of(kind) for one, kind in EXPERIMENTS.items()}
        talk.facts("experiments", list(notes.items()))
        talk.result({"experiments": notes})
        return
    if name is None:
        raise DriverError(f"name must be given, one of {', '.join(EXPERIMENTS)}; see --list")
    if name not in EXPERIMENTS:
        raise DriverError(f"name must be one of {', '.join(EXPERIMENTS)}, not {name!r}")
    settings = Settings(tuple(data or ["mnist10k"]), seeds, quick)
    experiment = EXPERIMENTS[name](settings)
    folder = Path("out/experiments", name) if out is None else out
    _make_folder(folder, experiment, settings)
    if not quick:
        table = folder / _TABLE
        talk.note(f"{name}: {experiment.total} runs, {jobs} at a time; those in {table} are kept")
    _execute(talk, experiment, folder, jobs)


def _make_folder(folder: Path, experiment: "Experiment[Any, Any]", settings: "Settings") -> None:
    """Make the folder of the results, whose files must not be those of the data."""
    from golden.data import datasets
    from sw_driver.system.files import check_outputs, make_folder

    make_folder(folder)
    results = [folder / name for name in (_TABLE, _TEXT, *experiment.pictures)]
    sources = [path for one in settings.data for path in datasets.files(one)]
    check_outputs({f"{path.name} of --out": path for path in results}, {"--data": sources})


def _execute(talk: "Output", experiment: "Experiment[Any, Any]", folder: Path, jobs: int) -> None:
    """Run what is not in the table yet; write and print the report."""
    from golden.experiments.experiment import execute
    from sw_driver.system.files import write_bytes, write_text

    table, text = folder / _TABLE, folder / _TEXT
    with talk.progress() as tell:
        results = execute(
            experiment, table, jobs, tell, lambda text: typer.echo(f"clostorus: {text}", err=True)
        )
    report = experiment.report(results)
    for picture, content in report.pictures.items():
        write_bytes(folder / picture, content)
    write_text(text, report.text)
    talk.text(report.text)
    say_written(talk, text, "an editor, or a viewer of Markdown")
    files = [str(folder / picture) for picture in report.pictures]
    talk.result(
        {
            "runs": len(results),
            "table": str(table),
            "report": str(text),
            "pictures": files,
            "text": report.text,
        }
    )
