"""The one way to do many jobs: in this process, on its cores, or on a scheduler of Dask."""

import contextlib
import os
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import TypeVar

from golden.system.runner import Runner, in_turn
from sw_driver.errors import DriverError
from sw_driver.jobs.cluster import Cluster, local_cluster, running_cluster
from sw_driver.jobs.sweep import Sweep

__all__ = ["MOST_WORKERS", "cores", "runner"]

Job = TypeVar("Job")
Row = TypeVar("Row")

MOST_WORKERS = 1024


def cores() -> int:
    """How many processor cores this process may use."""
    return len(os.sched_getaffinity(0))


@contextlib.contextmanager
def runner(
    workers: int | None = None,
    scheduler: str | None = None,
    note: Callable[[str], object] = lambda text: None,
) -> Generator[Runner]:
    """Give what does jobs (`golden.system.runner.Runner`).

    Nothing is started on this machine before the first jobs come. A job is a frozen dataclass, of
    which a pure function makes its row; all three are sent by pickle. A job whose worker is lost is
    done again; see `sw_driver.jobs.sweep.Sweep`.

    Parameters
    ----------
    workers
        Processes of this machine, each of one thread; the cores if None. With 1 there are none:
        jobs are done in this process.
    scheduler
        The address of a scheduler of Dask that runs already, whose workers are used instead.
    note
        Hears in a line where a dashboard is, and what is waited for or left out.

    Raises
    ------
    DriverError
        Both are given, `workers` is out of range, or as `running_cluster`; with the first jobs,
        as `local_cluster`.
    """
    if workers is not None and scheduler is not None:
        raise DriverError("workers and scheduler cannot both be given: a scheduler has its own")
    if workers is not None and not 1 <= workers <= MOST_WORKERS:
        raise DriverError(f"workers must be 1 to {MOST_WORKERS}, not {workers}")
    count = min(cores(), MOST_WORKERS) if workers is None else workers
    if scheduler is None and count == 1:
        yield in_turn
        return
    with contextlib.ExitStack() as stack:
        clusters: list[Cluster] = []
        if scheduler is not None:
            clusters.append(stack.enter_context(running_cluster(scheduler, note)))

        def run(
            function: Callable[[Job], Row], jobs: Sequence[Job], /
        ) -> Iterator[tuple[Job, Row]]:
            if not jobs:
                return
            if not clusters:
                clusters.append(stack.enter_context(local_cluster(count, note)))
            (cluster,) = clusters
            yield from Sweep(cluster.client, cluster.workers, function, jobs, note).run()

        yield run
