"""What all devices do with the net that they hold: who may use it, and is it as it was loaded?

A device may be used by several threads: their calls take turns, each of which is whole. What is to
run side by side needs devices of its own. Whatever ends a run of a torus early, such as Ctrl-C or
an error of a progress function, leaves the torus in the midst of a program: the net must then be
loaded again, and until that is done every call says so.
"""

import abc
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from sw_driver.errors import DriverError, MissingError

__all__ = ["NOTHING_LOADED", "Loaded", "NetDevice"]

NetT = TypeVar("NetT")
Result = TypeVar("Result")

NOTHING_LOADED = "a net must be loaded before a device can be used: call load()"
"""What is wrong with a device that was not loaded, or was closed."""

_BROKEN_OFF = (
    "the net must be loaded again, since a run of the device was broken off in the midst of its "
    "program: call load()"
)
_IN_A_RUN = (
    "a device must not be used from inside a run of its own, by its progress, gradient or loss "
    "function: return from that function first"
)


class Loaded(Generic[NetT]):
    """What a device has loaded, and whose turn it is to use it.

    Runs take functions rather than being `with` blocks of Python code: an interrupt may come at the
    very end of such a block, before its last lines.

    Attributes
    ----------
    turn
        A lock. Every use of a device holds it, so that calls of several threads wait for each
        other; a thread that holds it may take it again.
    """

    def __init__(self) -> None:
        """Begin with nothing."""
        self.turn = threading.RLock()
        self._net: NetT | None = None
        self._missing = NOTHING_LOADED
        self._runs = False

    @property
    def net(self) -> NetT:
        """The net that is loaded, also while a run of it goes on.

        Raises
        ------
        MissingError
            There is none, or a run of it was broken off; the message says what to do.
        """
        net = self._net
        if net is None:
            raise MissingError(self._missing)
        return net

    def use(self) -> NetT:
        """Return the net to whoever has the turn and will use it now.

        Raises
        ------
        DriverError
            As for `net`, or if the caller is a function that a run of the device has called: the
            device is in the midst of a program then.
        """
        self._refuse_in_a_run()
        return self.net

    def run(self, act: Callable[[NetT], Result]) -> Result:
        """Do what must not be broken off: if `act` raises, the net must be loaded again.

        Errors are those of `use`.
        """
        with self.turn:
            net, missing = self.use(), self._missing
            try:
                self._runs, self._missing = True, _BROKEN_OFF
                result = act(net)
                self._missing = missing
                return result
            finally:
                if self._missing is _BROKEN_OFF:
                    self._net = None
                self._runs = False

    def load(self, net: NetT, act: Callable[[], object]) -> None:
        """Load a net by `act`; if that raises, nothing is loaded."""
        with self.turn:
            self.clear()
            try:
                self._runs = True
                act()
                self._net = net
            finally:
                self._runs = False

    def clear(self) -> None:
        """Forget the net, after it is no longer used by another thread."""
        with self.turn:
            self._refuse_in_a_run()
            self._net, self._missing = None, NOTHING_LOADED

    def _refuse_in_a_run(self) -> None:
        if self._runs:  # One of this thread: those of others hold the turn.
            raise DriverError(_IN_A_RUN)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "turn"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, turn=threading.RLock())


class NetDevice(abc.ABC, Generic[NetT]):
    """Something that runs nets, which are loaded into it; a context manager that closes itself."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._loaded: Loaded[NetT] = Loaded()

    @property
    def compiled(self) -> NetT:
        """The net that is loaded, also while a run of it goes on."""
        return self._loaded.net

    def close(self) -> None:
        """Free what the device holds, after the calls of other threads; a net may be loaded anew.

        Raises
        ------
        DriverError
            If a function calls this that a run of the device has called.
        """
        with self._loaded.turn:
            self._loaded.clear()
            self._free()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _load_by(self, compiled: NetT, act: Callable[[], object]) -> None:
        """Load a net; what a failing `act` has made is freed."""

        def make_ready() -> None:
            try:
                act()
            except BaseException:
                self._free()
                raise

        self._loaded.load(compiled, make_ready)

    def _free(self) -> None:
        """Let go of what loading has made, all or a part of it."""
