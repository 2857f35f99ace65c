"""Is a program safe? Found from its packed ops alone, without knowing what they are for.

The graph is that of docs/architecture.md, section 3: an edge leads from every event of every
repetition (`sw_driver.check.units`) to those that wait for it. All PEs run the same program, so one
graph
stands for all of them. A cycle is a program that would lock up. Without one, two events that no
path orders may come either way round; if one of them writes a word that the other uses, results
would depend on luck, and `sw_driver.check.hazards` refuses that.
"""

from collections.abc import Mapping, Sequence

from hw.config import TorusConfig
from hw.op_fields import Axis, GatherKind, HostInKind, HostOutKind, RingKind
from sw_driver.check.event_graph import EventGraph
from sw_driver.check.hazards import check_hazards
from sw_driver.check.units import Event, MacUnit, RingUnit, expand, mac_units, ring_units
from sw_driver.errors import ProgramError
from sw_driver.program.image import Op

__all__ = ["check_program", "check_ring_counts"]

ROW, COL = Axis.ROW.value, Axis.COL.value
_NAMES = {ROW: "row", COL: "col"}

Rings = Mapping[int, Sequence[RingUnit]]


def check_program(
    config: TorusConfig, pe: Sequence[Sequence[Op]], gateway: Sequence[Sequence[Op]]
) -> None:
    """Refuse a program that could lock up or compute wrong words.

    Every LOOP is carried out in full: give a program of few turns, which stands for longer ones.

    Parameters
    ----------
    config
        Of the torus.
    pe, gateway
        The three queues of the PEs and those of the gateways, unpacked.

    Raises
    ------
    ProgramError
        It prints the cycle, the wait that nothing ends, or the two ops that are in each other's
        way.
    """
    rings = {axis: ring_units(config, name, pe[axis]) for axis, name in _NAMES.items()}
    macs = mac_units(config, pe[2])
    check_ring_counts(config, rings, gateway)
    consumed = {axis: [unit for unit in macs if unit.axis == axis] for axis in rings}
    landing = {axis: [unit for unit in macs if unit.dest == axis] for axis in rings}

    graph = EventGraph()
    for axis, units in rings.items():
        _add_ring_edges(graph, units, consumed[axis], landing[axis])
    _add_mac_edges(graph, rings, macs)
    _add_host_edges(graph, rings[ROW], gateway)
    check_hazards(config, graph.ordering(), rings, macs)


def check_ring_counts(config: TorusConfig, rings: Rings, gateway: Sequence[Sequence[Op]]) -> None:
    """All nodes of a ring must agree on how many words each op moves."""

    def refuse_unless(unit: RingUnit, recv: int) -> None:
        if unit.recv != recv:
            raise ProgramError(
                f"{unit.name} must receive the {recv} own words of the other PEs, not {unit.recv}"
            )

    for unit in rings[COL]:
        refuse_unless(unit, unit.own * (config.rows - 1))
    loads = sum(
        op["reps"] + 1 for _, op in expand(gateway[1]) if op["kind"] == HostInKind.BROADCAST.value
    )
    ring = [op for _, op in expand(gateway[0]) for _ in range(op["reps"] + 1)][loads:]
    if len(ring) != len(rings[ROW]):
        raise ProgramError(
            f"the gateways' ring queue must have as many repetitions as the row queue, "
            f"{len(rings[ROW])}, not {len(ring)}"
        )
    for unit, op in zip(rings[ROW], ring, strict=True):
        total = unit.own * config.cols
        if unit.own:
            refuse_unless(unit, total - unit.own)
            kind = RingKind.SINK if unit.kind is GatherKind.PASS else RingKind.FORWARD
            wanted = kind.name, total, total - unit.own
        else:
            wanted = RingKind.SEND.name, 0, unit.recv
        found = RingKind(op["kind"]).name, op["recv"], op["send"]
        to_gateway = int(unit.own > 0)
        if found != wanted or unit.to_gateway != to_gateway:
            raise ProgramError(
                f"{unit.name} needs a gateway op (kind, recv, send) = {wanted} and to_gateway = "
                f"{to_gateway}, not {found} and {unit.to_gateway}"
            )


def _add_ring_edges(
    graph: EventGraph,
    units: Sequence[RingUnit],
    consumers: Sequence[MacUnit],
    landing: Sequence[MacUnit],
) -> None:
    """Edges into the events of one ring: order, landed words, free regions."""
    asked, gathered = 0, 0
    for unit in units:
        for event in (unit.open, unit.own_here):
            graph.add_edge(event, unit.done)
            if unit.number:
                graph.add_edge(units[unit.number - 1].done, event)
        asked += unit.need
        if asked > len(landing):
            raise ProgramError(
                f"{unit.name} waits for MAC repetition {asked} that writes to its buffer, but "
                f"there are {len(landing)}"
            )
        graph.add_edge(unit.open, unit.own_here)
        if asked:
            graph.add_edge(landing[asked - 1].landed, unit.own_here)
        read = gathered - unit.lag + 1
        if read > len(consumers) or not unit.lag:
            raise ProgramError(
                f"{unit.name} waits until the MAC has consumed {read} gathers, but it consumes "
                f"{len(consumers)}"
            )
        if read > 0:
            graph.add_edge(consumers[read - 1].read, unit.open)
        gathered += unit.gathers
    if gathered != len(consumers):
        raise ProgramError(
            f"the MAC must consume all gathers of a ring, {gathered}, not {len(consumers)}"
        )


def _add_mac_edges(graph: EventGraph, rings: Rings, macs: Sequence[MacUnit]) -> None:
    """Edges into the events of the MAC: order, words to read, room for results."""
    gathers = {
        axis: iter([unit for unit in units if unit.gathers]) for axis, units in rings.items()
    }
    asked = dict.fromkeys(rings, 0)
    for unit in macs:
        if unit.number:
            before = macs[unit.number - 1]
            graph.add_edge(before.read, unit.start)
            graph.add_edge(before.landed, unit.landed)
        graph.add_edge(unit.start, unit.read)
        graph.add_edge(unit.read, unit.landed)
        source = next(gathers[unit.axis])
        gathered = range(source.base, source.base + source.own + source.recv)
        if unit.read_words != gathered:
            raise ProgramError(
                f"{unit.name} must read the words that {source.name} gathers, {gathered}, "
                f"not {unit.read_words}"
            )
        graph.add_edge(source.own_here, unit.start)
        graph.add_edge(source.open, unit.read)
        asked[unit.dest] += unit.need_free
        freed, ring = asked[unit.dest], rings[unit.dest]
        if freed > len(ring):
            raise ProgramError(
                f"{unit.name} waits until {freed} {_NAMES[unit.dest]} ops have retired, but there "
                f"are {len(ring)}"
            )
        if freed:
            graph.add_edge(ring[freed - 1].done, unit.start)


def _add_host_edges(
    graph: EventGraph, row: Sequence[RingUnit], gateway: Sequence[Sequence[Op]]
) -> None:
    """The host deals and collects in one order; its queues are taken to hold nothing."""

    def repetitions(queue: Sequence[Op], kind: int) -> int:
        return sum(op["reps"] + 1 for _, op in expand(queue) if op["kind"] == kind)

    takers = [unit for unit in row if not unit.own]
    givers = [unit for unit in row if unit.kind is GatherKind.PASS]
    for name, count, units in (
        ("host_in", repetitions(gateway[1], HostInKind.SCATTER.value), takers),
        ("host_out", repetitions(gateway[2], HostOutKind.COLLECT.value), givers),
    ):
        if count != len(units):
            raise ProgramError(
                f"queue {name} must have {len(units)} repetitions, those of the gateways that it "
                f"serves, not {count}"
            )
    for number, unit in enumerate(takers):
        beats: Event = "host_in", number, "dealt"
        graph.add_edge(beats, unit.done)
        if unit.number:
            graph.add_edge(row[unit.number - 1].done, beats)
        if number:
            graph.add_edge(("host_in", number - 1, "dealt"), beats)
    for number, unit in enumerate(givers):
        graph.add_edge(unit.done, ("host_out", number, "collected"))
        if number:
            graph.add_edge(("host_out", number - 1, "collected"), unit.done)
