"""Streams in cocotb: drive one, take from one, check that one keeps the rules.

The edge convention of every bench: wait for the rising edge of the top-level `clk`, then read, then
write. What is read right after `RisingEdge(clk)` is what the registers saw at that edge; what is
written there is seen by the next. A bench waits for nothing else: values around edges of signals
inside the design are not well defined in Verilator.

Stream rules (Amaranth, "Data streams"): a word is transferred at an edge at which `valid` and
`ready` are 1; once `valid` is 1, it and the data stay until the transfer.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from random import Random
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.task import Task
from cocotb.triggers import RisingEdge

__all__ = ["ProtocolChecker", "StreamDriver", "StreamMonitor", "StreamPort", "no_stalls",
           "random_stalls", "reset", "start_clock", "stalls_like"]

_CLOCK_NS = 10


def no_stalls() -> Iterator[bool]:
    """Never stall."""
    return itertools.repeat(False)


def random_stalls(random: Random, per_mille: int) -> Iterator[bool]:
    """Stall in `per_mille` of 1000 cycles, by chance."""
    while True:
        yield random.randrange(1000) < per_mille


def stalls_like(pattern: Sequence[int]) -> Iterator[bool]:
    """Stall where `pattern` has a 1, over and over."""
    return itertools.cycle(map(bool, pattern))


def start_clock(dut: Any) -> None:
    """Start the clock of `dut`."""
    Clock(dut.clk, _CLOCK_NS, unit="ns").start()


async def reset(dut: Any, cycles: int = 2) -> None:
    """Hold `dut.rst` for `cycles` clock cycles."""
    dut.rst.value = 1
    for _ in range(cycles):
        await RisingEdge(dut.clk)
    dut.rst.value = 0


class StreamPort:
    """The ports of stream `name` of a top module.

    Parameters
    ----------
    dut : handle of the top module
        With a port `clk`.
    name : str
        The ports are `{name}_data`, `{name}_valid` and `{name}_ready`; where one of the last two is
        a constant 1 it is no port, and None here.
    """

    def __init__(self, dut: Any, name: str) -> None:
        self.name = name
        self.clk: Any = dut.clk
        self.data: Any = getattr(dut, f"{name}_data")
        self.valid: Any = getattr(dut, f"{name}_valid", None)
        self.ready: Any = getattr(dut, f"{name}_ready", None)

    @property
    def is_valid(self) -> bool:
        """Whether a word was on offer at the last edge."""
        return self.valid is None or bool(self.valid.value)

    @property
    def is_ready(self) -> bool:
        """Whether a word would have been taken at the last edge."""
        return self.ready is None or bool(self.ready.value)

    @property
    def word(self) -> int:
        """The data at the last edge, without sign."""
        return int(self.data.value)


class StreamDriver:
    """Puts words into a stream that the design reads, one that has a port `valid`.

    Parameters
    ----------
    port : StreamPort
    stalls : iterator of bool
        Asked once for every cycle in which a word could first be offered: true offers none.
    """

    def __init__(self, port: StreamPort, stalls: Iterator[bool] | None = None) -> None:
        self._port = port
        self._stalls = stalls or no_stalls()
        port.valid.value = 0

    async def send(self, words: Iterable[int]) -> None:
        """Offer each word until it is taken; returns right after the edge that took the last."""
        port = self._port
        for word in words:
            while next(self._stalls):
                await RisingEdge(port.clk)
            port.data.value = word
            port.valid.value = 1
            await RisingEdge(port.clk)
            while not port.is_ready:
                await RisingEdge(port.clk)
            port.valid.value = 0


class StreamMonitor:
    """Takes words from a stream that the design writes.

    Parameters
    ----------
    port : StreamPort
    stalls : iterator of bool
        Asked once for every cycle of `receive`: true takes no word. A stream that needs a monitor
        which is always ready (it has no port `ready`) cannot be stalled.
    """

    def __init__(self, port: StreamPort, stalls: Iterator[bool] | None = None) -> None:
        self._port = port
        self._stalls = stalls or no_stalls()
        if port.ready is not None:
            port.ready.value = 0

    async def receive(self, count: int) -> list[int]:
        """Take `count` words; returns right after the edge that transferred the last."""
        port = self._port
        words: list[int] = []
        while len(words) < count:
            ready = port.ready is None or not next(self._stalls)
            if port.ready is not None:
                port.ready.value = ready
            await RisingEdge(port.clk)
            if ready and port.is_valid:
                words.append(port.word)
        if port.ready is not None:
            port.ready.value = 0
        return words


class ProtocolChecker:
    """Watches a stream and fails the test where an offer changes or vanishes before its transfer.

    Parameters
    ----------
    port : StreamPort
    rst : handle of the top-level reset
        A reset may withdraw an offer.

    Attributes
    ----------
    transfers : int
        Words transferred since `start`; read it one cycle after the last.
    """

    def __init__(self, port: StreamPort, rst: Any) -> None:
        self._port = port
        self._rst = rst
        self.transfers = 0

    def start(self) -> Task[None]:
        """Watch until the test ends; a broken rule fails the test."""
        return cocotb.start_soon(self._watch())

    async def _watch(self) -> None:
        port = self._port
        offered: int | None = None
        while True:
            await RisingEdge(port.clk)
            if offered is not None:
                assert port.is_valid, f"{port.name}: valid fell before the word was taken"
                assert port.word == offered, (
                    f"{port.name}: the data changed from {offered:#x} to {port.word:#x} before the "
                    f"word was taken")
            taken = port.is_valid and port.is_ready
            self.transfers += taken
            held = port.is_valid and not taken and not self._rst.value
            offered = port.word if held else None
