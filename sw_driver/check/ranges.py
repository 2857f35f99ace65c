"""Checks that the addresses of a program lie within the memories of its torus."""

from collections.abc import Iterator, Sequence

from hw.config import TorusConfig
from hw.op_fields import Axis, MacKind
from sw_driver.check.mac_units import MacUnit
from sw_driver.check.ring_units import RingUnit
from sw_driver.errors import ProgramError

__all__ = ["check_ranges"]


def check_ranges(
    config: TorusConfig, rings: dict[int, list[RingUnit]], macs: Sequence[MacUnit]
) -> None:
    """Refuse a program with an address beyond a memory, or with more words in a sum than may be.

    Raises
    ------
    ProgramError
        It names the op, the field, and the least value that would do.
    """
    result_words = 0 if config.training is None else config.training.result_words
    for name, field, needed in _needs(config, rings, macs):
        room = result_words if field == "result_words" else getattr(config, field)
        if needed > room:
            raise ProgramError(f"{name} needs {field} of at least {needed}, not {room}")


def _needs(
    config: TorusConfig, rings: dict[int, list[RingUnit]], macs: Sequence[MacUnit]
) -> Iterator[tuple[str, str, int]]:
    for units in rings.values():
        for unit in units:
            yield unit.name, "buffer_words", unit.received_words.stop
    for unit in rings[Axis.ROW.value]:
        if unit.takes_gradients:
            yield unit.name, "result_words", unit.base + unit.recv // config.cols
    for unit in macs:
        yield unit.name, "buffer_words", _end(unit.read_words)
        yield unit.name, "buffer_words", _end(unit.results)
        yield unit.name, "weight_words", _end(unit.weights) * config.row_weights
        yield unit.name, "bias_words", _end([address for _, address in unit.biases])
        yield (
            unit.name,
            "result_words" if unit.from_host else "buffer_words",
            _end(unit.read_gradients),
        )
        if unit.kind is MacKind.RUN:
            yield unit.name, "max_fan_in", len(unit.read_words)


def _end(addresses: Sequence[int]) -> int:
    """Return the address after the last one; 0 without addresses."""
    if isinstance(addresses, range):
        return addresses.stop if addresses else 0
    return max(addresses, default=-1) + 1
