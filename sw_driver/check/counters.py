"""Checks that no progress counter of a program can overflow, however far an engine runs ahead."""

from collections.abc import Sequence

from hw.config import TorusConfig
from hw.op_fields import Axis, MacKind
from sw_driver.check.event_graph import Event, Ordering
from sw_driver.check.mac_units import MacUnit
from sw_driver.check.ring_units import RingUnit
from sw_driver.errors import ProgramError

__all__ = ["check_counters"]

# Name of who asks, the event before which it asks, and how many it has asked for since the start.
_Ask = tuple[str, Event, int]


def check_counters(
    config: TorusConfig,
    ordering: Ordering,
    rings: dict[int, list[RingUnit]],
    macs: Sequence[MacUnit],
) -> None:
    """Refuse a program whose counts may be more than `rep_bits` can hold.

    Raises
    ------
    ProgramError
        It names the unit, and the width that would do.
    """
    for axis, units in rings.items():
        readers = [unit for unit in macs if unit.reads and unit.axis == axis]
        runs = [unit for unit in readers if unit.kind is MacKind.RUN]
        asking = [unit for unit in macs if unit.dest == axis]
        results = [event for unit in asking for event, _ in unit.landings]
        gradients = [
            event
            for unit in macs
            if unit.gradient_axis == axis
            for event, _ in unit.gradient_landings
        ]
        _check(config, ordering, results, [(one.name, one.own_here, one.landed) for one in units])
        if config.training is not None:
            reads = [unit.read for unit in readers]
            _check(config, ordering, reads, [(one.name, one.open, one.reads) for one in units])
        retired = [unit.done for unit in units]
        makers = [unit for unit in asking if not unit.backwards]
        _check(config, ordering, retired, [(one.name, one.start, one.asked) for one in makers])
        backs = [unit for unit in asking if unit.backwards and not unit.from_host]
        _check(config, ordering, gradients, [(one.name, one.start, one.asked) for one in backs])
        gathered = [unit.done for unit in units if unit.gathers]
        consumed = [(one.name, one.read, number) for number, one in enumerate(runs, 1)]
        _check(config, ordering, gathered, consumed)
    taken = [unit.taken for unit in rings[Axis.ROW.value] if unit.counts_gradients]
    backs = [unit for unit in macs if unit.from_host]
    _check(config, ordering, taken, [(one.name, one.start, one.asked) for one in backs])


def _check(
    config: TorusConfig, ordering: Ordering, counted: Sequence[Event], asks: Sequence[_Ask]
) -> None:
    """Check one counter, which counts events less those that were asked for."""
    most = (1 << config.rep_bits) - 1
    asked = 0
    # Events are counted in order, so the number of those that may have come only grows.
    reached = 0
    for name, event, total in asks:
        while reached < len(counted) and not ordering.before(event, counted[reached]):
            reached += 1
        if reached - asked > most:
            raise ProgramError(
                f"rep_bits must be at least {(reached - asked).bit_length()} to count what may "
                f"happen before {name}, not {config.rep_bits}"
            )
        asked = total
    if asks and len(counted) - asked > most:
        raise ProgramError(
            f"rep_bits must be at least {(len(counted) - asked).bit_length()} to count what may "
            f"happen after {asks[-1][0]}, not {config.rep_bits}"
        )
