"""What `clostorus verilog` writes: the text of a design, and the files that it reads."""

from typing import TYPE_CHECKING

from sw_driver.cli.configuration import Held

if TYPE_CHECKING:
    from hw.link_config import LinkConfig

__all__ = ["design_of"]


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
