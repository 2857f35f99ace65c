"""Registers, memories and signals of a design by their names, as the harness finds them."""

import dataclasses
import re
from collections.abc import Collection, Iterator, Mapping
from itertools import groupby

from .emit import Emitter
from .frame import Design
from .netlist import MAX_WORD_BITS, Cell, Netlist, Port
from .operands import word_size

__all__ = ["table", "watched"]

_PREFIX = "watched "  # No port of a design begins so.
_PART = re.compile(r"\[\d+:\d+\]$")

_TYPES = """\
struct Named {
    const char* name;
    uint32_t bits, bytes;
    uint64_t words;
    void* (*place)(Simulation&, int);  // In a copy of the module; null if a word has too many bits.
    bool (*flip)(Simulation&, int, uint32_t);  // Of a register; null if it must not be changed.
    uint32_t stride;  // Bytes from a word of a memory to the next; 0 if it is none.
};
struct Instance {
    const char* name;
    const Named* first;
    size_t count;
    int copy;
};"""


def watched(netlist: Netlist, names: Collection[str]) -> Netlist:
    """Make an output of each signal that has one of these names, in any scope of the module."""
    ports = [Port(_PREFIX + path, bits, watched=True) for path, bits in netlist.names.items()
             if path.rpartition(".")[2] in names and len(bits) <= MAX_WORD_BITS]
    return dataclasses.replace(netlist, outputs=[*netlist.outputs, *ports])


def table(design: Design, emitters: Mapping[str, Emitter], top: str, accessible: Collection[str]
          ) -> Iterator[str]:
    """C++ tables of what is watched and, if it is accessible, of memories and registers."""
    yield _TYPES
    rows: list[str] = []
    for name, netlist in design.modules.items():
        emitter = emitters[name]
        unit = emitter.space
        known = [*_signals(netlist, emitter, accessible), *_memories(netlist, emitter, accessible)]
        yield from (function for function, _ in known)
        entries = [entry for _, entry in known] or ["{}"]
        yield f"static const Named named_{unit}[] = {{\n" + ",\n".join(entries) + "};"
        rows += [f'{{"{_text(".".join(filter(None, (top, copy))))}", named_{unit}, {len(known)}, '
                 f"{number}}}" for number, copy in enumerate(design.copies[name])]
    yield "static const Instance instances[] = {\n" + ",\n".join(rows) + "};"


def _signals(netlist: Netlist, emitter: Emitter, accessible: Collection[str]
             ) -> Iterator[tuple[str, str]]:
    """Function and entry of each watched port."""
    unit, lanes = emitter.space, emitter.lanes
    held = {bit: (number, index) for number, cell in enumerate(netlist.cells) if cell.is_register
            for index, bit in enumerate(cell.output)}
    widths = {number: len(cell.output) for number, cell in enumerate(netlist.cells)}
    for number, port in enumerate(netlist.outputs):
        if not port.watched:
            continue
        path = port.name.removeprefix(_PREFIX)
        function = (f"static void* place_{unit}_{number}(Simulation& d, int c) "
                    f"{{ return &d.out_{unit}.o{number}[c / {lanes}].v[c % {lanes}]; }}")
        flip = "nullptr"
        if path.rpartition(".")[2] in accessible:
            flip = f"flip_{unit}_{number}"
            cases = "".join(
                f"case {index}: d.{_home(emitter, cell)}[c / {lanes}].x{cell}.v[c % {lanes}] ^= "
                + ("255" if widths[cell] == 1 else f"{1 << at}ull") + "; return true;\n"
                for index, (cell, at) in enumerate(held.get(bit, (-1, 0)) for bit in port.bits)
                if cell >= 0)
            function += (f"\nstatic bool {flip}(Simulation& d, int c, uint32_t bit) {{\n"
                         f"switch (bit) {{\n{cases}default: return false;\n}}\n}}")
        yield function, (f'{{"{_text(path)}", {len(port.bits)}, '
                         f"{max(8, word_size(len(port.bits))) // 8}, 1, place_{unit}_{number}, "
                         f"{flip}, 0}}")


def _home(emitter: Emitter, number: int) -> str:
    """The structures of all blocks that keep a register."""
    unit = emitter.space
    return f"m_{unit}" if number in emitter.in_place else f"s_{unit}[d.now]"


def _memories(netlist: Netlist, emitter: Emitter, accessible: Collection[str]
              ) -> Iterator[tuple[str, str]]:
    """Likewise of each memory that can be changed; one whose words are cut has no place."""
    unit, lanes = emitter.space, emitter.lanes
    found = [(number, cell) for number, cell in enumerate(netlist.cells) if cell.is_memory]
    for path, parts in groupby(found, lambda item: _path(item[1])):
        (number, cell), *others = parts
        if path.rpartition(".")[2] not in accessible:
            continue
        bits = cell.number("WIDTH") + sum(other.number("WIDTH") for _, other in others)
        place = "nullptr"
        function = ""
        stride = f"sizeof(lanes_{lanes}::W<{max(8, word_size(min(bits, MAX_WORD_BITS)))}>)"
        if not others:
            place = f"memory_{unit}_{number}"
            function = (f"static void* {place}(Simulation& d, int c) {{ "
                        f"return &d.m_{unit}[c / {lanes}].m{number}.words[0].v[c % {lanes}]; }}")
        yield function, (f'{{"{_text(path)}", {bits}, 0, {cell.number("SIZE")}, {place}, nullptr, '
                         f"{stride}}}")


def _path(memory: Cell) -> str:
    return _PART.sub("", memory.name).removeprefix("\\")


def _text(name: str) -> str:
    return name.replace("\\", "\\\\").replace('"', '\\"')
