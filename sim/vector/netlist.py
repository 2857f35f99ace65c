"""A flat module of word cells, as Yosys' `write_json` gives it."""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import VectorRefused

__all__ = ["MAX_WORD_BITS", "Bits", "Cell", "Netlist", "Port", "read_module"]

Bits = list[int | str]
"""Bits of a signal, the lowest first: the number of a net, or "0" or "1"."""

MAX_WORD_BITS = 64

_UNDEFINED = str.maketrans("xz", "00")
_CLOCKS = ("CLK", "RD_CLK", "WR_CLK")
_OUTPUTS = {"$mem_v2": "RD_DATA"}


@dataclasses.dataclass(frozen=True)
class Cell:
    r"""One word cell.

    Parameters
    ----------
    name, kind
        Such as `$flatten\mac.$add$1` and `$add`.
    parameters
        Texts of bits, the highest first; "x" and "z" are 0.
    ports
        What is connected.
    """

    name: str
    kind: str
    parameters: Mapping[str, str]
    ports: Mapping[str, Bits]

    @property
    def is_register(self) -> bool:
        """Whether it is a flip-flop of some kind."""
        return "dff" in self.kind

    @property
    def is_memory(self) -> bool:
        """Whether it is a memory."""
        return self.kind == "$mem_v2"

    @property
    def output_name(self) -> str:
        """The one port that it drives."""
        return "Q" if self.is_register else _OUTPUTS.get(self.kind, "Y")

    @property
    def output(self) -> Bits:
        """What it drives."""
        return self.ports[self.output_name]

    @property
    def holds(self) -> bool:
        """Whether its output is what it kept at the last clock edge."""
        return self.is_register or (self.is_memory and bool(self.number("RD_CLK_ENABLE")))

    @property
    def inputs(self) -> list[Bits]:
        """What its output depends on within a cycle."""
        if self.holds:
            return []
        if self.is_memory:
            return [self.ports["RD_ADDR"]]
        return [bits for name, bits in self.ports.items() if name != self.output_name]

    def number(self, name: str) -> int:
        """A parameter that is a whole number; 0 if there is none."""
        return int(self.parameters.get(name, "0"), 2)


@dataclasses.dataclass(frozen=True)
class Port:
    """A port of a module, or 64 bits of one that is wider.

    Parameters
    ----------
    name
        Of the port; with the number of its lowest bit if it is a part of one.
    bits
        What is connected inside.
    watched
        Whether it is a signal inside the module, which goes nowhere: see `sim.vector.variables`.
    """

    name: str
    bits: Bits
    watched: bool = False


@dataclasses.dataclass(frozen=True)
class Netlist:
    """A module without instances.

    Parameters
    ----------
    name
        Of the module.
    inputs, outputs
        Its ports, the clock left out.
    cells
        Those of Yosys' word library.
    initial
        The value of every register bit that does not start with 0 or without a value.
    instances
        Cells that are modules of their own.
    names
        Every public name in the module, with the bits that it stands for.
    """

    name: str
    inputs: list[Port]
    outputs: list[Port]
    cells: list[Cell]
    initial: dict[int, str]
    instances: list[Cell]
    names: dict[str, Bits]


def read_module(name: str, module: Mapping[str, Any], modules: Iterable[str] = ()) -> Netlist:
    """Read a module of Yosys' JSON; `modules` are the names of those that are not flattened.

    Raises
    ------
    VectorRefused
        The module has a port of both directions, or more than one clock.
    """
    inputs: list[Port] = []
    outputs: list[Port] = []
    clock: Bits = []
    for port, found in module["ports"].items():
        bits = _defined(found["bits"])
        if found["direction"] == "inout":
            raise VectorRefused(f"the vector engine simulates no inout: port {port} of {name}")
        if port == "clk":
            clock = bits
        else:
            (inputs if found["direction"] == "input" else outputs).extend(_parts(port, bits))
    names = {net: _defined(found["bits"]) for net, found in module["netnames"].items()
             if not found["hide_name"]}
    initial = {bit: value for found in module["netnames"].values()
               for bit, value in zip(found["bits"], found["attributes"].get("init", "")[::-1],
                                     strict=False) if value == "1"}
    cells: list[Cell] = []
    instances: list[Cell] = []
    apart = set(modules)
    for label, found in module["cells"].items():
        cell = Cell(label, found["type"],
                    {key: str(value).translate(_UNDEFINED)
                     for key, value in found["parameters"].items()},
                    {key: _defined(bits) for key, bits in found["connections"].items()})
        if cell.kind in apart:
            instances.append(cell)
        elif cell.kind != "$scopeinfo":
            _check_clock(cell, clock, name)
            cells.append(cell)
    return Netlist(name, inputs, outputs, cells, initial, instances, names)


def _parts(name: str, bits: Bits) -> list[Port]:
    """A port in parts that fit into words."""
    if len(bits) <= MAX_WORD_BITS:
        return [Port(name, bits)]
    return [Port(f"{name}[{low}]", bits[low:low + MAX_WORD_BITS])
            for low in range(0, len(bits), MAX_WORD_BITS)]


def _check_clock(cell: Cell, clock: Bits, module: str) -> None:
    for name in _CLOCKS:
        enabled = {"RD_CLK": "RD_CLK_ENABLE", "WR_CLK": "WR_CLK_ENABLE"}.get(name)
        polarity = f"{name}_POLARITY"
        if name not in cell.ports or (enabled and not cell.number(enabled)):
            continue
        if not cell.number(polarity) or [bit for bit in cell.ports[name] if bit not in clock]:
            raise VectorRefused("the vector engine simulates one clock, clk, and its rising edge: "
                                f"{cell.kind} {cell.name} of {module} has another one")


def _defined(bits: Iterable[int | str]) -> Bits:
    return [bit.translate(_UNDEFINED) if isinstance(bit, str) else bit for bit in bits]
