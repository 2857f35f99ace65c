"""In which order the cells of a module are computed, and which outputs wait for which inputs."""

from collections.abc import Iterable, Iterator

from ..errors import VectorRefused
from .netlist import Bits, Cell, Netlist

__all__ = ["Order"]


class Order:
    """The combinational cells of a module.

    Parameters
    ----------
    netlist
        The module, its words cut.

    Raises
    ------
    VectorRefused
        A cell depends on its own output.
    """

    def __init__(self, netlist: Netlist) -> None:
        self._netlist = netlist
        self._cells = netlist.cells
        self._driver = {bit: number for number, cell in enumerate(netlist.cells)
                        for bit in cell.output if isinstance(bit, int) and not cell.holds}
        self._rank: dict[int, int] = {}
        for number, cell in enumerate(netlist.cells):
            if not cell.holds:
                self._place(number)
        self._fans: dict[int, frozenset[str]] = {}
        ports = {bit: port.name for port in netlist.inputs for bit in port.bits}
        for number in sorted(self._rank, key=self._rank.__getitem__):
            bits = [bit for bits in self._cells[number].inputs for bit in bits]
            fans = [self._fans[driver] for driver in self._drivers(bits)]
            self._fans[number] = frozenset().union(
                *fans, (ports[bit] for bit in bits if bit in ports))
        self._ports = ports

    def inputs_of(self, bits: Bits) -> frozenset[str]:
        """Names of the inputs that reach `bits` within a cycle."""
        return frozenset().union(
            *(self._fans[driver] for driver in self._drivers(bits)),
            (self._ports[bit] for bit in bits if bit in self._ports))

    def needed(self, operands: Iterable[Bits], done: set[int]) -> Iterator[tuple[int, Cell]]:
        """Yield the cells, with their numbers, that `operands` wait for, and add them to `done`."""
        todo: set[int] = set()
        waiting = [driver for bits in operands for driver in self._drivers(bits)]
        while waiting:
            number = waiting.pop()
            if number not in done and number not in todo:
                todo.add(number)
                for bits in self._cells[number].inputs:
                    waiting.extend(self._drivers(bits))
        done |= todo
        for number in sorted(todo, key=self._rank.__getitem__):
            yield number, self._cells[number]

    def _drivers(self, bits: Bits) -> set[int]:
        return {self._driver[bit] for bit in bits if isinstance(bit, int) and bit in self._driver}

    def _place(self, number: int) -> None:
        """Give a cell, and those that it waits for, the next ranks."""
        if number in self._rank:
            return
        open_cells = {number}
        stack = [(number, self._sources(number))]
        while stack:
            top, sources = stack[-1]
            for source in sources:
                if source in open_cells:
                    raise VectorRefused(
                        f"module {self._netlist.name} has a combinational loop through "
                        f"{self._cells[source].kind} {self._cells[source].name}")
                if source not in self._rank:
                    open_cells.add(source)
                    stack.append((source, self._sources(source)))
                    break
            else:
                self._rank[top] = len(self._rank)
                open_cells.remove(top)
                stack.pop()

    def _sources(self, number: int) -> Iterator[int]:
        bits = [bit for bits in self._cells[number].inputs for bit in bits]
        return iter(sorted(self._drivers(bits)))
