"""Words cut where their users slice them: then few shifts and no wide words are left.

The words of multiplexers, registers and bitwise cells are cut, wherever a user takes a part of one;
a cut leads to cuts of what the cell itself uses, and so on until nothing changes.
"""

import dataclasses
from collections.abc import Iterable

from .netlist import MAX_WORD_BITS, Bits, Cell, Netlist

__all__ = ["cut", "extended"]

_BITWISE = ("$and", "$or", "$xor", "$xnor", "$not")
_CUT = {*_BITWISE, "$mux", "$pmux", "$dff", "$dffe", "$sdff", "$sdffe", "$sdffce", "$mem_v2"}
_Cuts = dict[int, set[int]]


def extended(bits: Bits, width: int, signed: bool) -> Bits:
    """An operand with as many bits: cut off, or filled with zeros or its sign."""
    sign = bits[-1] if signed and bits else "0"
    return [*bits[:width], *[sign] * (width - len(bits))]


def cut(netlist: Netlist, *, everywhere: bool = True) -> Netlist:
    """Cut the words of a module; if not `everywhere`, those alone that do not fit into a word.

    A wide memory becomes several.
    """
    cells = [_even(cell) for cell in netlist.cells]
    cutter = _Cutter(netlist, cells)
    cuts = cutter.cuts() if everywhere else cutter.least_cuts()
    return dataclasses.replace(netlist, cells=[
        part for number, cell in enumerate(cells)
        for part in _parts(cell, sorted(cuts.get(number, ())))])


def _even(cell: Cell) -> Cell:
    """A bitwise cell whose operands have as many bits as its result."""
    if cell.kind not in _BITWISE:
        return cell
    width, signed = len(cell.output), bool(cell.number("A_SIGNED"))
    return dataclasses.replace(cell, ports={
        name: extended(bits, width, signed) for name, bits in cell.ports.items()})


def _data(cell: Cell) -> list[Bits]:
    """The operands of which bit i makes bit i of the result."""
    width = len(cell.output)
    if cell.kind == "$pmux":
        b = cell.ports["B"]
        return [cell.ports["A"], *(b[i:i + width] for i in range(0, len(b), width))]
    names = {"$mux": "AB", "$mem_v2": ("WR_DATA", "WR_EN")}.get(
        cell.kind, "D" if cell.is_register else "AB")
    return [cell.ports[name] for name in names if cell.ports.get(name)]


class _Cutter:
    def __init__(self, netlist: Netlist, cells: list[Cell]) -> None:
        self._cells = cells
        self._where: dict[int, tuple[int, int]] = {}  # Of a net: number of its word, index in it.
        words = [cell.output for cell in cells] + [port.bits for port in netlist.inputs]
        for number, bits in enumerate(words):
            self._where.update(
                (bit, (number, index)) for index, bit in enumerate(bits) if isinstance(bit, int))
        self._cuts: _Cuts = {}
        for number, cell in enumerate(cells):
            if cell.kind in _CUT:
                width = len(cell.output)
                self._cuts[number] = set(range(MAX_WORD_BITS, width, MAX_WORD_BITS))
        self._users: dict[int, set[int]] = {}
        for number, cell in enumerate(cells):
            for bit in (bit for bits in cell.ports.values() for bit in bits):
                if isinstance(bit, int) and bit in self._where:
                    self._users.setdefault(self._where[bit][0], set()).add(number)
        self._outputs = [port.bits for port in netlist.outputs]

    def least_cuts(self) -> _Cuts:
        """Where words must be cut: positions in the result of each cell, by its number."""
        return self._cuts

    def cuts(self) -> _Cuts:
        """Where users slice words, likewise."""
        for bits in self._outputs:
            self._cut_sources(bits)
        todo = set(range(len(self._cells)))
        while todo:
            number = todo.pop()
            todo |= self._visit(number)
        return self._cuts

    def _visit(self, number: int) -> set[int]:
        """Cut the sources of a cell, and itself; return the cells to look at again."""
        cell = self._cells[number]
        if number not in self._cuts or cell.is_memory:
            return {again for name, bits in cell.ports.items()
                    if name != cell.output_name for again in self._cut_sources(bits)}
        again: set[int] = set()
        own = self._cuts[number]
        before = len(own)
        for bits in _data(cell):
            own |= self._starts(bits)
        for bits in _data(cell):
            for position in list(own):
                again |= self._cut_at(bits[position], 0) | self._cut_at(bits[position - 1], 1)
            again |= self._cut_sources(bits)
        if len(own) > before:
            again |= {number, *self._users.get(number, ())}
        return again

    def _starts(self, bits: Bits) -> set[int]:
        """Positions at which the bits of another word begin."""
        found: set[int] = set()
        for index in range(1, len(bits)):
            a, b = bits[index - 1], bits[index]
            if isinstance(a, str) and isinstance(b, str) or a == b:
                continue
            if isinstance(a, str) or isinstance(b, str):
                found.add(index)
                continue
            word, at = self._where.get(a, (-1, 0))
            if self._where.get(b) != (word, at + 1):
                found.add(index)
        return found

    def _cut_sources(self, bits: Bits) -> set[int]:
        """Cut the words that an operand is put together from, at its seams."""
        if not bits:
            return set()
        again: set[int] = set()
        for start in (0, *self._starts(bits)):
            again |= self._cut_at(bits[start], 0)
            if start:
                again |= self._cut_at(bits[start - 1], 1)
        return again | self._cut_at(bits[-1], 1)

    def _cut_at(self, bit: int | str, after: int) -> set[int]:
        """Cut the word of a bit before it, or after it."""
        word, index = self._where.get(bit, (-1, 0)) if isinstance(bit, int) else (-1, 0)
        if word not in self._cuts or self._cells[word].is_memory:
            return set()
        position = index + after
        if not 0 < position < len(self._cells[word].output) or position in self._cuts[word]:
            return set()
        self._cuts[word].add(position)
        return {word, *self._users.get(word, ())}


def _parts(cell: Cell, cuts: Iterable[int]) -> list[Cell]:
    width = len(cell.output)
    edges = [0, *cuts, width]
    if len(edges) == 2:
        return [cell]
    return [_part(cell, low, high, width) for low, high in zip(edges, edges[1:], strict=False)]


def _part(cell: Cell, low: int, high: int, width: int) -> Cell:
    ports = dict(cell.ports)
    for name in (cell.output_name, "A", "B", "D", "WR_DATA", "WR_EN"):
        if ports.get(name) and not (cell.kind == "$pmux" and name == "B"):
            ports[name] = ports[name][low:high]
    if cell.kind == "$pmux":
        ports["B"] = [bit for start in range(0, len(cell.ports["B"]), width)
                      for bit in cell.ports["B"][start + low:start + high]]
    parameters = dict(cell.parameters)
    for name in ("SRST_VALUE", "RD_SRST_VALUE"):
        if name in parameters:
            parameters[name] = parameters[name][::-1][low:high][::-1]
    if cell.is_memory:
        words = cell.parameters["INIT"]
        if len(words) > 1:
            parameters["INIT"] = "".join(
                words[end - high:end - low] for end in range(width, len(words) + 1, width))
        parameters["WIDTH"] = f"{high - low:b}"
    return Cell(f"{cell.name}[{high - 1}:{low}]", cell.kind, parameters, ports)
