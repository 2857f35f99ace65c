"""Inputs are tried in a process of their own, whose memory and time are bounded."""

import contextlib
import json
import os
import resource
import select
import signal
import time
import traceback
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from golden.errors import GoldenError, GoldenWarning
from hw.config import ConfigError
from sim.fuzz.target import Case, Target
from sw_driver.errors import DriverError
from sw_driver.system.children import end_with_parent
from sw_driver.system.scratch import temporary_folder

__all__ = ["ACCEPTED", "CRASHED", "REFUSED", "Outcome", "outcomes"]

ACCEPTED, REFUSED, CRASHED = "accepted", "refused", "crashed"
_TOLD = (DriverError, GoldenError, ConfigError)
_SHOWN = 300


class Outcome(NamedTuple):
    """What came of an input: accepted, refused or crashed; and the error, or where it crashed.

    `grown` is how many bytes of memory the process had come to need beyond what it began with.
    """

    kind: str
    text: str
    grown: int


def outcomes(target: Target, cases: Sequence[Case]) -> Iterator[Outcome]:
    """Try inputs, one after the other; one that ends the process has crashed, and others follow."""
    done = 0
    with temporary_folder() as folder:
        while done < len(cases):
            with contextlib.closing(_Child(target, cases[done:], folder)) as child:
                for found in child.answers():
                    done += 1
                    yield found
            if done < len(cases):
                done += 1
                yield Outcome(CRASHED, child.ended, child.grown)


class _Child:
    """A fork of this process that tries inputs, and writes a line about each to a pipe."""

    def __init__(self, target: Target, cases: Sequence[Case], folder: Path) -> None:
        self._target = target
        self.ended, self.grown = "", 0
        self._pipe, inner = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # Of threads; none is needed there.
            self._pid = os.fork()
        if not self._pid:
            try:
                end_with_parent()
                os.close(self._pipe)
                _try_all(target, cases, folder, inner)
            finally:
                os._exit(0)
        os.close(inner)

    def answers(self) -> Iterator[Outcome]:
        """Yield what it says; `ended` tells then how it ended, if before all inputs were tried."""
        rest = b""
        deadline_s = time.monotonic() + self._target.limit_s
        while True:
            wait_s = deadline_s - time.monotonic()
            if wait_s <= 0 or not select.select([self._pipe], [], [], wait_s)[0]:
                self.ended = f"took longer than {self._target.limit_s:g} s"
                return
            data = os.read(self._pipe, 1 << 16)
            if not data:
                self.ended = self._how_it_ended()
                return
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                found = Outcome(*json.loads(line))
                self.grown = max(self.grown, found.grown)
                deadline_s = time.monotonic() + self._target.limit_s
                yield found

    def _how_it_ended(self) -> str:
        _, status = os.waitpid(self._pid, 0)
        self._pid = 0
        if os.WIFSIGNALED(status):
            return f"was ended by {signal.Signals(os.WTERMSIG(status)).name}"
        return f"ended with status {os.WEXITSTATUS(status)}"

    def close(self) -> None:
        """End it, whatever it does."""
        os.close(self._pipe)
        if self._pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)


def _try_all(target: Target, cases: Sequence[Case], folder: Path, pipe: int) -> None:
    """In the fork: bound its memory, and try all."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    begun, size = _peak_bytes(), _address_bytes()
    most = size + target.memory_bytes
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    for case in cases:
        kind, text = judged(target, case, folder)
        line = json.dumps([kind, text, max(_peak_bytes() - begun, 0)])
        os.write(pipe, line.encode() + b"\n")


def judged(target: Target, case: Case, folder: Path) -> tuple[str, str]:
    """Try an input here; return what came of it, and the words about it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.simplefilter("ignore", GoldenWarning)
            target.attempt(case, folder)
    except _TOLD as error:
        said = str(error)
        if not said.strip() or "\n" in said:
            return CRASHED, f"a message that is no line: {said[:_SHOWN]!r}"
        return REFUSED, said[:_SHOWN]
    except Exception as error:
        return CRASHED, _where(error)
    return ACCEPTED, ""


def _where(error: BaseException) -> str:
    """Say what was raised, and at which line of this project it came from."""
    frames: Any = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "/lib/python" not in frame.filename
            and Path(frame.filename).parent != Path(__file__).parent]
    at = f" at {Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else ""
    text = " ".join(str(error).split())[:_SHOWN]  # Of a tool that failed, what it said, too.
    return f"{type(error).__name__}{at}: {text}"


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


def _address_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * resource.getpagesize()
