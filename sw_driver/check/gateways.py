"""Checks of the gateways and the host of a program, and what they wait for.

All nodes of a ring must agree on the words that they move.
"""

from collections.abc import Iterator, Sequence

from hw.config import PROGRAM_BLOCK_WORDS, TorusConfig
from hw.op_fields import GatherKind, HostInKind, RingKind
from sw_driver.check.event_graph import Event
from sw_driver.check.host_waits import HostAction, Served, check_host_counts, host_edges
from sw_driver.check.mac_units import MacUnit
from sw_driver.check.ring_units import RingUnit
from sw_driver.errors import ProgramError
from sw_driver.program.image import Op
from sw_driver.program.loops import repetitions

__all__ = ["HostAction", "check_ring_counts", "gateway_edges"]

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
    for unit in row:
        if unit.takes_gradients and unit.recv % config.cols:
            raise ProgramError(f"{unit.name} must bring equally many words for each of "
                               f"{config.cols} columns, not {unit.recv} words")  # fmt: skip
    for unit in col:
        if unit.takes_gradients:
            raise ProgramError(f"{unit.name} must be of the row ring, which has a gateway")
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
    if not unit.own and not unit.recv:
        raise ProgramError(f"{unit.name} must move a word at least: own and recv are both 0")


def _after_loading(gateway: Sequence[Sequence[Op]]) -> list[Op]:
    """List the repetitions of the gateways' ring queue that come after the PEs' program."""
    loads = _loads(gateway[1])
    ops = [op for op, _ in repetitions(gateway[0])]
    for op in ops[:loads]:
        found = RingKind(op["kind"]).name, op["recv"], op["send"]
        if found != (wanted := (RingKind.SEND.name, 0, PROGRAM_BLOCK_WORDS)):
            raise ProgramError(f"the gateways must load the PEs' program by ops with (kind, recv, "
                               f"send) = {wanted}, not {found}")  # fmt: skip
    return ops[loads:]


def _loads(host_in: Sequence[Op]) -> int:
    """Repetitions by which the PEs' program is loaded: those of the first op, if there is one."""
    first = host_in[0] if host_in else None
    return first["reps"] + 1 if first and first["kind"] == HostInKind.BROADCAST.value else 0


def gateway_edges(
    config: TorusConfig,
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
    takers: list[Served] = []
    givers: list[Served] = []
    units = iter(row)
    before: Event | None = None
    for op in _after_loading(gateway):
        if op["kind"] == RingKind.GRADIENT.value:
            mac = next(giving, None)
            if mac is None or mac.sums != op["recv"] or op["send"]:
                raise ProgramError(
                    "the gateways must take the sums that BACK ops give, in the same order, "
                    "and send no words meanwhile"
                )
            begin = event = mac.sums_taken
            givers.append(Served(mac.name, mac.sums * config.sum_chunks, begin, event, before))
            # More contributions than wait at a node hold up the MAC until the gateway takes them.
            if before is not None and config.training and mac.sums > config.training.reduce_words:
                yield before, mac.read
        else:
            unit = next(units)
            begin, event = unit.moving, unit.done
            if unit.kind is GatherKind.PASS:
                words = unit.own * config.cols
                givers.append(Served(unit.name, words, begin, event, before))
            if not unit.own:
                free = row[unit.number - 1].done if unit.number else None
                takers.append(
                    Served(unit.name, unit.recv, begin, event, before, free, unit.own_here)
                )
        if before is not None:
            yield before, begin
        before = event
    if next(giving, None) is not None:
        raise ProgramError("the gateways must take all sums that BACK ops give")
    first = _loads(gateway[1])
    check_host_counts(config, takers, givers, gateway, first, host)
    if host is not None:
        yield from host_edges(config, takers, givers, host)
