"""The host link of `clostorus verilog --top board`: its options, and what they come to."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from hw.link_config import LinkConfig

__all__ = ["Baud", "BufferBytes", "ClockMhz", "InputBits", "link_of"]

_CLOCK_MHZ = 25.0
_BAUD = 1_000_000
_BUFFER_BYTES = 2048

ClockMhz = Annotated[
    float | None, typer.Option(help="With --top board: its clock [default: 25].")
]
Baud = Annotated[
    int | None, typer.Option(help="With --top board: bits a second [default: 1000000].")
]
BufferBytes = Annotated[
    int | None,
    typer.Option(
        help="With --top board: bytes of each buffer of its link; 512 is one block RAM of an "
        "iCE40, as in its boards [default: 2048]."
    ),
]
InputBits = Annotated[
    int | None,
    typer.Option(
        metavar="BITS",
        help="With --top board: it takes packed beats, of words of so many bits, beside whole "
        "ones.",
    ),
]


def link_of(
    top: str,
    cells: str,
    clock_mhz: float | None,
    baud: int | None,
    buffer_bytes: int | None,
    input_bits: int | None,
) -> "LinkConfig | None":
    """The host link of a board; None of another top module.

    Raises
    ------
    DriverError
        Another top module is given options of a link, or there is no such clock.
    ConfigError
        As `LinkConfig`.
    """
    from hw.link_config import CLOCK_HZ_RANGE, LinkConfig
    from sw_driver.errors import DriverError

    if top != "board":
        if (clock_mhz, baud, buffer_bytes, input_bits) != (None, None, None, None):
            raise DriverError("clock-mhz, baud, buffer-bytes and input-bits need --top board: "
                              f"{top} has no UART")
        return None
    megahertz = _CLOCK_MHZ if clock_mhz is None else clock_mhz
    least, most = (hertz / 1e6 for hertz in CLOCK_HZ_RANGE)
    if not least <= megahertz <= most:
        raise DriverError(f"clock-mhz must be {least:g} to {most:g}, not {megahertz:g}")
    return LinkConfig(clock_hz=round(1e6 * megahertz),
                      baud=_BAUD if baud is None else baud,
                      buffer_bytes=_BUFFER_BYTES if buffer_bytes is None else buffer_bytes,
                      registered=cells == "ecp5", input_bits=input_bits or 0)
