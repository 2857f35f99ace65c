"""What an experiment is, and how its runs are made: side by side, and each only once."""

import abc
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Generic, TypeVar

from golden.errors import DataError, ModelError
from golden.experiments.table import ResultTable
from golden.system.progress import Progress
from golden.system.workers import workers

__all__ = ["Experiment", "Report", "Settings", "execute"]

RunT = TypeVar("RunT")
ResultT = TypeVar("ResultT")
_MOST_SEEDS = 1000


@dataclasses.dataclass(frozen=True)
class Settings:
    """What a user may choose about any experiment.

    Parameters
    ----------
    data
        Datasets: names or directories, as `golden.data.datasets.load` takes them.
    seeds
        How often everything is trained, with the seeds 0, 1, ...; None: as often as is usual.
    quick
        Make few, short runs: whether it works, not what comes out.

    Raises
    ------
    DataError
        If there is no dataset.
    ModelError
        If `seeds` is below 1 or above 1000.
    """

    data: tuple[str, ...] = ("mnist10k",)
    seeds: int | None = None
    quick: bool = False

    def __post_init__(self) -> None:
        """Refuse what is out of range; see the class."""
        if not self.data:
            raise DataError("data must name at least one dataset, not none")
        if self.seeds is not None and not 1 <= self.seeds <= _MOST_SEEDS:
            raise ModelError(f"seeds must be 1 to {_MOST_SEEDS}, not {self.seeds}")


@dataclasses.dataclass(frozen=True)
class Report:
    """What came out: text in Markdown, and PNG pictures by the names of their files."""

    text: str
    pictures: Mapping[str, bytes]


class Experiment(abc.ABC, Generic[RunT, ResultT]):
    """Runs that belong together.

    A run and its result are frozen dataclasses of plain values, the columns of the table; `str` of
    a run is what users read when it is done. A run holds everything that its result depends on, the
    dataset's size and the number of steps included, since a run that is in the table is not made
    again. Experiments are sent to other processes: they hold no data, but where it is.

    Attributes
    ----------
    name
        As the command line has it.
    run_type, result_type
        The two dataclasses.
    pictures
        Names of the files of its report's pictures.
    """

    name: str
    run_type: type[RunT]
    result_type: type[ResultT]
    pictures: tuple[str, ...]

    @property
    @abc.abstractmethod
    def total(self) -> int:
        """Number of runs in the end."""

    @abc.abstractmethod
    def plan(self, results: Mapping[RunT, ResultT]) -> Sequence[RunT]:
        """Return all runs that can be named so far, in order, those in `results` included.

        More of them may follow when these are done, as where a learning rate is chosen first. What
        else is in `results` must not matter.
        """

    @abc.abstractmethod
    def measure(self, run: RunT) -> ResultT:
        """Make a run; the same one gives the same result on the same machine."""

    @abc.abstractmethod
    def report(self, results: Mapping[RunT, ResultT]) -> Report:
        """Say what came out, from nothing but the results of all runs of the plan."""


def execute(
    experiment: Experiment[RunT, ResultT],
    path: Path,
    jobs: int = 1,
    tell: Progress = lambda work, done, total: None,
    note: Callable[[str], object] = lambda text: None,
) -> dict[RunT, ResultT]:
    """Make all runs that are not in the table at `path` yet; return the results of the plan.

    The rows come in the order of the plan, however many jobs there are, and a run that was stopped
    goes on where it was.

    Parameters
    ----------
    experiment
        What to do.
    path
        Of the CSV file; its folder must exist.
    jobs
        Processes to make runs in; with 1 they are made in this one.
    tell
        Hears of every run: what it is, how many are done, and of how many.
    note
        Hears what was wrong with the table and is mended.

    Raises
    ------
    DataError
        If the table is of something else, or cannot be written.
    ModelError
        If `jobs` is below 1.
    WorkerLost
        If one of the processes was ended from outside.
    """
    if jobs < 1:
        raise ModelError(f"jobs must be at least 1, not {jobs}")
    table = ResultTable(path, experiment.run_type, experiment.result_type)
    if table.cut:
        table.write()
        note(f"{path}: its last line is cut off and left out, as if not there: {table.cut!r}")
    with workers(jobs) as processes:
        while True:
            planned = experiment.plan(table.results)
            todo = [run for run in planned if run not in table.results]
            done = len(planned) - len(todo)
            tell(f"{experiment.name}: {done} runs are there", done, experiment.total)
            if not todo:
                return {run: table.results[run] for run in planned}
            measured = processes.map(experiment.measure, todo)
            for more, (run, result) in enumerate(zip(todo, measured, strict=True), 1):
                table.add(run, result)
                tell(f"{experiment.name}: {run}", done + more, experiment.total)
