"""Many small registers in one whole number: a lane for every node of the torus.

The model steps a torus of hundreds of nodes a clock cycle at a time. Python's whole numbers add and
combine thousands of bits in less time than a call into numpy takes, so a register that every node
has is one number: `width_bits` bits for each node, one node's beside the other's. A *mask* is a
register of one bit: the lowest bit of each lane, the others zero. The top bit of a lane is never
part of a count; it takes the borrow of a comparison.

Row rings come first, a row after the other, each with its PEs and then its gateway; then the column
rings, the lanes of a gateway left empty. The MAC of a PE has the lane of its row ring.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar, cast

__all__ = ["Groups", "Lanes", "Mask", "Registers", "bits", "frozen", "take_out"]

Mask = int
Registers = int

Key = TypeVar("Key")
Groups = dict[Key, Mask]
"""Lanes by what they have in common; no lane is in two groups."""


def take_out(groups: Groups[Key], where: Mask) -> list[tuple[Key, Mask]]:
    """Take lanes out of the groups that they are in; return these, cut down to them."""
    found: list[tuple[Key, Mask]] = []
    for key, mask in list(groups.items()):
        if here := mask & where:
            found.append((key, here))
            if mask == here:
                del groups[key]
            else:
                groups[key] = mask ^ here
    return found


def frozen(value: Any) -> Any:
    """A copy of the contents of registers that can be compared and hashed."""
    if isinstance(value, dict):
        return tuple(sorted(cast("dict[Any, Any]", value).items()))
    if isinstance(value, list | deque):
        return tuple(frozen(item) for item in cast("list[Any]", value))
    return value


def bits(mask: Mask) -> Iterator[Mask]:
    """The lanes of a mask, each alone."""
    while mask:
        lowest = mask & -mask
        yield lowest
        mask ^= lowest


class Lanes:
    """Where the lanes of a torus are, and what joins them.

    Parameters
    ----------
    rows, cols
        Size of the torus in PEs.
    most
        The largest count that any register must hold.
    """

    def __init__(self, rows: int, cols: int, most: int) -> None:
        self.rows, self.cols = rows, cols
        self.width_bits = width = most.bit_length() + 1
        self._top_bit = width - 1
        self._line_bits = width * (cols + 1)
        self.half_bits = self._line_bits * rows
        """From the lane of a PE's row ring to that of its column ring."""

        row_pes = self.lanes((row, col) for row in range(rows) for col in range(cols))
        self.row_pes: Mask = row_pes
        self.gateways: Mask = self.lanes((row, cols) for row in range(rows))
        self.pes: Mask = row_pes | row_pes << self.half_bits
        self.nodes: Mask = self.pes | self.gateways
        self.last_in_row: Mask = self.lanes((row, cols - 1) for row in range(rows))

        first_col = self.lanes((row, 0) for row in range(rows))
        first_row = self.lanes((0, col) for col in range(cols)) << self.half_bits
        last_row = self.lanes((rows - 1, col) for col in range(cols)) << self.half_bits
        col_pes = row_pes << self.half_bits
        self._from_west: Mask = (row_pes | self.gateways) ^ first_col
        self._from_gateway: Mask = first_col
        self._from_north: Mask = col_pes ^ first_row
        self._from_last_row: Mask = first_row
        self._to_first_row: Mask = last_row
        self._to_south: Mask = col_pes ^ last_row

        every = self.nodes
        self.below_top: Registers = every * ((1 << (width - 1)) - 1)
        self.top: Registers = every << (width - 1)

    def lanes(self, places: Iterable[tuple[int, int]]) -> Mask:
        """The lanes of row rings at these rows and columns."""
        mask = 0
        for row, col in places:
            mask |= 1 << (row * self._line_bits + col * self.width_bits)
        return mask

    def filled(self, mask: Mask) -> Registers:
        """All bits of the lanes in a mask."""
        return (mask << self.width_bits) - mask

    def nonzero(self, registers: Registers) -> Mask:
        """The lanes that hold another number than 0."""
        return (registers + self.below_top) >> self._top_bit & self.nodes

    def halved(self, registers: Registers) -> Registers:
        """Half of what each lane holds, rounded down."""
        return registers >> 1 & self.below_top

    def at_least(self, registers: Registers, others: Registers) -> Mask:
        """The lanes that hold no less than the same lane of `others`."""
        return ((registers | self.top) - others) >> self._top_bit & self.nodes

    def downstream(self, mask: Mask) -> Mask:
        """What every node's upstream neighbour on its ring has."""
        line = self._line_bits
        return (
            mask << self.width_bits & self._from_west
            | mask >> (line - self.width_bits) & self._from_gateway
            | mask << line & self._from_north
            | mask >> (self.half_bits - line) & self._from_last_row
        )

    def upstream(self, mask: Mask) -> Mask:
        """What every node's downstream neighbour on its ring has."""
        line = self._line_bits
        return (
            mask >> self.width_bits & self.row_pes
            | mask << (line - self.width_bits) & self.gateways
            | mask >> line & self._to_south
            | mask << (self.half_bits - line) & self._to_first_row
        )
