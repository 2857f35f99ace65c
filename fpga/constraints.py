"""What place and route must know of a board: where the pins are, how fast the clock is."""

from collections.abc import Callable

from .boards import Board, Pin
from .fifo_pins import CLKOUT_MHZ

__all__ = ["constraints"]


def constraints(board: Board, target_mhz: float, fifo: dict[str, Pin] | None = None) -> str:
    """The constraint file of a board, as its family writes it: LPF, PCF, CST or PDC.

    `target_mhz` is the clock that place and route aims at. With `fifo`, the pins of an FT2232H's
    FIFO take the place of those of the UART, on a board with an ECP5.
    """
    lines: list[str] = []
    pins = board.pins()
    if fifo is not None:
        pins = {port: pins[port] for port in ("clk", "led")} | fifo
        lines.append(f'FREQUENCY PORT "clkout" {CLKOUT_MHZ:g} MHZ;')
    of_pin, of_clock = _FORMS[board.family.flow.constraints.rpartition(".")[2]]
    for port, pin in pins.items():
        lines += of_pin(port, pin)
    if of_clock:
        lines.append(of_clock.format(target_mhz=target_mhz))
    return "\n".join(lines) + "\n"


def _lpf(port: str, pin: Pin) -> list[str]:
    return [f'LOCATE COMP "{port}" SITE "{pin.name}";', f'IOBUF PORT "{port}" {_attributes(pin)};']


def _pcf(port: str, pin: Pin) -> list[str]:
    pull_up = port == "rx" and ("PULLUP", "1") in pin.attributes
    return [f"set_io {'-pullup yes ' if pull_up else ''}{port} {pin.name}"]


def _cst(port: str, pin: Pin) -> list[str]:
    return [f'IO_LOC "{port}" {pin.name};', f'IO_PORT "{port}" {_attributes(pin)};']


def _pdc(port: str, pin: Pin) -> list[str]:
    return [f"ldc_set_location -site {{{pin.name}}} [get_ports {{{port}}}]",
            f"ldc_set_port -iobuf {{{_attributes(pin)}}} [get_ports {{{port}}}]"]


def _attributes(pin: Pin) -> str:
    return " ".join(f"{name}={value}" for name, value in pin.attributes)


# By the ending of the file: the lines of a pin, and that of the clock; without one, the router's
# option alone says how fast it is.
_FORMS: dict[str, tuple[Callable[[str, Pin], list[str]], str]] = {
    "lpf": (_lpf, 'FREQUENCY PORT "clk" {target_mhz:g} MHZ;'),
    "pcf": (_pcf, "set_frequency clk {target_mhz:g}"),
    "cst": (_cst, ""),
    "pdc": (_pdc, ""),
}
