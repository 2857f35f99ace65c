"""Samples over cores: several tori of one net compute parts of the same inputs at the same time."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait

import numpy as np

from sw_driver.arrays import Beats, IntArray
from sw_driver.device.torus_device import Moves, infer_in_programs
from sw_driver.device.transport import Transport
from sw_driver.program.events import Run, run_events
from sw_driver.program.executable import Executable

__all__ = ["MOST_WORKERS", "infer_side_by_side"]

MOST_WORKERS = 1024
"""Models of one device."""

_TOLD_EVERY_S = 0.1


class _Stopped(Exception):
    """Another part has failed, or all of them are broken off."""


def infer_side_by_side(
    executable: Executable, x: IntArray, transports: Sequence[Transport],
    tell: Callable[[int], object],
) -> tuple[IntArray, list[Moves]]:
    """Compute input words [N, I], an equal share in each of some tori that hold the net.

    The first part is computed in this thread, and each other one in a thread of its own: while a
    model advances, it does not hold the interpreter lock. Whatever ends a part early ends all of
    them; this returns, or raises, when no torus is in use any more.

    Parameters
    ----------
    executable
        Of the net.
    x
        Input words, int64 [N, I].
    transports
        The tori.
    tell
        Called in this thread with the samples that are done, of N.

    Returns
    -------
    outputs, moves
        Output words int64 [N, O], and what each program moved, part after part.

    Raises
    ------
    SimError
        As `NativeModel.run`, of the first part that failed.
    """
    parts = [part for part in np.array_split(x, len(transports)) if len(part)]
    done = [0] * len(parts)
    stop = threading.Event()

    def work(number: int, told: Callable[[], object]) -> tuple[IntArray, list[Moves]]:
        before = 0

        def perform(run: Run, samples: int) -> tuple[Beats, int | None]:
            nonlocal before

            def moved(taken: int, given: int) -> None:
                if stop.is_set():
                    raise _Stopped
                done[number] = before + samples * given // run.output_beats
                told()

            found = transports[number].exchange(run_events(run), moved)
            before += samples
            return found

        try:
            return infer_in_programs(executable, parts[number], perform)
        except BaseException:
            stop.set()
            raise

    pool = ThreadPoolExecutor(max(len(parts) - 1, 1), "torus")
    others: list[Future[tuple[IntArray, list[Moves]]]] = []
    try:
        others += [pool.submit(work, number, lambda: None) for number in range(1, len(parts))]
        found = [work(0, lambda: tell(sum(done)))]
        while wait(others, _TOLD_EVERY_S, FIRST_EXCEPTION).not_done and not stop.is_set():
            tell(sum(done))
        found += [one.result() for one in others]
    except _Stopped:
        pool.shutdown(cancel_futures=True)
        _raise_first(others)
        raise
    finally:  # An interrupt may come anywhere.
        stop.set()
        pool.shutdown(cancel_futures=True)
    return np.concatenate([outputs for outputs, _ in found]), [
        move for _, moves in found for move in moves]


def _raise_first(parts: Sequence[Future[tuple[IntArray, list[Moves]]]]) -> None:
    """Raise why the parts were stopped."""
    for one in parts:
        error = None if one.cancelled() else one.exception()
        if error is not None and not isinstance(error, _Stopped):
            raise error
