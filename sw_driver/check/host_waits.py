"""What the gateways and the host of a program wait for between each other."""

import dataclasses
from collections.abc import Iterator, Sequence

from hw.config import TorusConfig
from hw.op_fields import HostOutKind
from sw_driver.check.event_graph import Event
from sw_driver.errors import ProgramError
from sw_driver.program.image import Op
from sw_driver.program.loops import repetitions

__all__ = ["HostAction", "Served", "check_host_counts", "host_edges"]

HostAction = tuple[str, int]
"""What a host does next: "in" or "out", and how many repetitions of its queue."""

Edges = Iterator[tuple[Event, Event]]


@dataclasses.dataclass(frozen=True)
class Served:
    """A repetition of the gateways that a repetition of a host queue serves.

    Parameters
    ----------
    name
        Of whose words it moves.
    words
        That each gateway takes from the host, or gives to it.
    begin, end
        The event that its words can move, and the event that they have moved.
    before
        The event that the gateways have done what stands before it in their ring queue; None if
        nothing does.
    free
        The event after which the FIFOs from the host are taken to be empty; None for the start.
    here
        The event that the PEs can move the words of the host; None if it gives none.
    """

    name: str
    words: int
    begin: Event
    end: Event
    before: Event | None
    free: Event | None = None
    here: Event | None = None

    def beats(self, config: TorusConfig) -> int:
        """Beats that each gateway takes or gives."""
        return -(-self.words // config.beat_words)


def check_host_counts(
    config: TorusConfig,
    takers: Sequence[Served],
    givers: Sequence[Served],
    gateway: Sequence[Sequence[Op]],
    loads: int,
    host: Sequence[HostAction] | None,
) -> None:
    """Refuse a program whose host queues do not move what the gateways take and give.

    Parameters
    ----------
    config, gateway, host
        As in `sw_driver.check.waits.check_program`.
    takers, givers
        In the order of the gateways.
    loads
        The first repetitions of the queue host_in, which load the PEs' program.

    Raises
    ------
    ProgramError
        It names the queue, and what it needs.
    """
    for name, served, ops in (
        ("in", takers, repetitions(gateway[1])[loads:]),
        ("out", givers, repetitions(gateway[2])),
    ):
        count = len(served)
        done = count if host is None else sum(reps for kind, reps in host if kind == name)
        if not done == count == len(ops):
            raise ProgramError(
                f"queue host_{name} must have {count} repetitions, those of the gateways that it "
                f"serves, not {len(ops)}, and the host must do as many, not {done}"
            )
        for number, (one, (op, _)) in enumerate(zip(served, ops, strict=True)):
            beats = one.beats(config)
            if op["beats"] != beats:
                raise ProgramError(
                    f"queue host_{name} must move {beats} beats a gateway in repetition {number}, "
                    f"for {one.name}, not {op['beats']}"
                )
            if name == "out" and op["kind"] != HostOutKind.COLLECT.value:
                raise ProgramError(
                    f"queue host_out must collect the words of {one.name} in repetition {number}, "
                    f"not be of kind {HostOutKind(op['kind']).name}"
                )


def host_edges(
    config: TorusConfig,
    takers: Sequence[Served],
    givers: Sequence[Served],
    host: Sequence[HostAction],
) -> Edges:
    """Go through the waits of a host that does one thing after the other.

    A FIFO of a gateway holds `host_fifo_beats` beats, so what is longer waits for the other side
    to take part, and what is shorter only until the FIFO is empty.
    """
    counts = {"in": 0, "out": 0}
    before: Event | None = None
    for kind, reps in host:
        for _ in range(reps):
            number = counts[kind]
            counts[kind] += 1
            event: Event = f"host {kind}", number, "moved"
            one = (takers if kind == "in" else givers)[number]
            fits = one.beats(config) <= config.host_fifo_beats
            if kind == "in":
                yield event, one.begin
                if one.free is not None:
                    yield one.free, event
                for first in (one.before, one.here):
                    if first is not None and not fits:
                        yield first, event
            else:
                yield one.end, event
                if number:
                    yield ("host out", number - 1, "moved"), one.begin
                if before is not None and not fits:
                    yield before, one.begin
            if before is not None:
                yield before, event
            before = event
