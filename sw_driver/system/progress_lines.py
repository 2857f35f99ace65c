"""Progress of long work in plain lines, for a log file or a pipe, where no bar can be drawn."""

import contextlib
import datetime
import threading
import time
from collections.abc import Callable, Generator

__all__ = ["ProgressLines", "say_now_and_then", "while_working"]

_EVERY_S = 30.0


class ProgressLines:
    """Knows how far the work is, and writes it in a line when it is asked to.

    Parameters
    ----------
    write
        Takes a line, its end included.
    clock
        Seconds since any moment.
    """

    def __init__(
        self, write: Callable[[str], object], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._write, self._clock = write, clock
        self._began_s: dict[str, float] = {}
        self._last: tuple[str, int, int] | None = None

    def tell(self, work: str, done: int, total: int) -> None:
        """Note how far a work is; a colon ends its name, and what comes after it may change."""
        self._began_s.setdefault(work.partition(":")[0], self._clock())
        self._last = work, done, total

    def say(self) -> None:
        """Write how far the last work is, unless there is none or it is done."""
        if self._last is None:
            return
        work, done, total = self._last
        if done < total:
            seconds = int(self._clock() - self._began_s[work.partition(":")[0]])
            elapsed = datetime.timedelta(seconds=seconds)
            self._write(f"clostorus: {work}: {done} of {total} after {elapsed}\n")


def say_now_and_then(say: Callable[[], object], wait: Callable[[float], bool]) -> None:
    """Call `say` about every 30 seconds, first after as many; `wait` returns True in the end."""
    while not wait(_EVERY_S):
        say()


@contextlib.contextmanager
def while_working(say: Callable[[], object]) -> Generator[None]:
    """Have `say` called now and then, in a thread of its own."""
    over = threading.Event()
    thread = threading.Thread(target=say_now_and_then, args=(say, over.wait), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
