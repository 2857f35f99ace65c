"""Programs that run for this one, and end with it, however it ends.

A compiler or a router that goes on after its caller was stopped takes a processor and a disk for
nobody. So each program has a process group of its own with a small shell beside it, which ends the
group as soon as the other end of its standard input is gone: that is closed by the system when this
process ends, even if it is killed.
"""

import contextlib
import ctypes
import dataclasses
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from pathlib import Path
from typing import TypeVar, cast

from golden.system.stopping import cleared, held

__all__ = ["Finished", "end_with_parent", "in_parallel", "run_child"]

Item = TypeVar("Item")
Result = TypeVar("Result")

# The programs get SIGTERM first, since some have to end programs of their own. The shell's trap
# has it wait for the program; the program does not inherit it.
_SHELL = """
trap : TERM
exec 3<&0 </dev/null
{ trap '' TERM; read -r end <&3; kill -TERM 0; sleep 1; kill -KILL 0; } >/dev/null 2>&1 &
exec 3<&-
"$@"
status=$?
kill -KILL $!
exit $status
"""
_PATIENCE_S = 10.0
_PARENT_DEATH_SIGNAL = 1  # Of prctl.


@dataclasses.dataclass(frozen=True)
class Finished:
    """A program that has ended.

    Parameters
    ----------
    status
        Its exit status; 128 and the number of a signal that ended it.
    output
        What it printed, standard error included.
    """

    status: int
    output: str

    def last_lines(self, count: int) -> str:
        """The end of the output."""
        return "\n".join(self.output.splitlines()[-count:])


def end_with_parent() -> None:
    """Have Linux kill this process when the one that made it ends; elsewhere it does nothing."""
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:
        prctl(_PARENT_DEATH_SIGNAL, signal.SIGKILL)


class _Crew:
    """The programs that run for one call of `in_parallel`; `error` is the first of its calls."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._children: set[subprocess.Popen[str]] = set()
        self._stopped = False
        self.error: BaseException | None = None

    def add(self, child: "subprocess.Popen[str]") -> None:
        with self._lock:
            self._children.add(child)
            if self._stopped:
                _tell_to_end(child)

    def remove(self, child: "subprocess.Popen[str]") -> None:
        with self._lock:
            self._children.discard(child)

    def stop(self, error: BaseException) -> None:
        """End the programs that run; one that is still to come ends at once."""
        with self._lock:
            self.error = self.error or error
            self._stopped = True
            for child in self._children:
                _tell_to_end(child)

    def call(self, act: Callable[[Item], Result], item: Item) -> Result | None:
        """Call `act`, unless another call has failed."""
        if self._stopped:
            return None
        try:
            return act(item)
        except BaseException as error:
            self.stop(error)
            raise


class _Crews(threading.local):
    """Those that the programs of this thread belong to."""

    mine: tuple[_Crew, ...] = ()


_crews = _Crews()


def run_child(
    command: Sequence[str], folder: Path, *, environment: Mapping[str, str] | None = None
) -> Finished:
    """Run a program in a folder to its end; whatever interrupts that ends the program, too.

    Its messages are in English, and its temporary files in the folder.

    Parameters
    ----------
    command
        The program, by its name on PATH or by its path, and its arguments.
    folder
        Its working directory.
    environment
        Its environment; that of this process if None.

    Raises
    ------
    OSError
        There is no such folder, or no process can be made.
    """
    own = {"LC_ALL": "C", "TMPDIR": str(folder.resolve())}
    crews = _crews.mine
    with contextlib.ExitStack() as stack:
        with held():
            child = subprocess.Popen(
                ["sh", "-c", _SHELL, "sh", *command],
                cwd=folder,
                env={**(os.environ if environment is None else environment), **own},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
                errors="replace",
                process_group=0,
            )
            assert child.stdout is not None, "it is a pipe"
            stack.callback(child.stdout.close)
            # Nothing is left to do unless what follows is interrupted.
            stack.enter_context(cleared(lambda: _end(child)))
        for crew in crews:
            crew.add(child)
            stack.callback(crew.remove, child)
        output = child.stdout.read()
        return Finished(child.wait(), output)


def in_parallel(
    act: Callable[[Item], Result], items: Iterable[Item], jobs: int
) -> list[Result]:
    """Return what `act` returns for each item; it is called in up to `jobs` threads.

    If one call raises, or this thread is interrupted, the programs that the others run by
    `run_child` are ended before the error is raised.
    """
    crew = _Crew()
    crews = (*_crews.mine, crew)

    def one(item: Item) -> Result | None:
        _crews.mine = crews
        return crew.call(act, item)

    with ThreadPoolExecutor(jobs) as pool:
        try:
            futures = [pool.submit(one, item) for item in items]
            wait(futures, return_when=FIRST_EXCEPTION)
            if crew.error is not None:
                raise crew.error
            return [cast(Result, future.result()) for future in futures]
        except BaseException as error:
            crew.stop(error)
            raise


def _tell_to_end(child: "subprocess.Popen[str]") -> None:
    assert child.stdin is not None, "it is a pipe"
    child.stdin.close()


def _end(child: "subprocess.Popen[str]") -> None:
    _tell_to_end(child)
    try:
        child.wait(_PATIENCE_S)
    except subprocess.TimeoutExpired:  # The shell beside it must have been killed.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
