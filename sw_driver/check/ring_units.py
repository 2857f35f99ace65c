"""Repetitions of the ops of a ring queue one by one, as the checks of a program see them.

An op says how many more events it waits for than the ops before it. Here every unit has the total
since the start of the program instead, so that one check serves a torus for inference and one that
trains.
"""

import dataclasses
from collections.abc import Sequence

from hw.config import TorusConfig
from hw.op_fields import GatherKind
from sw_driver.check.event_graph import Event
from sw_driver.errors import ProgramError
from sw_driver.program.image import Op
from sw_driver.program.loops import expand

__all__ = ["RingUnit", "ring_units"]


@dataclasses.dataclass(frozen=True)
class RingUnit:
    """One repetition of a ring op of a PE.

    A unit has these events. At `open` its region is free, so it begins and receives. At `own_here`
    its own words have landed, so it sends, and the MAC may read. At `moving` all nodes of the ring
    have come so far, the gateway and the host too if they take part, so nothing holds up its words
    any more. At `taken` the gradients that it brings are in their memory. At `done` it retires.

    Parameters
    ----------
    queue, number, name
        Its queue, its number in the queue, and its name for messages.
    kind, base, own, recv, to_gateway
        As in the op; `base` is that of the repetition.
    landed
        Results of the MAC that must have landed in its buffer before its own words are there.
    reads
        Repetitions of the MAC that must have read its buffer before it opens.
    """

    queue: str
    number: int
    name: str
    kind: GatherKind
    base: int
    own: int
    recv: int
    to_gateway: int
    landed: int
    reads: int

    @property
    def open(self) -> Event:
        """The event that the unit's region is free, so that it begins."""
        return self.queue, self.number, "open"

    @property
    def own_here(self) -> Event:
        """The event that the unit's own words have landed."""
        return self.queue, self.number, "own words here"

    @property
    def moving(self) -> Event:
        """The event that the unit's words can move, all round the ring."""
        return self.queue, self.number, "words move"

    @property
    def taken(self) -> Event:
        """The event that the PE's gradients from the host are in their memory."""
        return self.queue, self.number, "gradients here"

    @property
    def done(self) -> Event:
        """The event that the unit retires."""
        return self.queue, self.number, "done"

    @property
    def gathers(self) -> bool:
        """Whether the MAC consumes the unit."""
        return self.kind is GatherKind.GATHER

    @property
    def takes_gradients(self) -> bool:
        """Whether the unit brings gradients from the host, or targets."""
        return self.kind in (GatherKind.GRADIENT, GatherKind.TARGET)

    @property
    def brings_targets(self) -> bool:
        """Whether the unit brings targets."""
        return self.kind is GatherKind.TARGET

    @property
    def counts_gradients(self) -> bool:
        """Whether BACK ops count the gradients that the unit brings."""
        return self.kind is GatherKind.GRADIENT

    @property
    def own_words(self) -> range:
        """Addresses of its own words."""
        return range(self.base, self.base + self.own)

    @property
    def received_words(self) -> range:
        """Addresses of the words that it receives."""
        return range(self.base + self.own, self.base + self.own + self.recv)

    @property
    def words(self) -> tuple[int, int, int]:
        """(base, own, recv). Two units with equal ones gather the same words, if the own words that
        they send have not been written in between.
        """
        return self.base, self.own, self.recv


def ring_units(config: TorusConfig, name: str, queue: Sequence[Op]) -> list[RingUnit]:
    """List the repetitions of the row or column queue of a PE.

    Raises
    ------
    ProgramError
        If a unit could never open.
    """
    units: list[RingUnit] = []
    landed = reads = gathered = 0
    for index, op in expand(queue):
        kind = GatherKind(op["kind"])
        for rep in range(op["reps"] + 1):
            unit_name = f"{name} op {index} ({kind.name}, repetition {rep})"
            landed += op["need_step"] if rep else op["need_first"]
            if config.training is not None:
                reads += op["need_read_step"] if rep else op["need_read"]
            elif op["lag"]:
                reads = gathered - op["lag"] + 1
            else:
                raise ProgramError(f"{unit_name} must have a lag of at least 1, not 0")
            gathered += kind is GatherKind.GATHER
            units.append(
                RingUnit(
                    queue=name,
                    number=len(units),
                    name=unit_name,
                    kind=kind,
                    base=(op["base"] + rep * op["stride"]) % (1 << config.addr_bits),
                    own=op["own"],
                    recv=op["recv"],
                    to_gateway=op["to_gateway"],
                    landed=landed,
                    reads=max(reads, 0),
                )
            )
    return units
