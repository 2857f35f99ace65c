"""Checks that of two ops which use the same words one comes first, whatever the timing.

They also check that no result is replaced before it was sent: each region holds one sample's words.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Sequence

from hw.config import TorusConfig
from hw.op_fields import Axis, MacKind
from sw_driver.check.counters import check_counters
from sw_driver.check.event_graph import Event, Ordering
from sw_driver.check.fences import check_fences
from sw_driver.check.mac_units import MacUnit
from sw_driver.check.ranges import check_ranges
from sw_driver.check.ring_units import RingUnit
from sw_driver.errors import ProgramError

__all__ = ["check_hazards"]

Rings = dict[int, list[RingUnit]]


@dataclasses.dataclass(frozen=True)
class _Use:
    """Words of one memory that a unit reads or writes between two events."""

    name: str
    words: int  # A set of addresses: a number with a bit for each.
    begin: Event
    end: Event
    writes: bool
    source: RingUnit | None = None  # The gather that brings the words, or has brought them.


def check_hazards(
    config: TorusConfig, ordering: Ordering, rings: Rings, macs: Sequence[MacUnit]
) -> None:
    """Refuse a program whose results could depend on timing, or which leaves its memories.

    Raises
    ------
    ProgramError
        It names the two ops, or the address or count that does not fit.
    """
    check_ranges(config, rings, macs)
    check_fences(macs)
    for axis, units in rings.items():
        versions = _versions(ordering, axis, units, macs)
        _check_apart(ordering, list(_buffer_uses(axis, units, macs)), versions)
        _check_sent(ordering, axis, units, macs)
    for uses in (_host_gradient_uses(config, rings[Axis.ROW.value], macs),
                 *(list(_gradient_uses(axis, macs)) for axis in rings)):  # fmt: skip
        _check_apart(ordering, uses, {})
        _check_made(ordering, uses)
    _check_targets(ordering, config, rings[Axis.ROW.value], macs)
    _check_errors_alone(ordering, macs)
    check_counters(config, ordering, rings, macs)


def _mask(addresses: Iterable[int]) -> int:
    if isinstance(addresses, range) and addresses:
        return (1 << addresses.stop) - (1 << addresses.start)
    mask = 0
    for address in addresses:
        mask |= 1 << address
    return mask


def _buffer_uses(axis: int, units: Sequence[RingUnit], macs: Sequence[MacUnit]) -> Iterator[_Use]:
    """Go through the uses of words of the gather buffer of an axis."""
    for unit in units:
        yield _Use(unit.name, _mask(unit.own_words), unit.own_here, unit.done, False)
        yield _Use(unit.name, _mask(unit.received_words), unit.open, unit.done, True, unit)
    gathers = iter([unit for unit in units if unit.gathers])
    # The latest gather of each region that a RUN has read.
    sources: dict[int, RingUnit] = {}
    for unit in macs:
        if unit.dest == axis:
            for landed, addresses in unit.landings:
                yield _Use(unit.name, _mask(addresses), unit.start, landed, True)
        if not unit.reads or unit.axis != axis:
            continue
        words = _mask(unit.read_words)
        if unit.kind is MacKind.RUN:
            source = next(gathers)
            sources.pop(words, None)
            sources[words] = source
        else:
            source = _last_read(sources, words)
        if source is None:
            raise ProgramError(f"{unit.name} goes back through words that no RUN has read before")
        yield _Use(unit.name, words, unit.start, unit.read, False, source)


def _last_read(sources: dict[int, RingUnit], words: int) -> RingUnit | None:
    """Return the gather of the latest RUN that read all these words."""
    for region in reversed(sources):
        if words & ~region == 0:
            return sources[region]
    return None


def _gradient_uses(axis: int, macs: Sequence[MacUnit]) -> Iterator[_Use]:
    """Go through the uses of words of the gradient memory of an axis."""
    for unit in macs:
        if unit.gradient_axis == axis:
            for landed, address in unit.gradient_landings:
                yield _Use(unit.name, 1 << address, unit.start, landed, True)
        if unit.backwards and not unit.from_host and unit.dest == axis:
            yield _Use(
                unit.name, _mask(unit.read_gradients), unit.gradients_read, unit.read, False
            )


def _host_gradient_uses(
    config: TorusConfig, row: Sequence[RingUnit], macs: Sequence[MacUnit]
) -> list[_Use]:
    """List the uses of words of the memory of the host's gradients."""
    uses = [
        _Use(unit.name, _mask(range(unit.base, unit.base + unit.recv // config.cols)),
             unit.open, unit.taken, True)
        for unit in row
        if unit.takes_gradients
    ]  # fmt: skip
    uses += [
        _Use(unit.name, _mask(unit.read_gradients), unit.gradients_read, unit.read, False)
        for unit in macs
        if unit.from_host
    ]
    return [*uses, *(use for use, _ in _target_uses(config, row, macs))]


def _target_uses(
    config: TorusConfig, row: Sequence[RingUnit], macs: Sequence[MacUnit]
) -> list[tuple[_Use, int]]:
    """List the uses of targets, each with the number of the sample whose targets it needs.

    Targets are taken in order, and begin anew with those of the next sample.
    """
    words = max((unit.base + unit.recv // config.cols for unit in row if unit.brings_targets),
                default=0)  # fmt: skip
    found: list[tuple[_Use, int]] = []
    taken = 0
    for unit in macs:
        if unit.targets and not words:
            raise ProgramError(f"{unit.name} compares results with targets that never come")
        if unit.targets:
            sample, at = divmod(taken, words)
            addresses = _mask(range(at, at + unit.targets))
            found.append(
                (_Use(unit.name, addresses, unit.start, unit.landings[-1][0], False), sample)
            )
            taken += unit.targets
    return found


def _check_targets(
    ordering: Ordering, config: TorusConfig, row: Sequence[RingUnit], macs: Sequence[MacUnit]
) -> None:
    """Refuse a result that may be compared before the targets of its own sample have come."""
    sent: list[list[RingUnit]] = []
    for unit in row:
        if unit.brings_targets:
            sent += [[]] if unit.base == 0 else []
            sent[-1].append(unit)
    for use, sample in _target_uses(config, row, macs):
        here = sent[sample] if sample < len(sent) else []
        if not here or not all(ordering.before(unit.taken, use.begin) for unit in here):
            raise ProgramError(f"{use.name} may compare results before their targets are there")


def _check_errors_alone(ordering: Ordering, macs: Sequence[MacUnit]) -> None:
    """Refuse results that are compared while gradients may still land beside them.

    Both go through the one shifter of their gradient memory.
    """
    latest: dict[tuple[int, bool], MacUnit] = {}
    for unit in macs:
        if not unit.gradients:
            continue
        compares = unit.targets > 0
        before = latest.get((unit.gradient_axis, not compares))
        latest[unit.gradient_axis, compares] = unit
        if before is None or unit.lands_late:
            continue
        if ordering.before(before.gradient_landings[-1][0], unit.start):
            continue
        compared, landing = (unit, before) if compares else (before, unit)
        raise ProgramError(
            f"{compared.name} may compare results while gradients of {landing.name} land"
        )


def _versions(
    ordering: Ordering, axis: int, units: Sequence[RingUnit], macs: Sequence[MacUnit]
) -> dict[int, int]:
    """Count how often the own words of each ring unit have been written when it sends them."""
    writers = [
        (landed, _mask(addresses))
        for unit in macs
        if unit.dest == axis
        for landed, addresses in unit.landings
    ]
    found: dict[int, int] = {}
    for unit in units:
        own = _mask(unit.own_words)
        found[unit.number] = sum(
            bool(own & words) and ordering.before(landed, unit.own_here)
            for landed, words in writers
        )
    return found


def _check_apart(ordering: Ordering, uses: Sequence[_Use], versions: dict[int, int]) -> None:
    found = [use for use in uses if use.words]
    before = ordering.before
    for index, one in enumerate(found):
        words, begin, end = one.words, one.begin, one.end
        # Two uses that only read are not in each other's way.
        for other in found[:index] if one.writes else (use for use in found[:index] if use.writes):
            if not words & other.words or before(other.end, begin) or before(end, other.begin):
                continue
            if not _same_words(one, other, versions):
                raise ProgramError(
                    f"{other.name} and {one.name} use the same words, and either may come first"
                )


def _check_sent(
    ordering: Ordering, axis: int, units: Sequence[RingUnit], macs: Sequence[MacUnit]
) -> None:
    """Refuse a program that writes a result over one that no gather has sent."""
    senders = [(unit, _mask(unit.own_words)) for unit in units if unit.own]
    latest: list[tuple[MacUnit, Event, int]] = []  # With the words that are still there.
    for unit in macs:
        if unit.dest != axis:
            continue
        for landed, addresses in unit.landings:
            words = _mask(addresses)
            kept: list[tuple[MacUnit, Event, int]] = []
            for before, was, there in latest:
                lost = words & there
                for sender, own in senders if lost else ():
                    if (own & lost and ordering.before(was, sender.own_here)
                            and ordering.before(sender.done, unit.start)):  # fmt: skip
                        lost &= ~own
                if lost:
                    raise ProgramError(
                        f"{unit.name} writes over results of {before.name} before they are sent"
                    )
                if there & ~words:
                    kept.append((before, was, there & ~words))
            latest = [*kept, (unit, landed, words)]


def _same_words(one: _Use, other: _Use, versions: dict[int, int]) -> bool:
    """Whether two uses are about the same words of the same gather, or of an equal one."""
    if one.source is None or other.source is None or (one.writes and other.writes):
        return False
    if one.source is other.source:
        return True
    # An equal gather brings the same own words again. The gateway's words are new every time.
    return (
        one.source.own > 0
        and one.source.words == other.source.words
        and versions[one.source.number] == versions[other.source.number]
    )


def _check_made(ordering: Ordering, uses: Sequence[_Use]) -> None:
    """Refuse a unit that may read a gradient before it has been written."""
    for reader in uses:
        if reader.writes:
            continue
        made = 0
        for writer in uses:
            if writer.writes and ordering.before(writer.end, reader.begin):
                made |= writer.words
        if reader.words & ~made:
            raise ProgramError(f"{reader.name} may read gradients before they are there")
