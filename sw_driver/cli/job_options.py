"""Options of commands that do many jobs: how many at once, and where."""

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Annotated

import typer

from sw_driver.cli.options import MOST_WORKERS
from sw_driver.system.console import Output

if TYPE_CHECKING:
    from golden.system.runner import Runner

__all__ = ["FormerJobs", "JobWorkers", "Scheduler", "job_runner"]

JobWorkers = Annotated[
    int | None,
    typer.Option(
        "--workers",
        metavar="N",
        min=1,
        max=MOST_WORKERS,
        help="Work in so many processes at once; figures do not depend on it [default: the cores].",
    ),
]
Scheduler = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="Work on the workers of a scheduler of Dask that runs already, such as "
        "tcp://host:8786, instead. It can run any code here: name none that you do not trust.",
    ),
]
FormerJobs = Annotated[
    int | None,
    typer.Option(
        "--jobs", min=1, max=MOST_WORKERS, hidden=True, help="The former name of --workers."
    ),
]


def job_runner(
    talk: Output, workers: int | None, scheduler: str | None, jobs: int | None = None
) -> "AbstractContextManager[Runner]":
    """Return what does the jobs of a command, as a context; see `sw_driver.jobs.engine.runner`.

    Parameters
    ----------
    talk
        Says where a dashboard is, and the like.
    workers, scheduler
        As the options say; not both.
    jobs
        What the former name of --workers says.

    Raises
    ------
    DriverError
        If more than one of them is given.
    """
    from sw_driver.errors import DriverError
    from sw_driver.jobs.engine import runner

    if jobs is not None:
        if workers is not None:
            raise DriverError("workers and --jobs cannot both be given: they mean the same")
        typer.echo("clostorus: --jobs is now --workers, and goes with the next release", err=True)
        workers = jobs
    return runner(workers, scheduler, talk.note)
