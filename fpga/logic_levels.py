"""Levels of logic between the registers of a synthesised ECP5 netlist, before it is placed."""

import dataclasses
import math
import re
from collections.abc import Iterator
from typing import Any

from .drivers import driven_bits
from .errors import FlowFailed

__all__ = ["CELL_NS", "CLOCK_TO_OUT_NS", "WIRE_NS", "Path", "paths_of"]

# What fits the paths that nextpnr reported of routed designs within 10 %: from the clock to a
# register's output, through a LUT, and over the wire before each cell.
CLOCK_TO_OUT_NS, CELL_NS, WIRE_NS = 0.52, 0.24, 1.05
# A carry chain: into it, along it a cell, and out of it.
_CARRY_IN_NS, _CARRY_ALONG_NS, _CARRY_OUT_NS = 0.45, 0.07, 0.4
_HARD_NS = 0.6            # Of a memory or multiplier whose output register is used.
_RAM_NS = 5.8             # Of a memory without.
_MULTIPLY_NS = 3.9        # Of a multiplier without.
_INTO_HARD_NS = 0.2       # What a memory or multiplier needs more before the clock than a register.
_RAMS = ("DP16KD", "PDPW16KD")
_MULTIPLIER, _LUT_RAM, _REGISTER, _CARRY = "MULT18X18D", "TRELLIS_DPR16X4", "TRELLIS_FF", "CCU2C"
_NETWORK = "DCCA"
_CLOCKS = ("CLK", "WCK")
# Registers of `fpga.boundary`, which are there for the measurement alone.
_MEASURES = ("in_bits", "folded")
_KIND = re.compile(r"_(?:LUT\d|TRELLIS_FF|CCU2C|DP16KD|MULT18X18D|TRELLIS_DPR16X4)(?:_|$).*")


@dataclasses.dataclass(frozen=True)
class Path:
    """The deepest path to one input of a register, memory or multiplier.

    Parameters
    ----------
    levels
        Cells of logic on it. A carry chain counts once, however long it is. A memory or multiplier
        whose output register is not used counts as many more as its delay is worth.
    delay_ns
        The estimated delay of the slowest path to this input, wires included.
    start, end
        Names of the registers, by their place in the design.
    port
        The input of the cell at the end.
    """

    levels: int
    delay_ns: float
    start: str
    end: str
    port: str


@dataclasses.dataclass(frozen=True)
class _Arrival:
    """What is known of a bit: levels before it, from where, and its slowest arrival."""

    levels: int
    delay_ns: float
    start: str


class _Netlist:
    """One flat module of a netlist: who drives each bit, and what the bits are called."""

    def __init__(self, module: dict[str, Any]) -> None:
        self.cells: dict[str, dict[str, Any]] = module["cells"]
        self._names: dict[int, tuple[int, int, int, str]] = {}
        for name, net in module["netnames"].items():
            rank = int(net.get("hide_name", 0)), name.count("."), len(name), name
            for bit in net["bits"]:
                if isinstance(bit, int) and (bit not in self._names or rank < self._names[bit]):
                    self._names[bit] = rank
        self.drivers = {bit: (cell, port) for bit, cell, port in driven_bits(module)}
        self._arrivals: dict[int, _Arrival | None] = {}

    def name(self, cell: str) -> str:
        """A register by what it drives; any other cell by its own name."""
        what = self.cells[cell]
        bit = what["connections"].get("Q", [None])[0] if what["type"] == _REGISTER else None
        hidden, *_, name = self._names.get(-1 if bit is None else bit, (1, 0, 0, cell))
        return _KIND.sub("", cell if hidden else name)

    def inputs(self, cell: str) -> Iterator[tuple[str, int]]:
        """Ports and bits of a cell that a clock looks at, or that its outputs follow."""
        what = self.cells[cell]
        for port, bits in what["connections"].items():
            if what["port_directions"][port] == "input" and not port.startswith(_CLOCKS):
                for bit in bits:
                    if isinstance(bit, int):
                        yield port, bit

    def arrival(self, bit: int) -> _Arrival | None:
        """When a bit arrives; None if it is a constant, or a pin."""
        stack, waits = [bit], set[int]()
        while stack:
            now = stack[-1]
            missing = [] if now in self._arrivals else [
                before for before, *_ in self._before(now) if before not in self._arrivals]
            if missing:
                waits.add(now)
                if not waits.isdisjoint(missing):
                    raise FlowFailed("the netlist must not have a loop of logic, but "
                                     f"{self.drivers[now][0]} is part of one")
                stack += missing
                continue
            if now not in self._arrivals:
                self._arrivals[now] = self._made(now)
            waits.discard(now)
            stack.pop()
        return self._arrivals[bit]

    def _before(self, bit: int) -> Iterator[tuple[int, int, float]]:
        """The bits that this one follows without a clock; levels and delay, wire included."""
        if bit not in self.drivers:
            return
        cell, out = self.drivers[bit]
        what = self.cells[cell]
        kind = what["type"]
        if kind in (_REGISTER, _NETWORK, *_RAMS):
            return
        if kind == _MULTIPLIER and (_multiplies_late(what) or _takes_late(what)):
            return
        for port, before in self.inputs(cell):
            if kind == _LUT_RAM and not port.startswith("RAD"):
                continue
            if kind == _CARRY and port == "CIN":
                yield before, 0, _CARRY_ALONG_NS if out == "COUT" else _CARRY_OUT_NS
            elif kind == _CARRY and out == "S0" and port.endswith("1"):
                continue
            elif kind == _MULTIPLIER:
                yield before, _worth(_MULTIPLY_NS), WIRE_NS + _MULTIPLY_NS
            else:
                yield before, 1, WIRE_NS + (_CARRY_IN_NS if kind == _CARRY else CELL_NS)

    def _made(self, bit: int) -> _Arrival | None:
        if bit not in self.drivers:
            return None
        cell, _ = self.drivers[bit]
        what = self.cells[cell]
        start_ns = None
        if what["type"] == _REGISTER:
            start_ns = CLOCK_TO_OUT_NS
        elif what["type"] in _RAMS:
            start_ns = _HARD_NS if _reads_late(what) else _RAM_NS
        elif what["type"] == _MULTIPLIER and (_multiplies_late(what) or _takes_late(what)):
            start_ns = _HARD_NS if _multiplies_late(what) else _MULTIPLY_NS
        if start_ns is not None:
            return _Arrival(_worth(start_ns), start_ns, self.name(cell))
        best, slowest = None, 0.0
        for before, levels, delay_ns in self._before(bit):
            came = self._arrivals[before]
            if came is None:
                continue
            slowest = max(slowest, came.delay_ns + delay_ns)
            if best is None or came.levels + levels > best.levels:
                best = _Arrival(came.levels + levels, 0.0, came.start)
        return best and dataclasses.replace(best, delay_ns=slowest)


def _worth(delay_ns: float) -> int:
    """The levels that a delay is worth, beside that of a register."""
    return math.ceil((delay_ns - _HARD_NS) / (CELL_NS + WIRE_NS) - 0.1)


def _reads_late(cell: dict[str, Any]) -> bool:
    return any("OUTREG" in str(cell["parameters"].get(mode, ""))
               for mode in ("REGMODE", "REGMODE_B"))


def _multiplies_late(cell: dict[str, Any]) -> bool:
    return cell["parameters"].get("REG_OUTPUT_CLK", "NONE") != "NONE"


def _takes_late(cell: dict[str, Any]) -> bool:
    return all(cell["parameters"].get(f"REG_INPUT{operand}_CLK", "NONE") != "NONE"
               for operand in "AB")


def paths_of(netlist: dict[str, Any]) -> list[Path]:
    """The paths of a netlist, the deepest first: one for each input that a clock looks at.

    Paths from pins are not counted, nor are those to the registers that `with_boundary` adds to
    measure a design alone.

    Parameters
    ----------
    netlist
        As `write_json` of Yosys has it, of an ECP5, flat: a single module with cells.

    Raises
    ------
    FlowFailed
        It has no such module, or a loop of logic.
    """
    try:
        modules = [module for module in netlist["modules"].values()
                   if any(cell["type"] == _REGISTER for cell in module.get("cells", {}).values())]
        if len(modules) != 1:
            raise FlowFailed(f"the netlist must be one flat module with registers ({_REGISTER}), "
                             f"but {len(modules)} of its modules have some")
        return sorted(_paths(_Netlist(modules[0])),
                      key=lambda path: (-path.levels, -path.delay_ns, path.end, path.port))
    except (AttributeError, KeyError, TypeError, IndexError) as error:
        raise FlowFailed("the netlist must be what Yosys's write_json makes of an ECP5, but lacks "
                         f"{error}") from error


def _paths(net: _Netlist) -> Iterator[Path]:
    clocked = (_REGISTER, *_RAMS, _MULTIPLIER, _LUT_RAM)
    for cell, what in net.cells.items():
        if what["type"] not in clocked:
            continue
        if what["type"] == _MULTIPLIER and not _takes_late(what) and not _multiplies_late(what):
            continue
        end = net.name(cell)
        if end.partition("[")[0] in _MEASURES:
            continue
        more_ns = WIRE_NS + (0 if what["type"] == _REGISTER else _INTO_HARD_NS)
        for port, bit in net.inputs(cell):
            if what["type"] == _LUT_RAM and port.startswith("RAD"):
                continue
            came = net.arrival(bit)
            if came is not None:
                yield Path(came.levels, came.delay_ns + more_ns, came.start, end, port)
