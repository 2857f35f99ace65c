"""`Host` of the bare torus: its beats pass over the two streams of the top module."""

from collections.abc import Callable, Iterator
from typing import Any

from cocotb.triggers import RisingEdge

from sim.testbenches.streams import ProtocolChecker, StreamDriver, StreamMonitor, StreamPort

REST_CYCLES = 100  # After the last beat, in which no other may come.


class Host:
    """What a host does with a torus, for tests that know no more of it than beats.

    Parameters
    ----------
    dut : handle of the top module
    facts : dict
        `io.json`.
    stalls : callable
        Makes iterators that say, cycle by cycle, whether a part of the host rests.
    """

    def __init__(
        self, dut: Any, facts: dict[str, Any], stalls: Callable[[], Iterator[bool]]
    ) -> None:
        self._dut = dut
        self._out = StreamPort(dut, "host_out")
        self._driver = StreamDriver(StreamPort(dut, "host_in"), stalls())
        self._monitor = StreamMonitor(self._out, stalls())

    async def open(self, expected: int) -> None:
        """Begin, after a reset; so many beats will come back."""
        ProtocolChecker(self._out, self._dut.rst).start()

    async def send(self, beats: list[int]) -> None:
        """Send beats; returns when the torus has taken the last."""
        await self._driver.send(beats)

    async def receive(self) -> int:
        """Wait for a beat."""
        [beat] = await self._monitor.receive(1)
        return beat

    async def close(self, sent: int, taken: int) -> None:
        """See that nothing more comes, after so many beats in all."""
        for _ in range(REST_CYCLES):
            await RisingEdge(self._dut.clk)
            assert not self._out.is_valid, f"{self._out.word:#x} comes after the last beat"
