"""Words that two ops use: one must come first, whatever the timing."""

from collections.abc import Iterable, Sequence

from hw.config import TorusConfig
from sw_driver.check.event_graph import Ordering
from sw_driver.check.units import MacUnit, RingUnit
from sw_driver.errors import ProgramError

__all__ = ["check_hazards"]


def check_hazards(
    config: TorusConfig,
    ordering: Ordering,
    rings: dict[int, list[RingUnit]],
    macs: Sequence[MacUnit],
) -> None:
    """Refuse a program whose results could depend on timing, or which leaves its memories.

    Raises
    ------
    ProgramError
        It names the two ops, or the address or count that does not fit.
    """
    for axis, units in rings.items():
        readers = [unit for unit in macs if unit.axis == axis]
        writers = [unit for unit in macs if unit.dest == axis]
        _check_ranges(config, units, writers)
        _check_results(ordering, units, readers, writers)
        _check_received(ordering, units, readers, writers)
        _check_counters(config, ordering, units, readers, writers)


def _check_ranges(
    config: TorusConfig, units: Sequence[RingUnit], writers: Sequence[MacUnit]
) -> None:
    limits = [
        *((unit.name, "buffer_words", unit.received_words.stop) for unit in units),
        *((unit.name, "buffer_words", max(unit.results) + 1) for unit in writers),
        *((unit.name, "weight_words", unit.w_end) for unit in writers),
        *((unit.name, "bias_words", unit.b_end) for unit in writers),
        *((unit.name, "max_fan_in", unit.words) for unit in writers),
    ]
    for name, field, needed in limits:
        if needed > getattr(config, field):
            raise ProgramError(
                f"{name} needs {field} of at least {needed}, not {getattr(config, field)}"
            )


def _mask(addresses: Iterable[int]) -> int:
    """A set of addresses as the bits of a number."""
    mask = 0
    for address in addresses:
        mask |= 1 << address
    return mask


def _refuse(one: str, other: str) -> None:
    raise ProgramError(f"{one} and {other} use the same buffer words, and either may come first")


def _check_results(
    ordering: Ordering,
    units: Sequence[RingUnit],
    readers: Sequence[MacUnit],
    writers: Sequence[MacUnit],
) -> None:
    """Results of the MAC against words that are sent, received or read."""
    before = ordering.before
    own = [(unit, _mask(unit.own_words)) for unit in units]
    received = [(unit, _mask(unit.received_words)) for unit in units]
    read = [(unit, _mask(unit.read_words)) for unit in readers]
    for writer in writers:
        results = _mask(writer.results)
        for unit, mask in own:
            if results & mask and not (
                before(writer.landed, unit.own_here) or before(unit.done, writer.start)
            ):
                _refuse(writer.name, unit.name)
        for unit, mask in received:
            if results & mask and not (
                before(writer.landed, unit.open) or before(unit.done, writer.start)
            ):
                _refuse(writer.name, unit.name)
        for reader, mask in read:
            if results & mask and not (
                before(writer.landed, reader.start) or before(reader.read, writer.start)
            ):
                _refuse(writer.name, reader.name)


def _check_received(
    ordering: Ordering,
    units: Sequence[RingUnit],
    readers: Sequence[MacUnit],
    writers: Sequence[MacUnit],
) -> None:
    """Received words against words that the MAC reads, other than those it waits for one by one.

    A gather that is repeated with the same own words receives the same words again: no harm.
    """
    versions = [
        sum(bool(_mask(unit.own_words) & _mask(writer.results))
            and ordering.before(writer.landed, unit.own_here)
            for writer in writers)
        for unit in units
    ]  # fmt: skip
    sources = [unit for unit in units if unit.gathers]
    read = [(source, reader, _mask(reader.read_words))
            for source, reader in zip(sources, readers, strict=True)]  # fmt: skip
    for unit in units:
        mask = _mask(unit.received_words)
        for source, reader, words in read:
            again = (
                unit.own > 0
                and (unit.base, unit.own, unit.recv) == (source.base, source.own, source.recv)
                and versions[unit.number] == versions[source.number]
            )
            if (
                mask & words
                and source is not unit
                and not again
                and not (
                    ordering.before(reader.read, unit.open)
                    or ordering.before(unit.done, reader.start)
                )
            ):
                _refuse(unit.name, reader.name)


def _check_counters(
    config: TorusConfig,
    ordering: Ordering,
    units: Sequence[RingUnit],
    readers: Sequence[MacUnit],
    writers: Sequence[MacUnit],
) -> None:
    """No progress counter may pass its end, however far one engine runs ahead of another."""
    most = (1 << config.rep_bits) - 1

    def refuse_above(name: str, count: int) -> None:
        if count > most:
            raise ProgramError(
                f"rep_bits must be at least {count.bit_length()} to count what may happen before "
                f"{name}, not {config.rep_bits}"
            )

    asked = 0
    for unit in units:
        refuse_above(
            unit.name,
            ordering.count_not_after(unit.own_here, (w.landed for w in writers)) - asked,
        )
        asked += unit.need
    asked = 0
    for writer in writers:
        refuse_above(
            writer.name, ordering.count_not_after(writer.start, (u.done for u in units)) - asked
        )
        asked += writer.need_free
    gathers = [unit.done for unit in units if unit.gathers]
    for consumed, reader in enumerate(readers):
        refuse_above(reader.name, ordering.count_not_after(reader.read, gathers) - consumed)
