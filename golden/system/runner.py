"""How jobs are done: calls of one function, in this process or by whatever a caller passes in."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar

__all__ = ["Runner", "in_turn"]

Job = TypeVar("Job")
Row = TypeVar("Row")


class Runner(Protocol):
    """Does jobs, anywhere and in any order; each is done once."""

    def __call__(
        self, function: Callable[[Job], Row], jobs: Sequence[Job], /
    ) -> Iterator[tuple[Job, Row]]:
        """Yield each job with what `function` returns for it, as soon as it is known.

        Parameters
        ----------
        function
            Of a module, or a method of an object that can be sent to other processes; what it
            returns depends on the job alone.
        jobs
            All different, and hashable.

        Raises
        ------
        Exception
            That which `function` raised; what was yielded before it stays good.
        """
        ...


def in_turn(
    function: Callable[[Job], Row], jobs: Sequence[Job], /
) -> Iterator[tuple[Job, Row]]:
    """Do the jobs in this process, one after the other; see `Runner`."""
    for job in jobs:
        yield job, function(job)
