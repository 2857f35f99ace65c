"""One engine of a ring under test: the bench plays its links, and cuts off a run by a reset."""

import random
from collections.abc import Callable, Iterator
from typing import Any

import cocotb
from cocotb.triggers import RisingEdge

from hw.config import TorusConfig
from sim.testbenches.streams import (
    ProtocolChecker,
    StreamDriver,
    StreamMonitor,
    StreamPort,
    random_stalls,
    reset,
)

__all__ = ["RingPlayer", "run_around_reset"]

_MOST_CYCLES_BEFORE_RESET = 400


class RingPlayer:
    """Sends what upstream sends to one engine, and takes what goes downstream.

    Parameters
    ----------
    dut
        The component under test.
    incoming, outgoing
        The names of its link input and output.
    config
        Its configuration.
    stall_per_mille
        How often each of the players rests.
    seed
        Of the stalls, and of what a subclass draws.
    """

    def __init__(self, dut: Any, incoming: str, outgoing: str, config: TorusConfig, *,
                 stall_per_mille: int, seed: int) -> None:
        self._clk = dut.clk
        self._config = config
        self._random = random.Random(seed)
        self._outgoing = StreamPort(dut, outgoing)
        self._stall_per_mille = stall_per_mille
        self._seed = seed
        self._upstream = StreamDriver(StreamPort(dut, incoming), self._stalls(0))
        self._downstream = StreamMonitor(self._outgoing, self._stalls(1))

    def _stalls(self, player: int) -> Iterator[bool]:
        """When player number `player` of this one rests."""
        return random_stalls(random.Random(self._seed * 10 + player), self._stall_per_mille)

    def watch(self, rst: Any) -> None:
        """Check the stream rules on the outgoing link from now on."""
        ProtocolChecker(self._outgoing, rst).start()

    async def run(self, scenario: Any) -> None:
        """Run a scenario to its end; anything wrong fails the test."""
        raise NotImplementedError


async def run_around_reset(dut: Any, player: Callable[[], RingPlayer],
                           scenario: Callable[[int], Any], before: int, after: int) -> None:
    """Run a scenario that a reset cuts off at a random cycle, and then a whole one.

    Parameters
    ----------
    dut
        What `player` plays with; its clock runs.
    player, scenario
        Make a player, and a scenario of some length.
    before, after
        The lengths.
    """
    first = player()
    await reset(dut)
    first.watch(dut.rst)
    cut_off = cocotb.start_soon(first.run(scenario(before)))
    for _ in range(random.randint(1, _MOST_CYCLES_BEFORE_RESET)):
        await RisingEdge(dut.clk)
    cut_off.cancel()
    await RisingEdge(dut.clk)  # Its players end on their next turn.

    second = player()  # Withdraws what the first had on offer.
    await reset(dut, cycles=random.randint(1, 4))
    await second.run(scenario(after))
