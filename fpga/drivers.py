"""Who drives the nets of a netlist of Yosys."""

from collections.abc import Iterator
from typing import Any

__all__ = ["driven_bits"]


def driven_bits(module: dict[str, Any]) -> Iterator[tuple[int, str, str]]:
    """Yield each bit that a cell of a module drives, with the cell and its port.

    `module` is as `write_json` has it. Cells whose ports have no direction there are left out, and
    so are constants.
    """
    for name, cell in module.get("cells", {}).items():
        directions = cell.get("port_directions", {})
        for port, bits in cell["connections"].items():
            if directions.get(port) == "output":
                yield from ((bit, name, port) for bit in bits if isinstance(bit, int))
