"""One reduce engine under test, with all that is round it played by the bench."""

from typing import Any

from cocotb.triggers import RisingEdge, TaskManager

from hw.config import TorusConfig
from hw.layouts import complete_layout, contribution_layout, partial_layout
from sim.testbenches.reduce_scenario import ReduceScenario
from sim.testbenches.ring_player import RingPlayer

__all__ = ["ReduceNode"]


class ReduceNode(RingPlayer):
    """Puts one reduce engine through a scenario and checks every sum that it sends and keeps.

    Its MAC hands over contributions as fast as it may: as long as less than `reduce_words` of them
    have not been taken. `idle` is checked on every cycle.

    Parameters
    ----------
    dut, incoming, outgoing, config, stall_per_mille
        As `RingPlayer`.
    side
        What the ports of its PE side begin with.
    seed
        Of the stalls, and of what must not matter.
    """

    def __init__(self, dut: Any, incoming: str, outgoing: str, side: str, config: TorusConfig, *,
                 stall_per_mille: int, seed: int) -> None:
        super().__init__(dut, incoming, outgoing, config, stall_per_mille=stall_per_mille,
                         seed=seed)
        self._own_stalls = self._stalls(2)
        self._ports = {name: getattr(dut, f"{side}{name}") for name in (
            "own_data", "own_valid", "taken", "complete_data", "complete_valid", "idle")}
        self._ports["own_valid"].value = 0

    async def run(self, scenario: ReduceScenario) -> None:
        """Run a scenario to its end; any wrong sum fails the test."""
        partial: Any = partial_layout(self._config)
        contribution = contribution_layout(self._config)
        arriving = [partial.const({"sum": one, "to_host": self._random.getrandbits(1)}).as_bits()
                    for one in scenario.partials]
        own = [contribution.const({
            "sum": one.sum, "takes": one.takes, "keeps": one.keeps, "to_host": one.to_host,
            "place": one.place}).as_bits() for one in scenario.contributions]
        async with TaskManager() as players:
            players.start_soon(self._upstream.send(arriving))
            players.start_soon(self._hand_over(own))
            kept = players.start_soon(self._keep(len(scenario.contributions)))
            sent = players.start_soon(self._downstream.receive(len(scenario.sent)))
        complete: Any = complete_layout(self._config)
        places = [{name: int(getattr(bits.place, name)) for name in place}
                  for bits, (_, place) in zip(map(complete.from_bits, kept.result()), scenario.kept,
                                              strict=True)]
        sums = [int(complete.from_bits(bits).sum) for bits in kept.result()]
        assert list(zip(sums, places, strict=True)) == scenario.kept, "the sums kept differ"
        found = [(int(bits.sum), bool(bits.to_host))
                 for bits in map(partial.from_bits, sent.result())]
        assert found == scenario.sent, "the sums sent on differ"

    async def _hand_over(self, contributions: list[int]) -> None:
        """Play the MAC: contributions, and the count of those that may still be handed over."""
        assert self._config.training is not None
        ports = self._ports
        credit = self._config.training.reduce_words
        for word in contributions:
            while credit == 0 or next(self._own_stalls):
                await RisingEdge(self._clk)
                credit += int(ports["taken"].value)
            ports["own_data"].value = word
            ports["own_valid"].value = 1
            credit -= 1
            await RisingEdge(self._clk)
            credit += int(ports["taken"].value)
            ports["own_valid"].value = 0
        while credit < self._config.training.reduce_words:
            await RisingEdge(self._clk)
            credit += int(ports["taken"].value)

    async def _keep(self, contributions: int) -> list[int]:
        """Take complete sums, until no contribution is left; `idle` says when there is none."""
        ports = self._ports
        kept: list[int] = []
        done = under_way = 0
        while done < contributions:
            await RisingEdge(self._clk)
            assert int(ports["idle"].value) == (under_way == 0), "idle is wrong"
            if int(ports["complete_valid"].value):
                kept.append(int(ports["complete_data"].value))
                done, under_way = done + 1, under_way - 1
            if self._outgoing.is_valid and self._outgoing.is_ready:
                done, under_way = done + 1, under_way - 1
            under_way += int(ports["own_valid"].value)
        return kept
