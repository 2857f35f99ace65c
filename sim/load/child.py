"""`Child`: a program that is to be stopped, in a process that ends with the one that started it."""

import multiprocessing
import os
import runpy
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from sw_driver.system.children import end_with_parent

__all__ = ["CLOSTORUS", "Child"]

CLOSTORUS = (sys.executable, "-m", "sw_driver.cli")
"""What runs `clostorus` as a user's shell does."""
_PRELOADED = ["sw_driver.cli.commands", "sw_driver.cli.train", "sw_driver.cli.train_fixed",
              "sw_driver.train.fixed_file", "sim.device"]
_LOOK_S = 0.01


class Child:
    """`clostorus`, or another program, in a session of its own.

    Parameters
    ----------
    words
        Arguments of the program.
    folder
        Where it runs; its standard error goes to errors.txt there.
    program
        What is executed; with None `clostorus` runs in a fork of a process that has imported its
        packages and has done nothing else, which spares the seconds that imports take.
    """

    def __init__(self, words: Sequence[str], folder: Path,
                 program: Sequence[str] | None = None) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(_PRELOADED)
        self._errors = folder / "errors.txt"
        self._process = context.Process(target=_become, args=(list(words), str(folder),
                                                              str(self._errors), program))
        self._process.start()

    def wait(self, seconds: float | None = None) -> int | None:
        """Return the exit status, the negative number of a signal that ended it, or None if it
        still runs after so long.
        """
        # A signal must not wait for the end of a join.
        until = None if seconds is None else time.monotonic() + seconds
        while self._process.exitcode is None:
            left = _LOOK_S if until is None else min(_LOOK_S, until - time.monotonic())
            if left <= 0:
                return None
            self._process.join(left)
        return self._process.exitcode

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, unless it has ended."""
        if self._process.exitcode is None and self._process.pid is not None:
            os.kill(self._process.pid, number)

    @property
    def said(self) -> str:
        """The end of what it wrote to standard error, in one line."""
        return " ".join(self._errors.read_text(errors="replace").split())[-500:]

    def end(self) -> None:
        """Kill it, if it still runs."""
        if self._process.exitcode is None:
            self._process.kill()
            self._process.join()


def _become(words: list[str], folder: str, errors: str, program: Sequence[str] | None) -> None:
    """Be the program, in the process that was made for it."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # A shell's background ignores it.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    end_with_parent()  # It ends with the campaign, however that ends.
    os.chdir(folder)
    for number, name, flags in ((0, os.devnull, os.O_RDONLY), (1, os.devnull, os.O_WRONLY),
                                (2, errors, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)):
        os.dup2(os.open(name, flags, 0o666), number)
    if program is not None:
        os.execv(program[0], [*program, *words])
    sys.argv = ["clostorus", *words]
    runpy.run_module(CLOSTORUS[-1], run_name="__main__")
