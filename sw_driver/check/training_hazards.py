"""Words that two ops of a training program use: one must come first, whatever the timing."""

import dataclasses
from collections import deque
from collections.abc import Iterable, Iterator, Sequence

from hw.config import UPDATE_CYCLES, TorusConfig
from hw.op_fields import Axis, MacKind
from sw_driver.check.event_graph import Ordering
from sw_driver.check.training_units import KeepingUnit, StepUnit, gradient_event, result_event
from sw_driver.check.units import Event
from sw_driver.errors import ProgramError

__all__ = ["check_training_hazards"]

Rings = dict[int, list[KeepingUnit]]


@dataclasses.dataclass(frozen=True)
class _Use:
    """Words of one memory that somebody reads or writes between two events."""

    name: str
    words: int  # A set of addresses as the bits of a number.
    begin: Event
    end: Event
    writes: bool
    source: KeepingUnit | None = None  # The gather that brings, or brought, its words.


def check_training_hazards(
    config: TorusConfig, ordering: Ordering, rings: Rings, macs: Sequence[StepUnit]
) -> None:
    """Refuse a program whose results could depend on timing, or which leaves its memories.

    Raises
    ------
    ProgramError
        It names the two ops, or the address or count that does not fit.
    """
    _check_ranges(config, rings, macs)
    _check_fences(macs)
    host_uses: list[_Use] = []
    for axis, units in rings.items():
        contents = _contents(ordering, axis, units, macs)
        _check_apart(ordering, _buffer_uses(axis, units, macs), contents)
        _check_apart(ordering, _gradient_uses(axis, macs), {})
    for unit in rings[Axis.ROW.value]:
        if unit.takes_gradients:
            words = range(unit.base, unit.base + unit.recv // config.cols)
            host_uses.append(_Use(unit.name, _mask(words), unit.open, unit.taken, True))
    for unit in macs:
        if unit.from_host:
            words = _mask(unit.read_gradients)
            host_uses.append(_Use(unit.name, words, unit.start, unit.read, False))
    _check_apart(ordering, host_uses, {})
    for uses in (host_uses, *(list(_gradient_uses(axis, macs)) for axis in rings)):
        _check_made(ordering, uses)
    _check_counters(config, ordering, rings, macs)


def _mask(addresses: Iterable[int]) -> int:
    mask = 0
    for address in addresses:
        mask |= 1 << address
    return mask


def _buffer_uses(
    axis: int, units: Sequence[KeepingUnit], macs: Sequence[StepUnit]
) -> Iterator[_Use]:
    """Who uses words of the gather buffer of an axis."""
    for unit in units:
        yield _Use(unit.name, _mask(unit.own_words), unit.own_here, unit.done, False)
        yield _Use(unit.name, _mask(unit.received_words), unit.open, unit.done, True, unit)
    gathers = iter([unit for unit in units if unit.gathers])
    sources: list[tuple[int, KeepingUnit]] = []
    for unit in macs:
        if unit.counted and unit.dest == axis:
            for words, landed in _landings(unit):
                yield _Use(unit.name, words, unit.start, landed, True)
        if not unit.reads or unit.axis != axis:
            continue
        words = _mask(unit.read_words)
        if unit.kind is MacKind.RUN:
            sources.append((words, next(gathers)))
        found = [source for region, source in sources if words & ~region == 0]
        if not found:
            raise ProgramError(f"{unit.name} goes back through words that no RUN has read before")
        yield _Use(unit.name, words, unit.start, unit.read, False, found[-1])


def _landings(unit: StepUnit) -> Iterator[tuple[int, Event]]:
    """The words that an op writes in a gather buffer, and when they have landed."""
    if unit.kind is MacKind.DUMP:
        yield _mask(unit.results), unit.landed
        return
    for index, address in enumerate(unit.results):
        yield 1 << address, result_event(unit.dest, unit.first_result + index)


def _gradient_uses(axis: int, macs: Sequence[StepUnit]) -> Iterator[_Use]:
    """Who uses words of the gradient memory of an axis."""
    for unit in macs:
        for index, address in enumerate(unit.gradients if unit.axis == axis else ()):
            landed = gradient_event(axis, unit.first_gradient + index)
            yield _Use(unit.name, 1 << address, unit.start, landed, True)
        if unit.kind is MacKind.BACK and not unit.from_host and unit.dest == axis:
            yield _Use(unit.name, _mask(unit.read_gradients), unit.start, unit.read, False)


def _contents(
    ordering: Ordering, axis: int, units: Sequence[KeepingUnit], macs: Sequence[StepUnit]
) -> dict[int, tuple[int, int, int, int]]:
    """What each ring op gathers: where, and how often its own words have been written."""
    writers = [
        landing
        for unit in macs
        if unit.counted and unit.dest == axis
        for landing in _landings(unit)
    ]
    return {
        unit.number: (
            unit.base,
            unit.own,
            unit.recv,
            sum(
                bool(_mask(unit.own_words) & results) and ordering.before(landed, unit.own_here)
                for results, landed in writers
            ),
        )
        for unit in units
    }


def _check_apart(
    ordering: Ordering, uses: Iterable[_Use], contents: dict[int, tuple[int, int, int, int]]
) -> None:
    found = [use for use in uses if use.words]
    for index, one in enumerate(found):
        for other in found[:index]:
            if not one.words & other.words or not (one.writes or other.writes):
                continue
            if ordering.before(one.end, other.begin) or ordering.before(other.end, one.begin):
                continue
            if not _same_words(one, other, contents):
                raise ProgramError(
                    f"{other.name} and {one.name} use the same words, and either may come first"
                )


def _same_words(
    one: _Use, other: _Use, contents: dict[int, tuple[int, int, int, int]]
) -> bool:
    """Whether a gather brings just the words that the other one waits for, or has."""
    if one.source is None or other.source is None or (one.writes and other.writes):
        return False
    if one.source is other.source:
        return True
    # The same own words, gathered again. The gateway's words are new ones every time.
    return one.source.own > 0 and contents[one.source.number] == contents[other.source.number]


def _check_made(ordering: Ordering, uses: Sequence[_Use]) -> None:
    """Every gradient that is read has been made."""
    for reader in uses:
        if reader.writes:
            continue
        made = 0
        for writer in uses:
            if writer.writes and ordering.before(writer.end, reader.begin):
                made |= writer.words
        if reader.words & ~made:
            raise ProgramError(f"{reader.name} may read gradients before they are there")


def _check_fences(macs: Sequence[StepUnit]) -> None:
    """No weight or bias is visited while its change is on its way.

    Only the ends of ops can be as near to each other: no op visits anything twice.
    """
    steps = 0
    written: deque[tuple[int, str, int]] = deque()
    for unit in macs:
        size = max(len(unit.weights), 1)
        if unit.fence:
            written.clear()
        recent = {(memory, address): step for step, memory, address in written}
        visited: list[tuple[int, str, int]] = [
            *((step, "weight", address) for step, address in enumerate(unit.weights)),
            *((step, "bias", address) for step, address in unit.biases),
        ]
        for step, memory, address in visited:
            since = steps + step - recent.get((memory, address), -UPDATE_CYCLES - 1)
            if since <= UPDATE_CYCLES:
                raise ProgramError(
                    f"{unit.name} needs a fence: it visits {memory} {address} {since} steps after "
                    f"its change began, which takes {UPDATE_CYCLES} cycles"
                )
        if unit.updates:
            end = size - UPDATE_CYCLES - 1
            written.extend(
                (steps + step, memory, address)
                for step, memory, address in sorted(visited)
                if step >= end
            )
        steps += size
        while written and written[0][0] < steps - UPDATE_CYCLES - 1:
            written.popleft()


def _check_ranges(config: TorusConfig, rings: Rings, macs: Sequence[StepUnit]) -> None:
    result_words = 0 if config.training is None else config.training.result_words
    limits = [
        *(
            (unit.name, "buffer_words", config.buffer_words, unit.received_words.stop)
            for units in rings.values()
            for unit in units
        ),
        *(
            (unit.name, "result_words", result_words, unit.base + unit.recv // config.cols)
            for unit in rings[Axis.ROW.value]
            if unit.takes_gradients
        ),
    ]
    for unit in macs:
        biases = [address for _, address in unit.biases]
        gradients = "result_words" if unit.from_host else "buffer_words"
        room = result_words if unit.from_host else config.buffer_words
        limits += [
            (unit.name, "buffer_words", config.buffer_words, max(unit.read_words, default=-1) + 1),
            (unit.name, "buffer_words", config.buffer_words, max(unit.results, default=-1) + 1),
            (unit.name, gradients, room, max(unit.read_gradients, default=-1) + 1),
            (unit.name, "weight_words", config.weight_words, max(unit.weights, default=-1) + 1),
            (unit.name, "bias_words", config.bias_words, max(biases, default=-1) + 1),
        ]
    for name, field, room, needed in limits:
        if needed > room:
            raise ProgramError(f"{name} needs {field} of at least {needed}, not {room}")


def _check_counters(
    config: TorusConfig, ordering: Ordering, rings: Rings, macs: Sequence[StepUnit]
) -> None:
    """No progress counter may pass its end, however far one engine runs ahead of another."""
    backs = [unit for unit in macs if unit.kind is MacKind.BACK]
    makers = [unit for unit in macs if unit.kind is not MacKind.BACK]
    for axis, units in rings.items():
        results = [
            result_event(axis, unit.first_result + index)
            for unit in makers
            if unit.dest == axis
            for index in range(unit.counted)
        ]
        gradients = [
            gradient_event(axis, unit.first_gradient + index)
            for unit in backs
            if unit.axis == axis
            for index in range(len(unit.gradients))
        ]
        reads = [unit.read for unit in macs if unit.reads and unit.axis == axis]
        for counted, asks in (
            (results, [(unit.name, unit.own_here, unit.need) for unit in units]),
            (reads, [(unit.name, unit.open, unit.need_read) for unit in units]),
            ([unit.done for unit in units],
             [(unit.name, unit.start, unit.need) for unit in makers if unit.dest == axis]),
            (gradients, [(unit.name, unit.start, unit.need) for unit in backs
                         if unit.dest == axis and not unit.from_host]),
            ([unit.done for unit in units if unit.gathers],
             [(unit.name, unit.read, 1) for unit in macs
              if unit.kind is MacKind.RUN and unit.axis == axis]),
        ):  # fmt: skip
            _check_counter(config, ordering, counted, asks)
    taken = [unit.taken for unit in rings[Axis.ROW.value] if unit.takes_gradients]
    asks = [(unit.name, unit.start, unit.need) for unit in backs if unit.from_host]
    _check_counter(config, ordering, taken, asks)


def _check_counter(
    config: TorusConfig,
    ordering: Ordering,
    counted: Sequence[Event],
    asks: Sequence[tuple[str, Event, int]],
) -> None:
    most = (1 << config.rep_bits) - 1
    asked = 0
    # What is counted comes in order, so where it ends only moves on.
    reached = 0
    for name, event, need in asks:
        while reached < len(counted) and not ordering.before(event, counted[reached]):
            reached += 1
        if reached - asked > most:
            raise ProgramError(
                f"rep_bits must be at least {(reached - asked).bit_length()} to count what may "
                f"happen before {name}, not {config.rep_bits}"
            )
        asked += need
    if asks and len(counted) - asked > most:
        raise ProgramError(
            f"rep_bits must be at least {(len(counted) - asked).bit_length()} to count what may "
            f"happen after {asks[-1][0]}, not {config.rep_bits}"
        )
