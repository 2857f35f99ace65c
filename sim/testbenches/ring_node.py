"""One ring engine under test, with all that is round it played by the bench.

The bench is the neighbours on the ring and the PE's MAC: it sends what upstream sends, takes what
goes downstream, writes own words when their region is free, and reads what was gathered.
"""

from typing import Any

from cocotb.triggers import RisingEdge, TaskManager

from hw.config import READ_CYCLES, TorusConfig
from hw.layouts import write_layout
from hw.ops import gather_op
from sim.testbenches.ring_player import RingPlayer
from sim.testbenches.scenario import Scenario
from sim.testbenches.streams import StreamDriver, StreamPort

__all__ = ["RingNode"]


class RingNode(RingPlayer):
    """Puts one ring engine through a scenario and checks every word that it sends and hands out.

    Parameters
    ----------
    dut, incoming, outgoing, config, stall_per_mille
        As `RingPlayer`.
    side
        What the ports of its PE side begin with, before an underscore.
    seed
        Of the stalls, and of the order in which words are read again.
    """

    def __init__(self, dut: Any, incoming: str, outgoing: str, side: str, config: TorusConfig, *,
                 stall_per_mille: int, seed: int) -> None:
        super().__init__(dut, incoming, outgoing, config, stall_per_mille=stall_per_mille,
                         seed=seed)
        self._queue = StreamDriver(StreamPort(dut, f"{side}_op"), self._stalls(2))
        self._writer_stalls, self._reader_stalls = self._stalls(3), self._stalls(4)
        self._ports = {name: getattr(dut, f"{side}_{name}") for name in (
            "write_data", "write_valid", "landed", "readable", "read_en", "read_addr", "read_next",
            "advance", "read_word", "consume", "retired", "start",
            *(() if config.training is None else ("reread",)))}
        for name in ("write_valid", "landed", "read_en", "advance", "consume", "start", "reread"):
            if name in self._ports:
                self._ports[name].value = 0
        self._retired = 0
        self._read = 0

    async def run(self, scenario: Scenario) -> None:
        """Run a scenario to its end; any wrong word fails the test."""
        self._retired = self._read = 0
        layout = gather_op(self._config)
        ops = [layout.const(op).as_bits() for op in scenario.ops]
        arriving = [word for one in scenario.repetitions for word in one.received_words]
        expected = [word for one in scenario.repetitions for word in one.sent]
        # A task manager, so that a bench that is cut off takes all its players with it.
        async with TaskManager() as players:
            players.start_soon(self._count_retired(scenario))
            players.start_soon(self._queue.send(ops))
            players.start_soon(self._upstream.send(arriving))
            players.start_soon(self._write_own_words(scenario))
            players.start_soon(self._read_gathered(scenario))
            sent = players.start_soon(self._downstream.receive(len(expected)))
        assert sent.result() == expected, "the words sent downstream differ"

    async def _count_retired(self, scenario: Scenario) -> None:
        ports = self._ports
        for _ in scenario.repetitions:
            await RisingEdge(self._clk)
            while not int(ports["retired"].value):
                await RisingEdge(self._clk)
            self._retired += 1

    async def _write_own_words(self, scenario: Scenario) -> None:
        """Play the MAC's results: own words land when their region is free."""
        ports = self._ports
        for one, (retired, read) in zip(scenario.repetitions, scenario.region_free, strict=True):
            while self._retired < retired or self._read < read:
                await RisingEdge(self._clk)
            for offset, word in enumerate(one.own_words):
                while next(self._writer_stalls):
                    await RisingEdge(self._clk)
                ports["write_data"].value = write_layout(self._config).const(
                    {"addr": one.base + offset, "word": word}).as_bits()
                ports["write_valid"].value = 1
                # Where a torus trains, each result counts.
                ports["landed"].value = (
                    self._config.training is not None or offset == len(one.own_words) - 1)
                await RisingEdge(self._clk)
                ports["write_valid"].value = 0
                ports["landed"].value = 0

    async def _read_gathered(self, scenario: Scenario) -> None:
        """Play the MAC's reads: each word as soon as it may be read; any words read before."""
        ports = self._ports
        for number, again in scenario.reads:
            one = scenario.repetitions[number]
            order = list(range(len(one.gathered)))
            if again:
                self._random.shuffle(order)
            for place, offset in enumerate(order):
                last = place == len(order) - 1
                ports["read_next"].value = offset + 1
                ports["read_addr"].value = one.base + offset
                await RisingEdge(self._clk)
                while next(self._reader_stalls) or not (again or int(ports["readable"].value)):
                    await RisingEdge(self._clk)
                ports["read_en"].value = 1
                if again:
                    ports["reread"].value = last
                else:
                    ports["advance"].value = not last
                    ports["consume"].value = last
                await RisingEdge(self._clk)
                for name in ("read_en", "advance", "reread", "consume"):
                    if name in ports:
                        ports[name].value = 0
                for _ in range(READ_CYCLES):
                    await RisingEdge(self._clk)
                found = int(ports["read_word"].value)
                word = one.gathered[offset]
                assert found == word, f"address {one.base + offset}: {found:#x}, not {word:#x}"
            self._read += 1
