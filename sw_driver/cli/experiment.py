"""`clostorus experiment`: what the papers train, trained here, with a verdict."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sw_driver.cli.job_options import FormerJobs, JobWorkers, Scheduler, job_runner
from sw_driver.cli.options import Json, Quiet, make_output, summary_of
from sw_driver.cli.written import say_written

if TYPE_CHECKING:
    from golden.experiments.experiment import Experiment, Settings
    from golden.system.runner import Runner
    from sw_driver.system.console import Output

__all__ = ["EXAMPLES", "command"]

EXAMPLES = (
    "clostorus experiment --list",
    "clostorus experiment clos-accuracy --quick",
    "clostorus experiment clos-accuracy --seeds 10 --out out/ten",
    "clostorus experiment all --scheduler tcp://192.0.2.7:8786",
    "clostorus experiment clos-accuracy --data mnist10k --data /usr/share/datasets/fashion-mnist",
)

_ALL = "all"
_STORE, _TABLE, _TEXT = "runs.sqlite", "runs.csv", "report.md"


def command(
    ctx: typer.Context,
    name: Annotated[str | None, typer.Argument(help="The experiment, or all.")] = None,
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
        typer.Option(
            metavar="DIR",
            help="Where results go; of all, into a folder each [default: out/experiments/NAME].",
        ),
    ] = None,
    workers: JobWorkers = None,
    scheduler: Scheduler = None,
    jobs: FormerJobs = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train what a paper trains, and say whether its claim holds.

    Every run adds a row to DIR/runs.sqlite; the same command goes on where it was stopped. In the
    end there are DIR/runs.csv with all rows, DIR/report.md, whose verdict is computed from them,
    and pictures.
    """
    from golden.experiments.experiment import Settings
    from sw_driver.errors import DriverError
    from sw_driver.experiments.catalogue import EXPERIMENTS

    talk = make_output(ctx, json, quiet)
    if list_experiments:
        notes = {one: summary_of(kind) for one, kind in EXPERIMENTS.items()}
        talk.facts("experiments", list(notes.items()))
        talk.result({"experiments": notes})
        return
    if name is None:
        raise DriverError(f"name must be given, one of {', '.join(EXPERIMENTS)}, all; see --list")
    if name != _ALL and name not in EXPERIMENTS:
        raise DriverError(f"name must be one of {', '.join(EXPERIMENTS)}, all, not {name!r}")
    settings = Settings(tuple(data or ["mnist10k"]), seeds, quick)
    names = list(EXPERIMENTS) if name == _ALL else [name]
    experiments = [EXPERIMENTS[one](settings) for one in names]
    folders = [
        Path("out/experiments", one) if out is None else out / one if name == _ALL else out
        for one in names
    ]
    values: dict[str, Any] = {}
    with job_runner(talk, workers, scheduler, jobs) as runner:
        for experiment, folder in zip(experiments, folders, strict=True):
            _make_folder(folder, experiment, settings)
            if not quick:
                talk.note(f"{experiment.name}: {experiment.total} runs; {folder / _STORE} has them")
            values[experiment.name] = _execute(talk, experiment, folder, runner)
    talk.result({"experiments": values} if name == _ALL else values[name])


def _make_folder(folder: Path, experiment: "Experiment[Any, Any]", settings: "Settings") -> None:
    """Make the folder of the results, whose files must not be those of the data."""
    from golden.data import datasets
    from golden.experiments.table import read_results
    from sw_driver.system.files import check_outputs, make_folder

    make_folder(folder)
    results = [folder / name for name in (_STORE, _TABLE, _TEXT, *experiment.pictures)]
    sources = [path for one in settings.data for path in datasets.files(one)]
    check_outputs({f"{path.name} of --out": path for path in results}, {"--data": sources})
    table = folder / _TABLE
    if table.exists() and not (folder / _STORE).exists():  # Refused before a store is made.
        read_results(table, experiment.run_type, experiment.result_type)


def _execute(
    talk: "Output", experiment: "Experiment[Any, Any]", folder: Path, runner: "Runner"
) -> dict[str, Any]:
    """Make what is not in the store yet; write and print the report, and return what it is."""
    from golden.experiments.experiment import execute
    from golden.experiments.table import results_csv
    from sw_driver.jobs.former import adopt_csv
    from sw_driver.jobs.store import open_store
    from sw_driver.system.files import write_bytes, write_text

    table, text = folder / _TABLE, folder / _TEXT
    types = experiment.run_type, experiment.result_type
    with open_store(folder / _STORE, experiment.name, *types) as store:
        adopt_csv(store, table, *types, lambda said: typer.echo(f"clostorus: {said}", err=True))
        with talk.progress() as tell:
            results = execute(experiment, store, runner, tell)
        # Those of other settings come last.
        write_text(table, results_csv(*types, {**results, **store.results}))
    report = experiment.report(results)
    for picture, content in report.pictures.items():
        write_bytes(folder / picture, content)
    write_text(text, report.text)
    talk.text(report.text)
    say_written(talk, text, "an editor, or a viewer of Markdown")
    return {
        "runs": len(results),
        "store": str(folder / _STORE),
        "table": str(table),
        "report": str(text),
        "pictures": [str(folder / picture) for picture in report.pictures],
        "text": report.text,
    }
