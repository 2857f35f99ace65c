"""What may hang on a clock network of the ECP5 that a design drives by itself."""

from typing import Any

__all__ = ["move_logic_off_networks"]

# Ports with a way of their own from a clock network: of clocks and of resets.
_PORTS = "CLK", "WCK", "LSR", "RST"


def move_logic_off_networks(netlist: dict[str, Any]) -> int:
    """Have all ports but those of clocks and resets read what drives the network; return how many.

    Synthesis makes such ports when it merges the reset into another clear of a register. Through
    the network the reset is late at them: without them on it a torus is faster.

    Parameters
    ----------
    netlist
        As `write_json` of Yosys has it, flat; changed in place. DCCAs are taken to be enabled all
        the time.
    """
    moved = 0
    for module in netlist["modules"].values():
        cells = module.get("cells", {}).values()
        drivers = {cell["connections"]["CLKO"][0]: cell["connections"]["CLKI"][0]
                   for cell in cells if cell["type"] == "DCCA"}
        for cell in cells:
            for port, bits in cell["connections"].items():
                if (port.startswith(_PORTS) or cell["port_directions"][port] != "input"
                        or drivers.keys().isdisjoint(bits)):
                    continue
                cell["connections"][port] = [drivers.get(bit, bit) for bit in bits]
                moved += 1
    return moved
