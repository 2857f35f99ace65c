"""Progress of long work in plain lines, for a log file or a pipe, where no bar can be drawn."""

import contextlib
import datetime
import threading
import time
from collections.abc import Callable, Generator

__all__ = ["ProgressLines", "Rates", "per_time", "say_now_and_then", "while_working"]

_EVERY_S = 30.0


class Rates:
    """How fast works go, and when they will end.

    Parameters
    ----------
    clock
        Seconds since any moment.
    now
        The time of the day.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime.datetime] = datetime.datetime.now,
    ) -> None:
        self._clock, self._now = clock, now
        self._began: dict[str, tuple[float, int]] = {}

    def begin(self, name: str, done: int) -> None:
        """Note that a work begins now, unless it has; what is done already counts for no rate."""
        self._began.setdefault(name, (self._clock(), done))

    def elapsed_s(self, name: str) -> float:
        """Seconds since a work began."""
        return self._clock() - self._began[name][0]

    def told(self, name: str, done: int, total: int) -> str:
        """Say at which rate a work goes and when it ends; "" as long as nobody knows."""
        self.begin(name, done)
        seconds, more = self.elapsed_s(name), done - self._began[name][1]
        if more <= 0 or seconds <= 0 or done >= total:
            return ""
        end = self._now() + datetime.timedelta(seconds=seconds * (total - done) / more)
        return f"{per_time(more / seconds)}, ends about {end.isoformat(' ', 'minutes')}"


def per_time(per_second: float) -> str:
    """A rate in the unit in which it is at least 1, or else by the hour."""
    for times, unit in ((1, "second"), (60, "minute")):
        if per_second * times >= 1:
            return f"{per_second * times:.1f} a {unit}"
    return f"{per_second * 3600:.1f} an hour"


class ProgressLines:
    """Knows how far the work is, and writes it in a line when it is asked to.

    Parameters
    ----------
    write
        Takes a line, its end included.
    rates
        Measures the time.
    """

    def __init__(self, write: Callable[[str], object], rates: Rates | None = None) -> None:
        self._write, self._rates = write, rates or Rates()
        self._last: tuple[str, int, int] | None = None

    def tell(self, work: str, done: int, total: int) -> None:
        """Note how far a work is; a colon ends its name, and what comes after it may change."""
        self._rates.begin(work.partition(":")[0], done)
        self._last = work, done, total

    def say(self) -> None:
        """Write how far the last work is, unless there is none or it is done."""
        if self._last is None:
            return
        work, done, total = self._last
        if done < total:
            name = work.partition(":")[0]
            elapsed = datetime.timedelta(seconds=int(self._rates.elapsed_s(name)))
            rate = self._rates.told(name, done, total)
            after = f"{elapsed}, {rate}" if rate else str(elapsed)
            self._write(f"clostorus: {work}: {done} of {total} after {after}\n")


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
