"""One sweep on a cluster of Dask: chunks, and what to do if workers are lost."""

import dataclasses
import importlib
import itertools
import queue
import secrets
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from typing import Any, Generic, TypeVar

from sw_driver.errors import WorkerLost
from sw_driver.jobs.chunks import ChunkSizes
from sw_driver.jobs.remote import Answer, do_chunk
from sw_driver.jobs.versions import check_answer

__all__ = ["LEFT_OUT_AFTER", "Sweep"]

Job = TypeVar("Job")
Row = TypeVar("Row")

LEFT_OUT_AFTER = 3
"""So many workers a job may end, each while it is alone on the cluster, before it is left out."""
_LOOK_S = 2.0
_AHEAD = 2  # Chunks for each worker: one that it does, and one that waits beside it.


class Sweep(Generic[Job, Row]):
    """Jobs of one function on their way through a cluster.

    If a worker is lost, so are its chunks, and nobody knows which job was to blame: all of them are
    suspects. Each goes again as a chunk of its own, to any worker. One whose worker is lost then,
    too, waits until nothing else is left, and goes when the cluster has nothing else to do, so that
    it alone is to blame.

    Parameters
    ----------
    client
        A `distributed.Client` of the cluster.
    workers
        Returns how many there are, at least one, of one thread each.
    function
        Makes a row of a job.
    jobs
        All to be done.
    note
        Hears of jobs that are left out.
    """

    def __init__(
        self,
        client: Any,
        workers: Callable[[], int],
        function: Callable[[Job], Row],
        jobs: Sequence[Job],
        note: Callable[[str], object],
    ) -> None:
        self._client, self._workers, self._function = client, workers, function
        self._note = note
        self._fresh, self._suspects, self._alone = deque(jobs), deque[Job](), deque[Job]()
        self._deaths: Counter[Job] = Counter()
        self._left_out: list[Job] = []
        self._sizes = ChunkSizes()
        self._flying: dict[Any, _Chunk[Job]] = {}
        self._landed: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._numbers = itertools.count()
        self._name = f"jobs-{secrets.token_hex(8)}"

    def run(self) -> Iterator[tuple[Job, Row]]:
        """Yield each job with its row as soon as it is there.

        Raises
        ------
        WorkerLost
            In the end, if jobs were left out; or the scheduler was lost.
        Exception
            That which a job raised.
        """
        try:
            while True:
                self._send()
                if not self._flying:
                    break
                try:
                    future = self._landed.get(timeout=_LOOK_S)
                except queue.Empty:
                    continue  # Workers may be gone for good, and others there instead.
                yield from self._received(future)
        except (Exception, GeneratorExit):
            self._client.cancel(list(self._flying))
            raise
        if self._left_out:
            raise WorkerLost(
                f"{len(self._left_out)} of the jobs were left out, since each of them ended "
                f"{LEFT_OUT_AFTER} workers while it was alone, as one does that needs more memory "
                f"than there is; all other rows are kept: {'; '.join(map(str, self._left_out))}"
            )

    def _send(self) -> None:
        """Send chunks until every worker has enough."""
        workers = self._workers()
        while self._fresh and len(self._flying) < _AHEAD * workers:
            size = self._sizes.size(len(self._fresh), workers)
            self._submit("fresh", *(self._fresh.popleft() for _ in range(size)))
        while self._suspects and not self._fresh and len(self._flying) < workers:
            self._submit("suspect", self._suspects.popleft())
        if self._alone and not self._flying:
            self._submit("alone", self._alone.popleft())

    def _submit(self, kind: str, *jobs: Job) -> None:
        future = self._client.submit(
            do_chunk, self._function, jobs, key=(self._name, next(self._numbers)), pure=False
        )
        self._flying[future] = _Chunk(kind, jobs)
        future.add_done_callback(self._landed.put)

    def _received(self, future: Any) -> Iterator[tuple[Job, Row]]:
        distributed: Any = importlib.import_module("distributed")
        chunk = self._flying.pop(future)
        if chunk.kind == "fresh":
            self._send()  # Before this one is read, so that no worker waits for that.
        try:
            answer: Answer = future.result()
        except distributed.KilledWorker as error:
            self._lost(chunk, error.allowed_failures + 1)
            return
        except (CancelledError, OSError) as error:
            raise WorkerLost(
                "the scheduler is gone, or has dropped this work; all rows until then are kept"
            ) from error
        check_answer(answer.versions)
        if answer.rows:
            self._sizes.add(len(answer.rows), answer.seconds)
        yield from zip(chunk.jobs, answer.rows, strict=False)
        if answer.error is not None:
            raise answer.error

    def _lost(self, chunk: "_Chunk[Job]", deaths: int) -> None:
        """Judge jobs of which so many workers were lost."""
        if chunk.kind == "fresh":
            self._suspects.extend(chunk.jobs)
            return
        (job,) = chunk.jobs
        if chunk.kind == "alone":
            self._deaths[job] += deaths
        if self._deaths[job] < LEFT_OUT_AFTER:
            self._alone.append(job)
            return
        self._left_out.append(job)
        self._note(f"left out, since it ended {self._deaths[job]} workers while alone: {job}")


@dataclasses.dataclass(frozen=True)
class _Chunk(Generic[Job]):
    """Jobs that go together: "fresh" ones, or one that is a "suspect", or that goes "alone"."""

    kind: str
    jobs: tuple[Job, ...]
