"""What place and route must know of a board: where the pins are, how fast the clock is."""

from .boards import Board, Pin
from .fifo_pins import CLKOUT_MHZ

__all__ = ["constraints"]


def constraints(board: Board, target_mhz: float, fifo: dict[str, Pin] | None = None) -> str:
    """The constraint file of a board, as its family writes it: LPF, PCF or CST.

    `target_mhz` is the clock that place and route aims at. With `fifo`, the pins of an FT2232H's
    FIFO take the place of those of the UART, on a board with an ECP5.
    """
    lines: list[str] = []
    pins = board.pins()
    if fifo is not None:
        pins = {port: pins[port] for port in ("clk", "led")} | fifo
        lines.append(f'FREQUENCY PORT "clkout" {CLKOUT_MHZ:g} MHZ;')
    for port, pin in pins.items():
        if board.family.name == "ecp5":
            attributes = " ".join(f"{name}={value}" for name, value in pin.attributes)
            lines += [f'LOCATE COMP "{port}" SITE "{pin.name}";',
                      f'IOBUF PORT "{port}" {attributes};']
        elif board.family.name == "ice40":
            options = " ".join("-pullup yes" for name, value in pin.attributes
                               if name == "PULLUP" and value == "1" and port == "rx")
            lines.append(f"set_io {options} {port} {pin.name}".replace("  ", " "))
        else:
            attributes = " ".join(f"{name}={value}" for name, value in pin.attributes)
            lines += [f'IO_LOC "{port}" {pin.name};', f'IO_PORT "{port}" {attributes};']
    if board.family.name == "ecp5":
        lines.append(f'FREQUENCY PORT "clk" {target_mhz:g} MHZ;')
    elif board.family.name == "ice40":
        lines.append(f"set_frequency clk {target_mhz:g}")
    return "\n".join(lines) + "\n"
