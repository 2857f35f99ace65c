"""A design as modules with copies, and a frame around them: which input gets what from where."""

import dataclasses
from collections import defaultdict

from .netlist import Cell, Netlist, Port

__all__ = ["FRAME", "Design", "End", "split"]

FRAME = ""
"""Name of the frame among the modules."""


@dataclasses.dataclass(frozen=True)
class End:
    """An end of a wire: a port of one copy of a module.

    Parameters
    ----------
    module, port, copy
        Names, and the number of the copy.
    is_input
        Whether it is an input of that copy: of the frame, such as what the host offers.
    """

    module: str
    port: str
    copy: int
    is_input: bool = False


@dataclasses.dataclass(frozen=True)
class Design:
    """What is simulated.

    Parameters
    ----------
    modules
        By name; the frame has `FRAME` as its name, one copy, and what the modules do not hold.
    copies
        Names of the instances of each module, in the order of their lanes.
    wires
        What each input of a copy gets: the end of a wire, or a number that does not change.
    """

    modules: dict[str, Netlist]
    copies: dict[str, list[str]]
    wires: dict[End, End | int]


def split(top: Netlist, modules: dict[str, Netlist]) -> Design:
    """Split a top whose instances are all of `modules` into these and a frame.

    Where an input of an instance is not, in one piece, an output of another one, an input of the
    top, or a number, the frame computes it.
    """
    copies: dict[str, list[str]] = defaultdict(list)
    outputs: list[tuple[End, Port]] = []
    inputs: list[tuple[End, Port]] = []
    for cell in top.instances:
        copy = len(copies[cell.kind])
        copies[cell.kind].append(cell.name)
        module = modules[cell.kind]
        outputs += _ends(module.outputs, cell, copy)
        inputs += _ends(module.inputs, cell, copy)
    # The end of a wire by all its bits.
    sources: dict[tuple[int | str, ...], End] = {
        tuple(port.bits): end for end, port in outputs}
    sources |= {tuple(port.bits): End(FRAME, port.name, 0, is_input=True) for port in top.inputs}
    wires: dict[End, End | int] = {}
    made: dict[tuple[int | str, ...], Port] = {}
    for end, port in inputs:
        if all(isinstance(bit, str) for bit in port.bits):
            wires[end] = sum((bit == "1") << index for index, bit in enumerate(port.bits))
        elif tuple(port.bits) in sources:
            wires[end] = sources[tuple(port.bits)]
        else:
            new = Port(f"{end.module}[{end.copy}].{port.name}", port.bits)
            wires[end] = End(FRAME, made.setdefault(tuple(port.bits), new).name, 0)
    frame, taken = _frame(top, outputs, list(made.values()))
    wires |= taken
    return Design({**modules, FRAME: frame}, {**copies, FRAME: [""]}, wires)


def _ends(ports: list[Port], cell: Cell, copy: int) -> list[tuple[End, Port]]:
    """The ports of an instance with the bits that they are connected to outside.

    What only the module itself has, to be watched, is none of them.
    """
    found: list[tuple[End, Port]] = []
    for port in ports:
        if port.watched:
            continue
        name, _, low = port.name.partition("[")
        bits = cell.ports.get(name, [])
        start = int(low[:-1]) if low else 0
        outside = bits[start:start + len(port.bits)] or ["0"] * len(port.bits)
        found.append((End(cell.kind, port.name, copy), Port(port.name, outside)))
    return found


def _frame(top: Netlist, outputs: list[tuple[End, Port]], made: list[Port]
           ) -> tuple[Netlist, dict[End, End | int]]:
    """The frame as a module, and what its inputs get."""
    used: set[int | str] = {bit for cell in top.cells for bits in cell.ports.values()
                            for bit in bits}
    used |= {bit for port in (*top.outputs, *made) for bit in port.bits}
    inputs = list(top.inputs)
    wires: dict[End, End | int] = {}
    for end, port in outputs:
        if used & set(port.bits):
            name = f"{end.module}[{end.copy}].{port.name}"
            inputs.append(Port(name, port.bits))
            wires[End(FRAME, name, 0)] = end
    frame = dataclasses.replace(
        top, name="frame", inputs=inputs, outputs=[*top.outputs, *made], instances=[])
    return frame, wires
