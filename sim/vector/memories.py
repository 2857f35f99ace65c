"""Memories with a port to read and a port to write."""

from ..errors import VectorRefused
from .netlist import Cell
from .operands import Body, word_size

__all__ = ["check_memory", "memory_type", "memory_words", "next_read", "read", "write"]


def check_memory(cell: Cell, module: str) -> None:
    """Refuse a memory that the engine does not simulate.

    Raises
    ------
    VectorRefused
        Says what is wrong with it.
    """
    wrong = None
    if (cell.number("RD_PORTS"), cell.number("WR_PORTS")) != (1, 1):
        wrong = (f"{cell.number('RD_PORTS')} ports to read and {cell.number('WR_PORTS')} to write, "
                 "not one of each")
    elif len(set(cell.ports["WR_EN"])) != 1:
        wrong = "a word that is written in parts"
    elif cell.number("RD_CLK_ENABLE") and cell.ports["RD_ARST"] != ["0"]:
        wrong = "an asynchronous reset"
    elif cell.number("RD_CLK_ENABLE") and cell.ports["RD_SRST"] != ["0"] and (
            cell.number("RD_CE_OVER_SRST") or "1" in cell.parameters["RD_SRST_VALUE"]):
        wrong = "a reset to a value, or one that its enable masks"
    elif "1" in cell.parameters["RD_TRANSPARENCY_MASK"]:
        wrong = "a read that sees what is written in the same cycle"
    elif not cell.number("WR_CLK_ENABLE") or cell.number("OFFSET"):
        wrong = "a write without a clock, or addresses that do not begin with 0"
    if wrong:
        raise VectorRefused(
            f"the vector engine does not simulate a memory with {wrong}: {cell.name} of module "
            f"{module}: take --engine verilator")


def memory_type(cell: Cell) -> str:
    """C++ type of the memory in all lanes."""
    size = cell.number("SIZE")
    full = size == 1 << cell.number("ABITS")
    always = "Always" if cell.holds and cell.ports["RD_EN"] == ["1"] else ""
    return f"{always}Memory<{_size(cell)}, {size}, {str(full).lower()}>"


def memory_words(cell: Cell) -> list[int]:
    """What the memory starts with; empty if that is 0."""
    bits, width = cell.parameters["INIT"], cell.number("WIDTH")
    if "1" not in bits:
        return []
    return [int(bits[end - width:end], 2) for end in range(len(bits), width - 1, -width)]


def read(cell: Cell, body: Body, number: int) -> str:
    """The word read without a clock."""
    made = f"m.m{number}.read({body.word(cell.ports['RD_ADDR'], _address_size(cell))})"
    return f"any({made}, 1)" if cell.number("WIDTH") == 1 else made


def next_read(cell: Cell, body: Body, number: int) -> str:
    """The statement that makes the word that a port with a clock shows after the edge."""
    ports = cell.ports
    address = body.word(ports["RD_ADDR"], _address_size(cell))
    # The reset goes before the enable.
    reset = "zeros()" if ports["RD_SRST"] == ["0"] else body.bit(ports["RD_SRST"][0])
    if ports["RD_EN"] == ["1"]:
        return f"m.m{number}.read_always(n.x{number}, x{number}, {reset}, {address});"
    enable = body.bit(ports["RD_EN"][0])
    return f"m.m{number}.read_if(n.x{number}, x{number}, {reset}, {enable}, {address});"


def write(cell: Cell, body: Body, number: int) -> str:
    """The statement that writes."""
    ports = cell.ports
    return (f"m.m{number}.write({body.bit(ports['WR_EN'][0])}, "
            f"{body.word(ports['WR_ADDR'], _address_size(cell))}, "
            f"{body.word(ports['WR_DATA'], _size(cell))});")


def _size(cell: Cell) -> int:
    return max(8, word_size(cell.number("WIDTH")))


def _address_size(cell: Cell) -> int:
    return max(16, word_size(cell.number("ABITS")))
