"""What `clostorus verilog` writes: the text of a design, and its host link."""

from typing import TYPE_CHECKING

from sw_driver.cli.configuration import Held

if TYPE_CHECKING:
    from hw.link_config import LinkConfig

__all__ = ["design_of", "link_of"]

_CLOCK_MHZ = 25.0
_BAUD = 1_000_000
_BUFFER_BYTES = 2048


def link_of(
    top: str, cells: str, clock_mhz: float | None, baud: int | None, buffer_bytes: int | None
) -> "LinkConfig | None":
    """The host link of a board; None of another top module.

    Raises
    ------
    DriverError
        If an option is out of range, or is for a board and the top module is none.
    """
    from hw.link_config import CLOCK_HZ_RANGE, LinkConfig
    from sw_driver.errors import DriverError

    if top != "board":
        if (clock_mhz, baud, buffer_bytes) != (None, None, None):
            raise DriverError(
                f"clock-mhz, baud and buffer-bytes need --top board: {top} has no UART"
            )
        return None
    megahertz = _CLOCK_MHZ if clock_mhz is None else clock_mhz
    least, most = (hertz / 1e6 for hertz in CLOCK_HZ_RANGE)
    if not least <= megahertz <= most:
        raise DriverError(f"clock-mhz must be {least:g} to {most:g}, not {megahertz:g}")
    return LinkConfig(clock_hz=round(1e6 * megahertz),
                      baud=_BAUD if baud is None else baud,
                      buffer_bytes=_BUFFER_BYTES if buffer_bytes is None else buffer_bytes,
                      registered=cells == "ecp5")


def design_of(
    top: str, held: Held, link: "LinkConfig | None", *, cells: str, fold: bool, split: bool
) -> tuple[str, dict[str, str]]:
    """The text of the top module and all below it, and the files that it reads, by name.

    Files are read with `split` alone, and by a torus that holds weights.
    """
    from hw.tops import (
        baked_verilog,  # pyright: ignore[reportUnknownVariableType]
        board_verilog,  # pyright: ignore[reportUnknownVariableType]
        top_verilog,  # pyright: ignore[reportUnknownVariableType]
    )

    config, images = held.config, held.images
    if split and images is not None:
        return baked_verilog(top, config, link, cells=cells, folded=fold, **images)
    if link is None:
        return top_verilog(top, config, cells=cells, folded=fold, **(images or {})), {}
    return board_verilog(config, link, cells=cells, folded=fold, **(images or {})), {}
