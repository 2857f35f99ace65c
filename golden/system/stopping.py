"""How programs are stopped, at any moment: by Ctrl-C (SIGINT), SIGTERM or SIGHUP.

A program calls `begin` before it imports anything slow. From then on a signal has it clear away
what is half made, say so in one line if it was Ctrl-C, and exit with 128 and the signal's number.
Where it runs its main function that is done by an exception, `Stopped`. Where an exception would be
swallowed, or break what it passes through, the process ends at once, after what `cleared` knows: in
an import, whose C code may crash; in a destructor; and while a first signal is being obeyed.

What uses none of this, such as a notebook that imports our packages, keeps Python's own handlers.
"""

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Generator
from types import FrameType
from typing import NoReturn, TypeVar

__all__ = ["Stopped", "begin", "cleared", "held", "run"]

Result = TypeVar("Result")

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_IMPORTING = "<frozen importlib._bootstrap"
_SAME_S = 1.0  # `timeout` and terminals may send one signal twice.


class Stopped(BaseException):
    """The program is to end. No `KeyboardInterrupt`, which libraries make something else of."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class _Program:
    """The process; `clears` are called last one first if it ends at once."""

    def __init__(self) -> None:
        self.name = ""
        self.process = 0
        self.speaks = False
        self.running = False
        self.holds = 0
        self.held: int | None = None
        self.stopped_s: float | None = None
        self.clears: dict[object, Callable[[], object]] = {}

    def handle(self, number: int, frame: FrameType | None) -> None:
        if os.getpid() != self.process:  # It was forked, and has not begun its own work.
            os._exit(128 + number)
        if self.holds:
            self.held = number
        elif self.stopped_s is not None:
            if time.monotonic() - self.stopped_s > _SAME_S:
                self.end_at_once(number)
        elif not self.running or _is_importing(frame):
            self.end_at_once(number)
        else:
            self.stopped_s = time.monotonic()
            raise Stopped(number)

    def end_at_once(self, number: int) -> NoReturn:
        for other in _SIGNALS:
            signal.signal(other, signal.SIG_IGN)
        if number == signal.SIGINT and self.speaks:
            with contextlib.suppress(OSError):
                os.write(2, f"{self.name}: stopped\n".encode())
        while self.clears:
            with contextlib.suppress(Exception):
                self.clears.popitem()[1]()
        os._exit(128 + number)


_program = _Program()


def begin(name: str) -> None:
    """Have this process, the program `name`, stop as this module says; a second call does nothing.

    A signal that is ignored stays so, as after `nohup`.
    """
    if _program.process == os.getpid():
        return
    _program.name, _program.process = name, os.getpid()
    # A closed standard error's number may become that of another file.
    _program.speaks = sys.stderr is not None  # pyright: ignore[reportUnnecessaryComparison]
    former = sys.unraisablehook

    def hook(unraisable: "sys.UnraisableHookArgs") -> None:
        if isinstance(unraisable.exc_value, Stopped):
            _program.end_at_once(unraisable.exc_value.number)
        former(unraisable)

    sys.unraisablehook = hook
    for number in _SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _program.handle)


def run(call: Callable[[], Result]) -> Result:
    """Call a program's main function; if it is stopped, the process ends and nothing is returned.

    Once it has returned there is nothing to stop any more: signals are ignored.
    """
    try:
        try:
            _program.running = True
            result = call()
        finally:
            _program.running = False
    except Stopped as stopped:
        with contextlib.suppress(Exception):
            sys.stdout.flush()  # Its reader may not read any more: a second signal goes on here.
        _program.end_at_once(stopped.number)
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    return result


@contextlib.contextmanager
def cleared(clear: Callable[[], object]) -> Generator[None]:
    """Call `clear` in the end, however it comes; it must not mind to be called more than once."""
    key = object()
    _program.clears[key] = clear
    try:
        yield
    finally:
        clear()
        _program.clears.pop(key, None)


@contextlib.contextmanager
def held() -> Generator[None]:
    """Have a signal wait for the end of a few quick steps that belong together."""
    if threading.current_thread() is not threading.main_thread():
        yield  # Only the main thread is stopped by an exception.
        return
    _program.holds += 1
    try:
        yield
    finally:
        _program.holds -= 1
        if _program.held is not None and not _program.holds:
            number, _program.held = _program.held, None
            signal.raise_signal(number)


def _is_importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith(_IMPORTING):
            return True
        frame = frame.f_back
    return False
