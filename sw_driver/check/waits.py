"""Is a training program safe? As `sw_driver.check.deadlock`, for what a torus does that trains.

Two graphs of events are built from the packed ops alone. One has only what always comes before
what; in it, two users of a word must be in order (`sw_driver.check.training_hazards`). The other
has also
all waits that there may be: for room in FIFOs, and for a host that does one thing after the other.
A cycle in it is a program that could lock up.
"""

from collections.abc import Iterator, Sequence

from hw.config import TorusConfig
from hw.op_fields import Axis, GatherKind, HostInKind, HostOutKind, MacKind, RingKind
from sw_driver.check.deadlock import check_ring_counts
from sw_driver.check.event_graph import EventGraph
from sw_driver.check.training_hazards import check_training_hazards
from sw_driver.check.training_units import (
    KeepingUnit,
    StepUnit,
    gradient_event,
    keeping_units,
    result_event,
    step_units,
)
from sw_driver.check.units import Event
from sw_driver.errors import ProgramError
from sw_driver.program.image import Op
from sw_driver.program.loops import expand

__all__ = ["HostAction", "check_training_program"]

ROW, COL = Axis.ROW.value, Axis.COL.value
_NAMES = {ROW: "row", COL: "col"}

HostAction = tuple[str, int]
"""What a host does next: "in" or "out", and how many repetitions of its queue."""

Rings = dict[int, list[KeepingUnit]]


def check_training_program(
    config: TorusConfig,
    pe: Sequence[Sequence[Op]],
    gateway: Sequence[Sequence[Op]],
    host: Sequence[HostAction],
) -> None:
    """Refuse a program that could lock up or compute wrong words.

    Every LOOP is carried out in full: give a program of few turns, which stands for longer ones.

    Parameters
    ----------
    config
        Of the torus.
    pe, gateway
        The three queues of the PEs and those of the gateways, unpacked.
    host
        What the host does, in order.

    Raises
    ------
    ProgramError
        It prints the cycle, the wait that nothing ends, or the two ops that are in each other's
        way.
    """
    rings = {axis: keeping_units(config, name, pe[axis]) for axis, name in _NAMES.items()}
    macs = step_units(config, pe[2])
    sums = RingKind.GRADIENT.value
    check_ring_counts(
        config, rings, ([op for _, op in expand(gateway[0]) if op["kind"] != sums], *gateway[1:])
    )
    _check_chunks(config, macs)

    sure, any_wait = EventGraph(), EventGraph()
    for first, second in _sure_edges(rings, macs):
        sure.add_edge(first, second)
        any_wait.add_edge(first, second)
    for first, second in _further_waits(config, rings[ROW], macs, gateway, host):
        any_wait.add_edge(first, second)
    any_wait.ordering()
    check_training_hazards(config, sure.ordering(), rings, macs)


def _check_chunks(config: TorusConfig, macs: Sequence[StepUnit]) -> None:
    training = config.training
    for unit in macs:
        if training is None:
            raise ProgramError(f"{unit.name} needs a torus that trains, with a TrainingConfig")
        ring = config.rows if unit.axis == COL else config.cols
        if unit.chunk > training.reduce_words and ring > 1:
            raise ProgramError(
                f"{unit.name} needs reduce_words of at least {unit.chunk}, or partial sums wait "
                f"for each other all round the ring, not {training.reduce_words}"
            )


Edges = Iterator[tuple[Event, Event]]


def _sure_edges(rings: Rings, macs: Sequence[StepUnit]) -> Edges:
    """What always comes before what."""
    for axis, units in rings.items():
        yield from _ring_edges(axis, units, macs)
    yield from _mac_edges(rings, macs)
    yield from _landing_edges(macs)


def _ring_edges(axis: int, units: Sequence[KeepingUnit], macs: Sequence[StepUnit]) -> Edges:
    landing = sum(unit.counted for unit in macs if unit.dest == axis)
    readers = [unit for unit in macs if unit.reads and unit.axis == axis]
    asked = reads = 0
    for unit in units:
        yield unit.open, unit.own_here
        yield unit.own_here, unit.done
        if unit.takes_gradients:
            yield unit.open, unit.taken
            yield unit.taken, unit.done
        if unit.number:
            yield units[unit.number - 1].done, unit.open
        asked += unit.need
        reads += unit.need_read
        _refuse_beyond(unit.name, asked, landing, "results in its buffer")
        _refuse_beyond(unit.name, reads, len(readers), "readings of its buffer")
        if asked:
            yield result_event(axis, asked), unit.own_here
        if reads:
            yield readers[reads - 1].read, unit.open


def _mac_edges(rings: Rings, macs: Sequence[StepUnit]) -> Edges:
    gathers = {axis: iter([one for one in units if one.gathers]) for axis, units in rings.items()}
    made = {axis: sum(len(unit.gradients) for unit in macs if unit.axis == axis) for axis in rings}
    taken = [unit.taken for unit in rings[ROW] if unit.takes_gradients]
    freed, gradients, host = dict.fromkeys(rings, 0), dict.fromkeys(rings, 0), 0
    for unit in macs:
        yield unit.start, unit.read
        if unit.number:
            yield macs[unit.number - 1].read, unit.start
        if unit.kind is not MacKind.BACK:
            freed[unit.dest] += unit.need
            retiring = rings[unit.dest]
            _refuse_beyond(unit.name, freed[unit.dest], len(retiring), "ops to retire")
            if freed[unit.dest]:
                yield retiring[freed[unit.dest] - 1].done, unit.start
        elif unit.from_host:
            host += unit.need
            _refuse_beyond(unit.name, host, len(taken), "gradients from the host")
            if host:
                yield taken[host - 1], unit.start
        else:
            gradients[unit.dest] += unit.need
            asked = gradients[unit.dest]
            _refuse_beyond(unit.name, asked, made[unit.dest], "gradients to land")
            if asked:
                yield gradient_event(unit.dest, asked), unit.start
        if unit.kind is MacKind.RUN:
            source = next(gathers[unit.axis], None)
            if source is None:
                raise ProgramError(f"{unit.name} reads a gather that its ring does not do")
            words = range(source.base, source.base + source.own + source.recv)
            if unit.read_words != tuple(words):
                raise ProgramError(
                    f"{unit.name} must read the words that {source.name} gathers, {words}"
                )
            yield source.own_here, unit.start
            yield source.open, unit.read
    for axis, left in gathers.items():
        unread = next(left, None)
        if unread is not None:
            raise ProgramError(f"the MAC must read all gathers of the {_NAMES[axis]} ring, "
                               f"but not {unread.name}")  # fmt: skip


def _landing_edges(macs: Sequence[StepUnit]) -> Edges:
    """Results land in order, and so do the gradients of an axis; the last when all is read."""
    result: Event | None = None
    gradient: dict[int, Event] = {}
    for unit in macs:
        events = [result_event(unit.dest, unit.first_result + k) for k in range(unit.counted)]
        for event in events:
            yield unit.start, event
            if result is not None:
                yield result, event
            result = event
        if events:
            yield unit.read, events[-1]
        events = [
            gradient_event(unit.axis, unit.first_gradient + k) for k in range(len(unit.gradients))
        ]
        for event in events:
            yield unit.start, event
            if unit.axis in gradient:
                yield gradient[unit.axis], event
            gradient[unit.axis] = event
        if events:
            yield unit.read, events[-1]


def _refuse_beyond(name: str, asked: int, there: int, what: str) -> None:
    if asked > there:
        raise ProgramError(f"{name} waits for {asked} {what}, but there are {there}")


def _further_waits(
    config: TorusConfig,
    row: Sequence[KeepingUnit],
    macs: Sequence[StepUnit],
    gateway: Sequence[Sequence[Op]],
    host: Sequence[HostAction],
) -> Edges:
    """Waits for room that there may not be: FIFOs are taken to hold no more than one op's words."""
    giving = [unit for unit in macs if unit.sums]
    taken: list[Event] = [("sums", number, "taken") for number in range(len(giving))]
    reduced: dict[int, Event] = {}
    given = iter(zip(giving, taken, strict=True))
    for unit in macs:
        # Contributions of an op wait until those of the op before have gone on.
        if unit.axis in reduced and (unit.gradients or unit.sums):
            yield reduced[unit.axis], unit.read
            if unit.gradients:
                yield reduced[unit.axis], gradient_event(unit.axis, unit.first_gradient)
        if unit.gradients:
            reduced[unit.axis] = unit.gradients_landed
        if unit.sums:
            _, event = next(given)
            yield unit.start, event
            reduced[unit.axis] = event

    # The ring queue of the gateways: ops that a unit of the row ring takes part in, and sums.
    loads = sum(
        op["reps"] + 1 for _, op in expand(gateway[1]) if op["kind"] == HostInKind.BROADCAST.value
    )
    repetitions = [op for _, op in expand(gateway[0]) for _ in range(op["reps"] + 1)][loads:]
    givers: list[Event] = []
    units, events = iter(row), iter(zip(giving, taken, strict=True))
    before: Event | None = None
    for op in repetitions:
        if op["kind"] == RingKind.GRADIENT.value:
            unit, event = next(events, (None, None))
            if unit is None or event is None or unit.sums != op["recv"]:
                raise ProgramError(
                    "the gateways must take the sums that BACK ops give, in the same order"
                )
            givers.append(event)
        else:
            ring_unit = next(units)
            event = ring_unit.done
            if ring_unit.kind is GatherKind.PASS:
                givers.append(event)
        if before is not None:
            yield before, event
        before = event
    if next(events, None) is not None:
        raise ProgramError("the gateways must take all sums that BACK ops give")
    takers = [unit for unit in row if not unit.own]
    yield from _host_waits(row, takers, givers, gateway, host)


def _host_waits(
    row: Sequence[KeepingUnit],
    takers: Sequence[KeepingUnit],
    givers: Sequence[Event],
    gateway: Sequence[Sequence[Op]],
    host: Sequence[HostAction],
) -> Edges:
    """The host does one thing after the other; its queues are taken to hold nothing."""
    counts = {"in": 0, "out": 0}
    before: Event | None = None
    for kind, reps in host:
        for _ in range(reps):
            number = counts[kind]
            counts[kind] += 1
            event: Event = f"host {kind}", number, "moved"
            if kind == "in":
                _refuse_beyond("the host", number + 1, len(takers), "ops that take its words")
                unit = takers[number]
                yield event, unit.done
                if unit.takes_gradients:
                    yield event, unit.taken
                if unit.number:
                    yield row[unit.number - 1].done, event
            else:
                _refuse_beyond("the host", number + 1, len(givers), "ops that give it words")
                yield givers[number], event
                if number:
                    yield ("host out", number - 1, "moved"), givers[number]
            if before is not None:
                yield before, event
            before = event
    for name, count, queue, kind in (
        ("in", len(takers), gateway[1], HostInKind.SCATTER.value),
        ("out", len(givers), gateway[2], HostOutKind.COLLECT.value),
    ):
        moved = sum(op["reps"] + 1 for _, op in expand(queue) if op["kind"] == kind)
        if not counts[name] == count == moved:
            raise ProgramError(
                f"queue host_{name} must have {count} repetitions, those of the gateways that it "
                f"serves, not {moved}, and the host must do {counts[name]}"
            )
