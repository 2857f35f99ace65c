"""How a program ends: with a status, and one line for whatever a user can mend.

Standard output may be lost: what reads it has left, or its disk is full. A program then stops where
it is, clears away what is half made, and says so; a reader that has left needs no word.
"""

import contextlib
import errno
import io
import os
import signal
import sys
from collections.abc import Callable
from typing import Any, NoReturn, TextIO

__all__ = ["run_program"]


class _OutputLost(Exception):
    """Standard output cannot be written. No `OSError`, which Typer and rich make a status 1 of."""

    def __init__(self, error: OSError) -> None:
        super().__init__(f"standard output cannot be written: {error.strerror or error}")
        self.left = error.errno == errno.EPIPE


class _Output(io.TextIOWrapper):
    """Standard output, whose errors are `_OutputLost`."""

    def write(self, text: str, /) -> int:
        try:
            return super().write(text)
        except OSError as error:
            raise _OutputLost(error) from error

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as error:
            raise _OutputLost(error) from error


class _Closed(io.StringIO):
    """Standard output that was closed before the program began."""

    def write(self, text: str, /) -> int:
        raise _OutputLost(OSError(errno.EBADF, os.strerror(errno.EBADF)))


def run_program(name: str, main: Callable[[], int | None]) -> NoReturn:
    """Run a program's main function; exit with the status that it returns, or that of its error.

    A SIGTERM ends it in order too, with what is half made cleared away.

    Parameters
    ----------
    name
        What begins the line that says what went wrong.
    main
        May also call `sys.exit`.
    """
    from sw_driver.cli.status import BAD_INPUT, BROKEN_PIPE, TERMINATED

    def end(_signal: int, _frame: object) -> None:
        sys.exit(TERMINATED)

    signal.signal(signal.SIGTERM, end)
    sys.stdout = _output()
    status = 0
    try:
        status = _status(name, main)
        sys.stdout.flush()
    except _OutputLost as lost:
        _discard(1)
        if not lost.left:
            _say(f"{name}: {lost}")
        status = status or (BROKEN_PIPE if lost.left else BAD_INPUT)
    try:
        if sys.stderr is not None:  # pyright: ignore[reportUnnecessaryComparison]
            sys.stderr.flush()
    except OSError:
        _discard(2)
    sys.exit(status)


def _discard(number: int) -> None:
    """Let what an open file's buffers still hold go nowhere: at its end Python stumbles over it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), number)


def _output() -> TextIO:
    """Standard output as it is, but for what its errors become."""
    former: Any = sys.stdout
    if former is None:
        os.open(os.devnull, os.O_WRONLY)  # Its number must not become that of another file.
        return _Closed()
    return _Output(
        former.buffer,
        encoding=former.encoding,
        errors=former.errors,
        line_buffering=former.line_buffering,
        write_through=former.write_through,
    )


def _status(name: str, main: Callable[[], int | None]) -> int:
    """The status of a program, once it has said what went wrong."""
    from sw_driver.cli.status import exit_status, said

    try:
        return main() or 0
    except SystemExit as end:
        if isinstance(end.code, str):
            _say(end.code)
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except (KeyboardInterrupt, OSError, ValueError, RuntimeError) as error:
        status = exit_status(error)
        if status is None:
            raise
        _say(f"{name}: {said(error)}")
        return status


def _say(text: str) -> None:
    with contextlib.suppress(OSError):
        print(text, file=sys.stderr, flush=True)
