"""What an experiment is, and how its runs are made: each only once."""

import abc
import dataclasses
from collections.abc import Mapping, Sequence
from typing import Generic, Protocol, TypeVar

from golden.errors import DataError, ModelError
from golden.system.progress import Progress
from golden.system.runner import Runner, in_turn

__all__ = ["Experiment", "Report", "Settings", "Store", "execute"]

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


class Store(Protocol[RunT, ResultT]):
    """Where results stay from one session to the next."""

    @property
    def results(self) -> Mapping[RunT, ResultT]:
        """All that are there, by their runs; it grows with `add`."""
        ...

    def add(self, run: RunT, result: ResultT, /) -> None:
        """Keep a result for good, before this returns."""
        ...


def execute(
    experiment: Experiment[RunT, ResultT],
    store: Store[RunT, ResultT],
    runner: Runner = in_turn,
    tell: Progress = lambda work, done, total: None,
) -> dict[RunT, ResultT]:
    """Make all runs that are not in the store yet; return the results in the order of the plan.

    A run that was stopped goes on where it was.

    Parameters
    ----------
    experiment
        What to do.
    store
        Gets each result as soon as it is known.
    runner
        Makes the runs.
    tell
        Hears of every run: what it is, how many are done, and of how many.

    Raises
    ------
    Exception
        What the store or the runner raises; the results until then are in the store.
    """
    while True:
        planned = experiment.plan(store.results)
        todo = [run for run in planned if run not in store.results]
        done = len(planned) - len(todo)
        tell(f"{experiment.name}: {done} runs are there", done, experiment.total)
        if not todo:
            return {run: store.results[run] for run in planned}
        for more, (run, result) in enumerate(runner(experiment.measure, todo), 1):
            store.add(run, result)
            tell(f"{experiment.name}: {run}", done + more, experiment.total)
