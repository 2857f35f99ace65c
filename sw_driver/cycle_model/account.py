"""What engines do in every cycle: working, or waiting for what."""

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from sw_driver.cycle_model.lanes import Groups, Mask
from sw_driver.cycle_model.machine import Machine
from sw_driver.cycle_model.macs import Macs
from sw_driver.cycle_model.sequencer import Sequencers
from sw_driver.cycle_model.signals import Signals
from sw_driver.cycle_model.tables import Place

__all__ = ["ACTIVITIES", "MAC", "Account", "Entry"]

ACTIVITIES = {
    "working": "a step of a sum, or a word or beat that moves",
    "words": "waits for words of other nodes",
    "own words": "waits for results of its own MAC",
    "free region": "waits until the words that are in the way are not needed any more",
    "gradients": "waits for gradients that other nodes add to",
    "fence": "waits until changed weights are written",
    "downstream": "waits for the next node, or a host queue, to take a word",
    "host": "waits for the host",
    "op fetch": "waits for the next op",
    "turnaround": "is between two words or two repetitions",
    "done": "has come to the end of its program",
}
"""What an engine can be at in a cycle."""


class Entry(NamedTuple):
    """What a cycle is counted under.

    Parameters
    ----------
    queue
        Number of the queue that the engine runs: 0 to 2 of a PE, 3 to 5 of a gateway program.
    op_index
        Of its op in that queue; None where the next op is not known yet.
    activity
        One of `ACTIVITIES`.
    """

    queue: int
    op_index: int | None
    activity: str


_ROW, _COL, MAC, _RING, _HOST_IN, _HOST_OUT = range(6)


class Account:
    """An observer of a machine that counts cycles; those of all engines of a queue add up."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self.cycles: Counter[Entry] = Counter()

    def see(self, signals: Signals) -> None:
        """Count a cycle."""
        self._see_macs(signals)
        self._see_rings(signals)
        self._see_gateways(signals)
        self._see_bridge(signals)

    def _see_macs(self, signals: Signals) -> None:
        machine = self._machine
        lanes, macs = machine.lanes, machine.macs
        if not isinstance(macs, Macs):
            raise TypeError("of a machine that trains, TrainingAccount counts the cycles")
        done = signals.step.done
        stalled = macs.active ^ done
        own = self._lacks_own_words(stalled, macs.reads_col) if stalled else 0
        self._count(MAC, macs.running, {"working": done, "own words": own, "words": stalled ^ own})
        idle = lanes.row_pes ^ macs.active
        waits = idle & macs.waiting
        late = waits & signals.mac_begin
        self._count(MAC, macs.coming, {"free region": waits ^ late, "op fetch": late})
        self._count_without_op(MAC, machine.pe_queues, MAC, idle ^ waits)

    def _lacks_own_words(self, stalled: Mask, reads_col: Mask) -> Mask:
        """Where the ring engine whose words are read has begun, and its own words are missing."""
        lanes, rings = self._machine.lanes, self._machine.rings
        missing = rings.newest & rings.active & rings.gathers & ~rings.own_here
        by_col = stalled & reads_col
        return (stalled ^ by_col) & missing | by_col & missing >> lanes.half_bits

    def _see_rings(self, signals: Signals) -> None:
        machine = self._machine
        lanes, rings = machine.lanes, machine.rings
        works = (signals.received & lanes.pes | signals.passed_on) & rings.active
        rests = rings.active ^ works
        own = rests & ~rings.own_here
        rests ^= own
        blocked = rests & ~signals.load & (rings.latched | lanes.nonzero(rings.ahead))
        rests ^= blocked
        words = rests & rings.receiving & ~signals.arriving
        waits = rings.offered & ~rings.active
        no_room = waits & rings.prepared & ~signals.ring_begin
        idle = lanes.pes & ~(rings.active | rings.offered)
        for queue in (_ROW, _COL):
            self._count(
                queue,
                rings.running[queue],
                {
                    "working": works,
                    "own words": own,
                    "downstream": blocked,
                    "words": words,
                    "turnaround": rests ^ words,
                },
            )
            self._count(
                queue, rings.coming[queue], {"free region": no_room, "op fetch": waits ^ no_room}
            )
            here = idle >> lanes.half_bits if queue else idle & lanes.row_pes
            self._count_without_op(queue, machine.pe_queues, queue, here)

    def _see_gateways(self, signals: Signals) -> None:
        machine = self._machine
        lanes, gateways = machine.lanes, machine.gateways
        active = gateways.active
        works = (signals.received | signals.filled) & active
        rests = active ^ works
        from_host = rests & gateways.sends & gateways.sending
        blocked = from_host & ~signals.load
        host = from_host ^ blocked
        rests ^= from_host
        words = rests & gateways.missing & ~signals.arriving
        full = rests & gateways.missing & signals.arriving
        self._count(
            _RING,
            gateways.running,
            {
                "working": works,
                "downstream": blocked | full,
                "host": host,
                "words": words,
                "turnaround": rests ^ words ^ full,
            },
        )
        self._count_without_op(_RING, machine.gateway_queues, 0, lanes.gateways ^ active)

    def _see_bridge(self, signals: Signals) -> None:
        machine = self._machine
        for queue, engine, works, waits in (
            (_HOST_IN, machine.distributor, signals.gave, "downstream"),
            (_HOST_OUT, machine.collector, signals.took, "words"),
        ):
            if works or engine.active:
                self.cycles[Entry(queue, engine.index, "working" if works else waits)] += 1
            else:
                self._count_without_op(queue, machine.bridge_queues, queue - _RING, 1)

    def _count(self, queue: int, groups: Groups[Place], where: Mapping[str, Mask]) -> None:
        for activity, mask in where.items():
            if mask:
                for (index, _), group in groups.items():
                    if here := mask & group:
                        self.cycles[Entry(queue, index, activity)] += here.bit_count()

    def _count_without_op(
        self, queue: int, sequencers: Sequencers, number: int, where: Mask
    ) -> None:
        if where:
            done = where & sequencers.ended[number]
            if done:
                self.cycles[Entry(queue, None, "done")] += done.bit_count()
            if waits := where ^ done:
                self.cycles[Entry(queue, None, "op fetch")] += waits.bit_count()
