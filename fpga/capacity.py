"""Whether a torus fits a board: by an estimate, or by what was synthesised."""

import dataclasses

from hw.config import TorusConfig

from .boards import Board
from .errors import BoardError
from .memories import block_rams
from .resources import estimate, is_measured, link_area, model_errors
from .synthesis import Area, lut_sites

__all__ = ["Usage", "board_estimate", "check_estimate", "check_usage", "fits", "usage"]


@dataclasses.dataclass(frozen=True)
class Usage:
    """Cells of one kind.

    Parameters
    ----------
    name
        "LUT", "FF", "DSP" or "BRAM".
    used, available
        Of the design, and of the part.
    """

    name: str
    used: int
    available: int


def usage(board: Board, area: Area) -> tuple[Usage, ...]:
    """What a design uses of a part; carry cells and LUT RAMs count as the LUTs they take."""
    luts, has = lut_sites(area, board.family), board.capacity
    return (Usage("LUT", luts, has.luts), Usage("FF", area.flip_flops, has.flip_flops),
            Usage("DSP", area.multipliers, has.multipliers),
            Usage("BRAM", area.block_rams, has.block_rams))


def board_estimate(board: Board, config: TorusConfig) -> tuple[Usage, ...]:
    """What a torus with its host link would use, by the resource model."""
    torus = estimate(config, board.family)
    link = link_area(board.family, config.host_bits)
    both = Area(**{field.name: getattr(torus, field.name) + getattr(link, field.name)
                   for field in dataclasses.fields(Area)})
    return usage(board, both)


def check_estimate(board: Board, config: TorusConfig) -> None:
    """Refuse a torus that cannot fit, before it is synthesised.

    LUTs may exceed the part by as much as the model is off. Without measured areas only
    multipliers, if the family has any, and block RAMs are known.

    Raises
    ------
    BoardError
        It has more of something than the part.
    """
    if not is_measured(board.family, config.link_words):
        wanted = config.rows * config.cols * config.row_weights * bool(board.family.multipliers)
        blocks = (Usage("DSP", wanted, board.capacity.multipliers),
                  Usage("BRAM", block_rams(config, board.family), board.capacity.block_rams))
        _check(board, config, blocks, 1.0, "at least ")
        return
    slack = 1 + model_errors(board.family).largest
    _check(board, config, board_estimate(board, config), slack, "an estimated ")


def check_usage(board: Board, config: TorusConfig, used: tuple[Usage, ...]) -> None:
    """Refuse a synthesised design that cannot be placed.

    Raises
    ------
    BoardError
        It has more of something than the part.
    """
    _check(board, config, used, 1.0, "")


def fits(board: Board, used: tuple[Usage, ...]) -> bool:
    """Whether a placer has room for all of it."""
    return all(one.used <= one.available * (board.family.filled if one.name == "LUT" else 1)
               for one in used)


def _check(board: Board, config: TorusConfig, used: tuple[Usage, ...], slack: float,
           how: str) -> None:
    over = [f"{how}{one.used} of {one.available} {one.name}" for one in used
            if one.used > one.available * (slack if one.name in ("LUT", "FF") else 1)]
    if over:
        advice = (f"`clostorus plan --board {board.name}` says what fits"
                  if is_measured(board.family) else "try fewer elements or smaller memories")
        raise BoardError(
            f"torus {config.rows}x{config.cols} does not fit {board.name}: it needs "
            f"{', '.join(over)}; {advice}")
