"""How a program ends: with a status, and one line for whatever a user can mend.

Standard output may be lost: what reads it has left, or its disk is full. A program then stops where
it is, clears away what is half made, and says so; a reader that has left needs no word.
"""

import contextlib
import errno
import io
import os
import sys
from collections.abc import Callable, Generator
from typing import Any, NoReturn, TextIO

from golden.system.status import BAD_INPUT, BROKEN_PIPE, exit_status
from golden.system.stopping import begin, run

__all__ = ["one_line_errors", "run_program", "said"]


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


def run_program(name: str, main: Callable[[], Any]) -> NoReturn:
    """Run a program's main function; exit with the status that it returns, or that of its error.

    A signal ends it in order too, with what is half made cleared away (`golden.system.stopping`).

    Parameters
    ----------
    name
        What begins the line that says what went wrong.
    main
        Returns an exit status, or None if all is well; may also call `sys.exit`.
    """
    begin(name)
    sys.exit(run(lambda: _run(name, main)))


def _run(name: str, main: Callable[[], Any]) -> int:
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
    return status


@contextlib.contextmanager
def one_line_errors(name: str, worded: Callable[[str], str] = str) -> Generator[None]:
    """Say in one line what users can mend, and exit with its status; bugs are raised as they are.

    Parameters
    ----------
    name
        What begins the line.
    worded
        Says what an error says in the words of the program.

    Raises
    ------
    SystemExit
        After such an error.
    """
    try:
        yield
    except (KeyboardInterrupt, ImportError, OSError, ValueError, RuntimeError) as error:
        status = exit_status(error)
        if status is None:
            raise
        _say(f"{name}: {worded(said(error))}")
        raise SystemExit(status) from error


def said(error: BaseException) -> str:
    """What an error says of itself, in one line."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return " ".join(str(error).split()) or "stopped"


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


def _status(name: str, main: Callable[[], Any]) -> int:
    """The status of a program, once it has said what went wrong."""
    try:
        with one_line_errors(name):
            return main() or 0
    except SystemExit as end:
        if isinstance(end.code, str):
            _say(end.code)
        return end.code if isinstance(end.code, int) else int(end.code is not None)


def _say(text: str) -> None:
    with contextlib.suppress(OSError):
        print(text, file=sys.stderr, flush=True)
