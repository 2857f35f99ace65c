"""Checks of the gateways and the host of a program, and what they wait for.

All nodes of a ring must agree on the words that they move. FIFOs are taken to hold no more than one
op's words.
"""

from collections.abc import Iterator, Sequence

from hw.config import TorusConfig
from hw.op_fields import GatherKind, HostInKind, RingKind
from sw_driver.check.event_graph import Event
from sw_driver.check.mac_units import MacUnit
from sw_driver.check.ring_units import RingUnit
from sw_driver.errors import ProgramError
from sw_driver.program.image import Op
from sw_driver.program.loops import expand

__all__ = ["HostAction", "check_ring_counts", "gateway_edges"]

HostAction = tuple[str, int]
"""What a host does next: "in" or "out", and how many repetitions of its queue."""

Edges = Iterator[tuple[Event, Event]]


def check_ring_counts(
    config: TorusConfig,
    row: Sequence[RingUnit],
    col: Sequence[RingUnit],
    gateway: Sequence[Sequence[Op]],
) -> None:
    """Refuse a program in which the nodes of a ring do not agree on how many words each op moves.

    Where links move several words at once, words that make no whole transfers are refused, too.

    Raises
    ------
    ProgramError
        It names the op, and what it needs.
    """

    def refuse_unless(unit: RingUnit, recv: int) -> None:
        if unit.recv != recv:
            raise ProgramError(
                f"{unit.name} must receive the {recv} own words of the other PEs, not {unit.recv}"
            )

    for unit in (*row, *col):
        _check_transfers(unit, config.link_words)
    for unit in col:
        refuse_unless(unit, unit.own * (config.rows - 1))
    ring = [op for op in _after_loading(gateway) if op["kind"] != RingKind.GRADIENT.value]
    if len(ring) != len(row):
        raise ProgramError(
            f"the gateways' ring queue must have as many repetitions as the row queue, "
            f"{len(row)}, not {len(ring)}"
        )
    for unit, op in zip(row, ring, strict=True):
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


def _check_transfers(unit: RingUnit, moved: int) -> None:
    for field in ("base", "own", "recv"):
        value: int = getattr(unit, field)
        if value % moved:
            raise ProgramError(
                f"{unit.name} must have a multiple of {moved} (link_words) as {field}, not "
                f"{value}: a link moves so many words at once"
            )


def _after_loading(gateway: Sequence[Sequence[Op]]) -> list[Op]:
    """List the repetitions of the gateways' ring queue that come after the PEs' program."""
    loads = _loads(gateway[1])
    return [op for _, op in expand(gateway[0]) for _ in range(op["reps"] + 1)][loads:]


def _loads(host_in: Sequence[Op]) -> int:
    """Repetitions by which the PEs' program is loaded: those of the first op, if there is one."""
    first = host_in[0] if host_in else None
    return first["reps"] + 1 if first and first["kind"] == HostInKind.BROADCAST.value else 0


def _repetitions(queue: Sequence[Op]) -> int:
    return sum(op["reps"] + 1 for _, op in expand(queue))


def gateway_edges(
    row: Sequence[RingUnit],
    macs: Sequence[MacUnit],
    gateway: Sequence[Sequence[Op]],
    host: Sequence[HostAction] | None,
) -> Edges:
    """Go through the waits of the gateways: for words of the row ring, for sums, for the host.

    An op of the gateways' ring queue is one in which a unit of the row ring takes part, or it takes
    the sums of a BACK op.

    Raises
    ------
    ProgramError
        If the sums of the way back, or the host's words, are not those that the gateways move.
    """
    giving = iter([unit for unit in macs if unit.sums])
    givers: list[Event] = []
    units = iter(row)
    before: Event | None = None
    for op in _after_loading(gateway):
        if op["kind"] == RingKind.GRADIENT.value:
            mac = next(giving, None)
            if mac is None or mac.sums != op["recv"]:
                raise ProgramError(
                    "the gateways must take the sums that BACK ops give, in the same order"
                )
            event = mac.sums_taken
            givers.append(event)
        else:
            unit = next(units)
            event = unit.done
            if unit.kind is GatherKind.PASS:
                givers.append(event)
        if before is not None:
            yield before, event
        before = event
    if next(giving, None) is not None:
        raise ProgramError("the gateways must take all sums that BACK ops give")
    takers = [unit for unit in row if not unit.own]
    _check_host_counts(takers, givers, gateway, host)
    if host is not None:
        yield from _host_waits(row, takers, givers, host)


def _check_host_counts(
    takers: Sequence[RingUnit],
    givers: Sequence[Event],
    gateway: Sequence[Sequence[Op]],
    host: Sequence[HostAction] | None,
) -> None:
    for name, count, moved in (
        ("in", len(takers), _repetitions(gateway[1]) - _loads(gateway[1])),
        ("out", len(givers), _repetitions(gateway[2])),
    ):
        done = count if host is None else sum(reps for kind, reps in host if kind == name)
        if not done == count == moved:
            raise ProgramError(
                f"queue host_{name} must have {count} repetitions, those of the gateways that it "
                f"serves, not {moved}, and the host must do as many, not {done}"
            )


def _host_waits(
    row: Sequence[RingUnit],
    takers: Sequence[RingUnit],
    givers: Sequence[Event],
    host: Sequence[HostAction],
) -> Edges:
    """Go through the waits of a host that does one thing after the other.

    Its queues are taken to hold nothing.
    """
    counts = {"in": 0, "out": 0}
    before: Event | None = None
    for kind, reps in host:
        for _ in range(reps):
            number = counts[kind]
            counts[kind] += 1
            event: Event = f"host {kind}", number, "moved"
            if kind == "in":
                unit = takers[number]
                yield event, unit.done
                if unit.takes_gradients:
                    yield event, unit.taken
                if unit.number:
                    yield row[unit.number - 1].done, event
            else:
                yield givers[number], event
                if number:
                    yield ("host out", number - 1, "moved"), givers[number]
            if before is not None:
                yield before, event
            before = event
