"""From Verilog to the cells of a liberty file, with memories as black boxes.

Registers have no value at the start: `dfflibmap` would drop one without a word, so the values that
Verilog declares are taken out before, and `tests/fpga/test_asic.py` shows that a reset suffices.
"""

import dataclasses
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .black_boxes import BOXED, Memory, box_design
from .errors import FlowFailed
from .liberty import Library, LibraryError
from .tools import YOSYS, read_json, run_tool

__all__ = ["AsicArea", "Module", "map_to_cells"]

_LIBERTY, _FLAT, _APART = "cells.lib", "netlist.v", "apart.json"
# What `abc -liberty` does by itself, but mapped for area, and without the buffers and larger cells
# that it puts in for a clock: these need tables of delays, which no other part of the flow does.
_ABC_SCRIPT = "+strash;&get,-n;&fraig,-x;&put;scorr;dc2;dch,-f;strash;amap"
_REFUSED = re.compile(r"(?<=cannot be legalized: ).+")


@dataclasses.dataclass(frozen=True)
class Module:
    """A module of a design that was mapped module by module.

    Parameters
    ----------
    name
        From the top on: `mac.requantise`. The top is the empty name.
    copies
        How often it is in the design.
    own, whole
        Area of one, without and with what is inside it.
    """

    name: str
    copies: int
    own: float
    whole: float


@dataclasses.dataclass(frozen=True)
class AsicArea:
    """Cells of a design, in the areas of a library.

    Parameters
    ----------
    library
        Its cells are those of the file.
    cells
        How many of each there are in the design as a whole.
    memories
        How many of each kind of black box there are. They are in no area.
    modules
        Mapped one by one, the largest first; together a little more than the whole.
    netlist
        Verilog of the whole, with instances of cells and black boxes.
    """

    library: Library
    cells: Mapping[str, int]
    memories: Mapping[Memory, int]
    modules: tuple[Module, ...]
    netlist: str

    @property
    def area(self) -> float:
        """Of all cells, in the library's unit."""
        return sum(self.area_of(name) for name in self.cells)

    @property
    def flip_flop_area(self) -> float:
        """Of the cells that store."""
        return sum(self.area_of(name) for name in self.cells if self.library.cells[name].stores)

    @property
    def flip_flops(self) -> int:
        """How many cells store."""
        return sum(count for name, count in self.cells.items() if self.library.cells[name].stores)

    @property
    def memory_bits(self) -> int:
        """Of all black boxes."""
        return sum(memory.bits * count for memory, count in self.memories.items())

    def area_of(self, name: str) -> float:
        """The area of all cells of a kind."""
        return self.library.cells[name].area * self.cells[name]


def map_to_cells(folder: Path, verilog: str, top: str, liberty: Path, library: Library, *,
                 dont_use: tuple[str, ...] = (), largest_in_cells: int = 0) -> AsicArea:
    """Map a design of `hw.emit`, once as a whole and once module by module.

    Parameters
    ----------
    folder
        Where Yosys runs.
    verilog, top
        The design, and the name of its top module.
    liberty, library
        The file, and what `read_library` says of it.
    dont_use
        Names of cells that are not used; `*` stands for anything.
    largest_in_cells
        Memories of so many bits or fewer become flip-flops; the others are black boxes.

    Raises
    ------
    LibraryError
        No flip-flop of the file can be used, or the design has latches and the file has none.
    FpgaToolMissing, FlowFailed
        As `box_design`; or something is left that the library has no cell for.
    """
    memories = box_design(folder, verilog, top, largest_in_cells)
    shutil.copyfile(liberty, folder / _LIBERTY)
    try:
        run_tool(YOSYS, ["-q", "-p", _script(top, dont_use)], folder)
    except FlowFailed as error:
        refused = _REFUSED.search(str(error))
        if refused is None:
            raise
        raise LibraryError(f"liberty must be a file with a cell for each register, but "
                           f"{library.name} has none for one that is needed: {refused[0]}"
                           ) from error
    flat, apart = read_json(folder / "flat.json"), read_json(folder / _APART)
    boxes = {memory.name: memory for memory in memories}
    found = {name: _counts(module) for name, module in apart["modules"].items()
             if name not in boxes and not name.startswith("$")}
    whole = _counts(flat["modules"][top])
    _check(whole, library, boxes, top)
    for name, counts in found.items():
        _check(counts, library, {**boxes, **found}, name)
    return AsicArea(
        library, {name: count for name, count in sorted(whole.items()) if name in library.cells},
        {boxes[name]: count for name, count in sorted(whole.items()) if name in boxes},
        _modules(found, top, library), (folder / _FLAT).read_text())


def _script(top: str, dont_use: tuple[str, ...]) -> str:
    """The commands from a netlist with black boxes to cells, flat and by module.

    `synth` ends with the generic cells of Yosys. Small memories that are made of flip-flops have
    values at the start, too, so these are taken out after it.
    """
    unused = "".join(f" -dont_use {pattern}" for pattern in dont_use)
    mapped = (f"setattr -unset init w:*; dfflibmap -liberty {_LIBERTY}{unused}; "
              f"abc -liberty {_LIBERTY}{unused} -script {_ABC_SCRIPT}; opt_clean -purge")
    return (f"{BOXED}; design -save boxed; "
            f"synth -noabc -top {top} -flatten; {mapped}; write_json flat.json; "
            f"write_verilog -noattr -noexpr {_FLAT}; "
            f"design -load boxed; synth -noabc -top {top}; {mapped}; write_json {_APART}")


def _counts(module: dict[str, Any]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for cell in module["cells"].values():
        if cell["type"] != "$scopeinfo":
            counts[cell["type"]] = counts.get(cell["type"], 0) + 1
    return counts


def _check(counts: Mapping[str, int], library: Library, others: Mapping[str, Any],
           name: str) -> None:
    left = sorted(kind for kind in counts if kind not in library.cells and kind not in others)
    if left:
        raise FlowFailed(f"{name} must be all cells of {library.name}; it has none for "
                         f"{', '.join(left)}")


def _modules(found: Mapping[str, Mapping[str, int]], top: str,
             library: Library) -> tuple[Module, ...]:
    """Sum up each module with what is inside it, and say how often it is there."""
    own = {name: sum(library.cells[kind].area * count for kind, count in counts.items()
                     if kind in library.cells) for name, counts in found.items()}
    whole: dict[str, float] = {}
    copies = dict.fromkeys(found, 0)

    def visit(name: str) -> float:
        copies[name] += 1
        inside = [visit(kind) for kind, count in found[name].items() if kind in found
                  for _ in range(count)]
        whole[name] = own[name] + sum(inside)
        return whole[name]

    visit(top)
    modules = [Module(name.removeprefix(top).removeprefix("."), copies[name], own[name],
                      whole[name]) for name in found if copies[name]]
    return tuple(sorted(modules, key=lambda module: (-module.whole * module.copies, module.name)))
