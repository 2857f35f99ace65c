"""Processes that work for another one: made side by side, and gone with it, however it ends."""

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from multiprocessing import connection, resource_tracker
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar

from golden.errors import WorkerLost
from golden.system.stopping import cleared, held

__all__ = ["Workers", "follow_parent", "workers"]

Item = TypeVar("Item")
Result = TypeVar("Result")
Line = connection.Connection


class Workers:
    """Processes that call functions for this one; see `workers`."""

    def __init__(self, jobs: int, begin: Callable[[], object] | None) -> None:
        self._jobs, self._begin = jobs, begin
        self._processes: dict[Line, BaseProcess] = {}

    def map(self, act: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
        """Yield what `act` returns for each item, in order; both are sent to the processes.

        Raises
        ------
        WorkerLost
            A process was ended from outside.
        Exception
            That which `act` raised.
        """
        if self._jobs == 1:
            yield from map(act, items)
            return
        results: dict[int, Result] = {}
        busy: dict[Line, int] = {}
        idle = list(self._processes)
        begun = 0
        for wanted in range(len(items)):
            while wanted not in results:
                while begun < len(items) and len(busy) < self._jobs:
                    line = idle.pop() if idle else self._start()
                    _send(line, (act, items[begun]))
                    busy[line] = begun
                    begun += 1
                for line in connection.wait(list(busy)):
                    assert isinstance(line, connection.Connection), "they are pipes"
                    results[busy.pop(line)] = _answer(line)
                    idle.append(line)
            yield results.pop(wanted)

    def end(self) -> None:
        """End all processes, whatever they do."""
        for process in self._processes.values():
            process.kill()
        for line, process in self._processes.items():
            process.join()
            line.close()
        self._processes.clear()

    def _start(self) -> Line:
        # Not forked: PyTorch's threads do not survive that.
        context = multiprocessing.get_context("spawn")
        resource_tracker.ensure_running()  # It sets the signals that are blocked.
        with held():
            ours, theirs = context.Pipe()
            process = context.Process(target=_serve, args=(theirs, self._begin), daemon=True)
            # An interrupt is the parent's from the first moment.
            former = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            try:
                process.start()
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, former)
            self._processes[ours] = process
        theirs.close()
        return ours


@contextlib.contextmanager
def workers(jobs: int, begin: Callable[[], object] | None = None) -> Generator[Workers]:
    """Give up to `jobs` processes, started as they are needed; in the end they are ended.

    Parameters
    ----------
    jobs
        At least 1; with 1 there are none, and functions are called in this process.
    begin
        What each calls first.
    """
    made = Workers(jobs, begin)
    with cleared(made.end):
        yield made


def follow_parent() -> None:
    """In a worker: leave an interrupt to the parent, and end when it does, however it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:

        def watch() -> None:
            parent.join()
            os._exit(1)

        threading.Thread(target=watch, daemon=True).start()


def _serve(line: Line, begin: Callable[[], object] | None) -> None:
    """In a worker: answer until the parent is gone."""
    follow_parent()
    if begin is not None:
        begin()
    while True:
        try:
            act, item = line.recv()
        except EOFError:
            return
        answer: tuple[bool, Any]
        try:
            answer = True, act(item)
        except Exception as error:
            answer = False, error
        line.send(answer)


def _send(line: Line, work: object) -> None:
    with contextlib.suppress(BrokenPipeError):  # Whose process is lost is told when it is read.
        line.send(work)


def _answer(line: Line) -> Any:
    try:
        good, answer = line.recv()
    except (EOFError, ConnectionResetError) as error:
        raise WorkerLost(
            "a process that worked for this one was ended from outside, as one is if memory is "
            "short; try fewer jobs"
        ) from error
    if not good:
        raise answer
    return answer
