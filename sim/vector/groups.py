"""Registers that change seldom, all at once: where no copy changes them, they are left as they are.

The registers of a group have one enable and one reset. They are kept in place, and not once for
each of two cycles as others are: so a group takes over its next values after all that reads the
values before, and groups that read each other's registers are put into such an order.
"""

import dataclasses
from collections import defaultdict
from collections.abc import Sequence

from .netlist import Bits, Cell, Netlist
from .order import Order

__all__ = ["Group", "groups_of"]

_LEAST_REGISTERS = 3  # A smaller group saves less than looking for its enable takes.


@dataclasses.dataclass(frozen=True)
class Group:
    """Registers with one enable.

    Parameters
    ----------
    registers
        Numbers of the cells.
    enables
        The ports that let them change: enable and, where there is one, reset.
    """

    registers: tuple[int, ...]
    enables: tuple[str, ...]

    @property
    def first(self) -> int:
        """One of them: all have the same enables."""
        return self.registers[0]


def groups_of(netlist: Netlist, order: Order) -> list[Group]:
    """Find the groups of a module, in an order in which each may be changed in place.

    None of a group's next values depends on a register of a group before it.
    """
    found: dict[object, list[int]] = defaultdict(list)
    for number, cell in enumerate(netlist.cells):
        if cell.is_register and "EN" in cell.ports:
            found[_key(cell)].append(number)
    groups = [Group(tuple(numbers), tuple(
        name for name in ("EN", "SRST") if name in netlist.cells[numbers[0]].ports))
        for numbers in found.values() if len(numbers) >= _LEAST_REGISTERS]
    owner = {bit: index for index, group in enumerate(groups) for number in group.registers
             for bit in netlist.cells[number].output}
    reads = [_read(netlist, order, group, owner) - {index} for index, group in enumerate(groups)]
    return _ordered(groups, reads)


def _key(cell: Cell) -> object:
    names = [name for name in ("EN", "SRST") if name in cell.ports]
    return (cell.kind, *(cell.ports[name][0] for name in names),
            *(cell.number(f"{name}_POLARITY") for name in names))


def _read(netlist: Netlist, order: Order, group: Group, owner: dict[int | str, int]) -> set[int]:
    """Indices of the groups whose registers decide the next values of one."""
    operands: list[Bits] = [bits for number in group.registers
                            for name, bits in netlist.cells[number].ports.items()
                            if name in ("D", "EN", "SRST")]
    cells = [cell for _, cell in order.needed(operands, set())]
    operands += [bits for cell in cells for bits in cell.inputs]
    return {owner[bit] for bits in operands for bit in bits if bit in owner}


def _ordered(groups: Sequence[Group], reads: Sequence[set[int]]) -> list[Group]:
    """Those that can be ordered, a reader before what it reads; the largest are taken first."""
    taken: list[int] = []
    for index in sorted(range(len(groups)), key=lambda index: -len(groups[index].registers)):
        trial = _sorted([*taken, index], reads)
        if trial is not None:
            taken = trial
    return [groups[index] for index in taken]


def _sorted(indices: Sequence[int], reads: Sequence[set[int]]) -> list[int] | None:
    """Order the readers first; None if they read each other in a circle."""
    left, placed = list(indices), list[int]()
    while left:
        for index in left:
            if not any(index in reads[other] for other in left if other != index):
                break
        else:
            return None
        left.remove(index)
        placed.append(index)
    return placed
