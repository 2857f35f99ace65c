"""The memories of a design as black boxes, each with one port to write and one to read.

An ASIC's memories come from a memory compiler and not from cells, so a netlist of cells leaves them
out. Yosys collects what a memory is in a cell `$mem_v2`; here each such cell becomes an instance of
a module that says by its name and ports what is to be put in its place (docs/asic.md).
"""

import collections
import dataclasses
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .errors import FlowFailed
from .tools import read_json
from .yosys import run_yosys

__all__ = ["BOXED", "COLLECT", "Memory", "box_design", "box_memories", "stubs_of"]

COLLECT = "setattr -unset init w:*; opt -nosdff; memory -nomap; opt_clean"
"""Yosys commands after `proc`, which drop the values of declarations and make the cells."""

BOXED = "read_verilog boxes.v; read_json boxed.json"
"""Yosys commands that read what `box_design` has written."""

_KEPT = "clostorus_memory"
_READS = {
    (False, False, False): "async",
    (True, False, True): "sync",
    (True, False, False): "sync_old",
    (True, True, False): "sync_new",
}


@dataclasses.dataclass(frozen=True, order=True)
class Memory:
    """A kind of memory: a module of one write port and one read port.

    Parameters
    ----------
    words, width
        How many words there are, and the bits of a word.
    read
        "async": the word at `read_addr`, in the same cycle. The others have a register behind it,
        which takes a word where `read_en` is high. They differ in what it takes if that word is
        written in the same cycle: "sync" nobody may rely on; "sync_old" the old word; "sync_new"
        the new one.
    """

    words: int
    width: int
    read: str

    @property
    def name(self) -> str:
        """The name of its module."""
        return f"{_KEPT}_{self.words}x{self.width}_{self.read}"

    @property
    def addr_bits(self) -> int:
        """Bits of an address, at least 1."""
        return max(1, (self.words - 1).bit_length())

    @property
    def bits(self) -> int:
        """All that it holds."""
        return self.words * self.width

    @property
    def port_bits(self) -> dict[str, int]:
        """The bits of each port of its module; `read_data` alone is an output."""
        ports = {"clk": 1, "write_en": 1, "write_addr": self.addr_bits, "write_data": self.width,
                 "read_en": 1, "read_addr": self.addr_bits, "read_data": self.width}
        return {name: bits for name, bits in ports.items()
                if name != "read_en" or self.read != "async"}

    @property
    def ports(self) -> str:
        """The ports of its module, as Verilog declares them."""
        return ",\n  ".join(f"{'output' if name == 'read_data' else 'input'} "
                            f"{f'[{bits - 1}:0] ' if name.endswith(('addr', 'data')) else ''}{name}"
                            for name, bits in self.port_bits.items())


def box_design(folder: Path, verilog: str, top: str, largest_in_cells: int = 0) -> list[Memory]:
    """Write a design whose memories are black boxes into a folder, for `BOXED`.

    Parameters
    ----------
    folder
        Where Yosys runs.
    verilog, top
        The design, and the name of its top module.
    largest_in_cells
        As for `box_memories`.

    Returns
    -------
    list of Memory
        All its memories.

    Raises
    ------
    FpgaToolMissing, FlowFailed
        As `run_yosys` and `box_memories`.
    """
    run_yosys(folder, verilog, f"hierarchy -check -top {top}; proc; {COLLECT}; "
                               "write_json collected.json")
    netlist = read_json(folder / "collected.json")
    memories = [memory for some in box_memories(netlist, largest_in_cells).values()
                for memory in some]
    (folder / "boxed.json").write_text(json.dumps(netlist))
    (folder / "boxes.v").write_text(stubs_of(memories))
    return memories


def box_memories(netlist: dict[str, Any], largest_in_cells: int = 0) -> dict[str, list[Memory]]:
    """Put instances of black boxes in the place of memories, in a netlist of Yosys.

    A memory that nothing is written to stays, since it is logic, and so does a small one.

    Parameters
    ----------
    netlist
        What `write_json` wrote after `COLLECT`; it is changed.
    largest_in_cells
        Memories of so many bits or fewer stay.

    Returns
    -------
    dict of list of Memory
        The memories of each module that has any, in order.

    Raises
    ------
    FlowFailed
        A memory has other ports than one to write and one to read, or its ports do something that
        these modules do not.
    """
    found: dict[str, list[Memory]] = {}
    for name, module in netlist["modules"].items():
        for label, cell in module["cells"].items():
            if cell["type"] != "$mem_v2":
                continue
            values = {key: _number(value) for key, value in cell["parameters"].items()
                      if not key.endswith(("INIT", "VALUE", "MEMID"))}
            if not values["WR_PORTS"]:
                continue
            place = f"memory {label} of {name}"
            memory = _memory(place, values, cell["connections"])
            if memory.bits > largest_in_cells:
                module["cells"][label] = _instance(memory, cell)
                found.setdefault(name, []).append(memory)
    return {name: sorted(memories) for name, memories in found.items()}


def stubs_of(memories: Iterable[Memory]) -> str:
    """The modules of memories without contents, as black boxes for Yosys."""
    kinds = collections.Counter(memories)
    return "".join(f"(* blackbox *)\nmodule {memory.name}(\n  {memory.ports});\nendmodule\n"
                   for memory in sorted(kinds))


def _memory(place: str, values: dict[str, int], wires: dict[str, list[Any]]) -> Memory:
    if (values["WR_PORTS"], values["RD_PORTS"]) != (1, 1):
        raise FlowFailed(f"{place} must have one port to write and one to read, not "
                         f"{values['WR_PORTS']} and {values['RD_PORTS']}")
    if len(set(wires["WR_EN"])) != 1:
        raise FlowFailed(f"{place} must be written in whole words, not bit by bit")
    if not (values["WR_CLK_ENABLE"] and values["WR_CLK_POLARITY"]) or values["OFFSET"]:
        raise FlowFailed(f"{place} must be written at a rising edge, from address 0 up")
    clocked = bool(values["RD_CLK_ENABLE"])
    if clocked and (not values["RD_CLK_POLARITY"] or wires["RD_CLK"] != wires["WR_CLK"]
                    or wires["RD_SRST"] != ["0"] or wires["RD_ARST"] != ["0"]):
        raise FlowFailed(f"{place} must be read at the edge at which it is written, without reset")
    kind = clocked, bool(values["RD_TRANSPARENCY_MASK"]), bool(values["RD_COLLISION_X_MASK"])
    if kind not in _READS:
        raise FlowFailed(f"{place} must be read at an edge, or in the same cycle without a mask")
    return Memory(values["SIZE"], values["WIDTH"], _READS[kind])


def _instance(memory: Memory, cell: dict[str, Any]) -> dict[str, Any]:
    old = cell["connections"]
    wires = {"clk": "WR_CLK", "write_en": "WR_EN", "write_addr": "WR_ADDR",
             "write_data": "WR_DATA", "read_en": "RD_EN", "read_addr": "RD_ADDR",
             "read_data": "RD_DATA"}
    ports = memory.port_bits
    return {"hide_name": cell["hide_name"], "type": memory.name, "parameters": {}, "attributes": {},
            "port_directions": {name: "output" if name == "read_data" else "input"
                                for name in ports},
            "connections": {name: old[wires[name]][:bits] for name, bits in ports.items()}}


def _number(bits: str | int) -> int:
    """A parameter of Yosys's JSON, which writes bits as text; unknown ones count as 0."""
    return bits if isinstance(bits, int) else int(bits.replace("x", "0") or "0", 2)
