"""Checks that a program is safe, from its packed ops alone, without knowing what they are for.

The graph is that of docs/architecture.md, section 3: an edge leads from every event of every
repetition to the events that wait for it. All PEs run the same program, so one graph stands for all
of them. Two graphs are built. The first has only the waits that there are in every run; in it, two
users of a word must be in order (`sw_driver.check.hazards`). The second has also the waits that
there may be: for words of other nodes, for room in FIFOs, and for a host that does one thing after
the other. A program could lock up if there is a cycle in the second graph; docs/deadlock.md proves
that it cannot if there is none.
"""

import dataclasses
from collections.abc import Iterator, Sequence

from hw.config import TorusConfig
from hw.op_fields import Axis, MacKind
from sw_driver.check.event_graph import Event, EventGraph
from sw_driver.check.gateways import HostAction, check_ring_counts, gateway_edges
from sw_driver.check.hazards import check_hazards
from sw_driver.check.mac_units import MacUnit, gradient_event, mac_units, result_event
from sw_driver.check.ring_units import RingUnit, ring_units
from sw_driver.errors import ProgramError
from sw_driver.program.image import Op

__all__ = ["Waits", "check_program", "program_waits"]

ROW, COL = Axis.ROW.value, Axis.COL.value
_NAMES = {ROW: "row", COL: "col"}

Rings = dict[int, list[RingUnit]]
Edges = Iterator[tuple[Event, Event]]


def check_program(
    config: TorusConfig,
    pe: Sequence[Sequence[Op]],
    gateway: Sequence[Sequence[Op]],
    host: Sequence[HostAction] | None = None,
) -> None:
    """Refuse a program that could lock up or compute wrong words.

    Every LOOP is carried out in full: give a program of few turns, which stands for longer ones.

    Parameters
    ----------
    config
        The torus.
    pe, gateway
        The three queues of the PEs and the three of the gateways, unpacked.
    host
        What the host does, in order; None for a host that sends and receives at the same time.

    Raises
    ------
    ProgramError
        The message has the cycle, the wait that nothing ends, or the two ops that are in each
        other's way.
    """
    waits = program_waits(config, pe, gateway, host)
    sure, any_wait = EventGraph(), EventGraph()
    for first, second in waits.sure:
        sure.add_edge(first, second)
        any_wait.add_edge(first, second)
    for first, second in waits.further:
        any_wait.add_edge(first, second)
    any_wait.in_order()
    check_hazards(config, sure.ordering(), waits.rings, waits.macs)


@dataclasses.dataclass(frozen=True)
class Waits:
    """All waits of a program, as pairs of events.

    Parameters
    ----------
    rings, macs
        Repetitions of the row and of the column queue, by axis, and of the MAC queue.
    sure
        Pairs of which the first always comes before the second.
    further
        Pairs of which the second may have to wait for the first.
    """

    rings: Rings
    macs: list[MacUnit]
    sure: list[tuple[Event, Event]]
    further: list[tuple[Event, Event]]


def program_waits(
    config: TorusConfig,
    pe: Sequence[Sequence[Op]],
    gateway: Sequence[Sequence[Op]],
    host: Sequence[HostAction] | None = None,
) -> Waits:
    """List the waits of a program; arguments are those of `check_program`.

    Raises
    ------
    ProgramError
        Nodes do not agree on what they move, or something waits for more than there is.
    """
    rings = {axis: ring_units(config, name, pe[axis]) for axis, name in _NAMES.items()}
    macs = mac_units(config, pe[2])
    check_ring_counts(config, rings[ROW], rings[COL], gateway)
    _check_reductions(config, macs)
    sure = list(_sure_edges(rings, macs))
    return Waits(rings, macs, sure, list(_further_edges(config, rings, macs, gateway, host)))


def _check_reductions(config: TorusConfig, macs: Sequence[MacUnit]) -> None:
    for unit in macs:
        ring = config.rows if unit.axis == COL else config.cols
        if config.training is None:
            if unit.kind is not MacKind.RUN:
                raise ProgramError(f"{unit.name} needs a torus that trains, with a TrainingConfig")
        elif unit.chunk > config.training.reduce_words and (ring > 1 or not unit.sums):
            raise ProgramError(
                f"{unit.name} needs reduce_words of at least {unit.chunk}, or partial sums wait "
                f"for each other all round the ring, not {config.training.reduce_words}"
            )
        if unit.sums and unit.axis != ROW:
            raise ProgramError(
                f"{unit.name} must give its sums to the host on axis {ROW}, the row ring, which "
                f"has a gateway, not on axis {unit.axis}"
            )


def _sure_edges(rings: Rings, macs: Sequence[MacUnit]) -> Edges:
    """Go through the pairs of events of which the first always comes before the second."""
    for axis, units in rings.items():
        yield from _ring_edges(axis, units, macs)
    yield from _mac_edges(rings, macs)
    yield from _landing_edges(macs)


def _further_edges(
    config: TorusConfig,
    rings: Rings,
    macs: Sequence[MacUnit],
    gateway: Sequence[Sequence[Op]],
    host: Sequence[HostAction] | None,
) -> Edges:
    """Go through the pairs of events of which the second may have to wait for the first."""
    for axis, units in rings.items():
        yield from _word_edges(axis, units, macs)
    yield from _reduce_edges(macs)
    yield from gateway_edges(config, rings[ROW], macs, gateway, host)


def _word_edges(axis: int, units: Sequence[RingUnit], macs: Sequence[MacUnit]) -> Edges:
    """Go through the waits for words of other nodes, which the whole ring moves."""
    runs = iter([unit for unit in macs if unit.kind is MacKind.RUN and unit.axis == axis])
    for unit in units:
        yield unit.own_here, unit.moving
        yield unit.moving, unit.done
        if unit.takes_gradients:
            yield unit.moving, unit.taken
        reader = next(runs, None) if unit.gathers else None
        if reader is not None:
            # Its first result takes all words already.
            landings = [event for event, _ in (*reader.landings[:1], *reader.gradient_landings[:1])]
            for event in (reader.read, *landings):
                yield unit.moving, event


def _ring_edges(axis: int, units: Sequence[RingUnit], macs: Sequence[MacUnit]) -> Edges:
    landing = sum(unit.counted for unit in macs if unit.dest == axis)
    readers = [unit for unit in macs if unit.reads and unit.axis == axis]
    for unit in units:
        yield unit.open, unit.own_here
        yield unit.own_here, unit.done
        if unit.takes_gradients:
            yield unit.open, unit.taken
            yield unit.taken, unit.done
        if unit.number:
            yield units[unit.number - 1].done, unit.open
        _refuse_beyond(unit.name, unit.landed, landing, "results in its buffer")
        _refuse_beyond(unit.name, unit.reads, len(readers), "readings of its buffer")
        if unit.landed:
            yield result_event(axis, unit.landed), unit.own_here
        if unit.reads:
            yield readers[unit.reads - 1].read, unit.open


def _mac_edges(rings: Rings, macs: Sequence[MacUnit]) -> Edges:
    gathers = {axis: iter([one for one in units if one.gathers]) for axis, units in rings.items()}
    made = dict.fromkeys(rings, 0)
    for unit in macs:
        made[unit.gradient_axis] += len(unit.gradients)
    taken = [unit.taken for unit in rings[ROW] if unit.counts_gradients]
    for unit in macs:
        yield unit.start, unit.read
        if unit.number:
            yield macs[unit.number - 1].read, unit.start
        if unit.gradients_read != unit.start:
            yield unit.gradients_read, unit.start
            if unit.number:
                yield macs[unit.number - 1].gradients_read, unit.gradients_read
        if not unit.backwards:
            retiring = rings[unit.dest]
            _refuse_beyond(unit.name, unit.asked, len(retiring), "ops to retire")
            if unit.asked:
                yield retiring[unit.asked - 1].done, unit.start
        elif unit.from_host:
            _refuse_beyond(unit.name, unit.asked, len(taken), "gradients from the host")
            if unit.asked:
                yield taken[unit.asked - 1], unit.gradients_read
        else:
            _refuse_beyond(unit.name, unit.asked, made[unit.dest], "gradients to land")
            if unit.asked:
                yield gradient_event(unit.dest, unit.asked), unit.gradients_read
        if unit.kind is MacKind.RUN:
            source = next(gathers[unit.axis], None)
            if source is None:
                raise ProgramError(f"{unit.name} reads a gather that its ring does not do")
            rows = -(-(source.own + source.recv) // unit.row_words)
            words = range(source.base, source.base + rows * unit.row_words, unit.word_step)
            if unit.read_words != words:
                raise ProgramError(
                    f"{unit.name} must read the words that {source.name} gathers, {words}, "
                    f"not {unit.read_words}"
                )
            yield source.own_here if unit.word_step == 1 else source.done, unit.start
            yield source.open, unit.read
    for axis, left in gathers.items():
        unread = next(left, None)
        if unread is not None:
            raise ProgramError(f"the MAC must read all gathers of the {_NAMES[axis]} ring, "
                               f"but not {unread.name}")  # fmt: skip


def _landing_edges(macs: Sequence[MacUnit]) -> Edges:
    """Go through the waits of results and gradients, which land in order.

    The last result of a unit, and its last gradient, land after its last word has been read.
    """
    result: Event | None = None
    gradient: dict[int, Event] = {}
    for unit in macs:
        for event, _ in unit.landings:
            yield unit.start, event
            if result is not None:
                yield result, event
            result = event
        if unit.counted and result is not None:
            yield unit.read, result
        for event, _ in unit.gradient_landings:
            yield unit.start, event
            if unit.gradient_axis in gradient:
                yield gradient[unit.gradient_axis], event
            gradient[unit.gradient_axis] = event
        if unit.gradients:
            yield unit.read, gradient[unit.gradient_axis]


def _reduce_edges(macs: Sequence[MacUnit]) -> Edges:
    """Go through the waits of a unit's contributions for those of the unit before to go on."""
    reduced: dict[int, Event] = {}
    for unit in macs:
        landings = unit.gradient_landings if unit.backwards else []
        if unit.axis in reduced and (landings or unit.sums):
            yield reduced[unit.axis], unit.read
            if landings:
                yield reduced[unit.axis], landings[0][0]
        if landings:
            reduced[unit.axis] = landings[-1][0]
        if unit.sums:
            yield unit.start, unit.sums_taken
            reduced[unit.axis] = unit.sums_taken


def _refuse_beyond(name: str, asked: int, there: int, what: str) -> None:
    if asked > there:
        raise ProgramError(f"{name} waits for {asked} {what}, but there are {there}")
