"""The largest torus that a board holds, by the resource model."""

import dataclasses
import functools

from hw.config import TorusConfig

from .board_design import board_config
from .boards import BOARDS, Board
from .capacity import Usage, board_estimate, fits
from .errors import BoardError
from .resources import Errors, is_measured, model_errors

__all__ = ["Plan", "check_measured", "plan"]

_MOST_ROWS = 16
_MOST_WEIGHT_WORDS = 1 << 16


@dataclasses.dataclass(frozen=True)
class Plan:
    """A torus for a board.

    Parameters
    ----------
    config
        Of the torus.
    usage
        What it would use, with its host link.
    errors
        How far the model is off.
    """

    config: TorusConfig
    usage: tuple[Usage, ...]
    errors: Errors


def plan(board: Board, *, train: bool = False, lanes: tuple[int, int] = (1, 1),
         link_words: int = 1) -> Plan:
    """Find the torus with most processing elements, then the most weights that it can hold.

    It has as many columns as rows, up to twice as many: a row has a gateway, and rings should not
    be long. Of tori of one size the squarest is taken. `lanes` are `lanes_in` and `lanes_out`;
    links move `link_words` words at once.

    Raises
    ------
    BoardError
        The model was not fitted for the board's family, or not even a torus of one element fits.
    """
    check_measured(board, link_words)
    sizes = sorted(((rows, cols) for rows in range(1, _MOST_ROWS + 1)
                    for cols in range(rows, 2 * rows + 1)),
                   key=lambda size: (-size[0] * size[1], size[1]))
    of_size = functools.partial(
        board_config, board, train=train, lanes=lanes, link_words=link_words)
    tori = (of_size(rows, cols) for rows, cols in sizes)
    found = next((config for config in tori if _fits(board, config)), None)
    if found is None:
        one = of_size(1, 1)
        over = ", ".join(f"{used.used} of {used.available} {used.name}"
                         for used in board_estimate(board, one))
        raise BoardError(f"board {board.name} holds no torus{' that trains' if train else ''}: one "
                         f"of one element needs an estimated {over}")
    while found.weight_words < _MOST_WEIGHT_WORDS:
        more = dataclasses.replace(found, weight_words=2 * found.weight_words)
        if not _fits(board, more):
            break
        found = more
    return Plan(found, board_estimate(board, found), model_errors(board.family))


def check_measured(board: Board, link_words: int = 1) -> None:
    """Refuse a board whose part the resource model does not know, with links of so many words.

    Raises
    ------
    BoardError
        The message names those that it knows.
    """
    if not is_measured(board.family, link_words):
        known = ", ".join(one.name for one in BOARDS.values()
                          if is_measured(one.family, link_words))
        links = "" if link_words == 1 else f" with links of {link_words} words"
        raise BoardError(
            f"board must be one whose part the resource model knows{links} ({known}), not "
            f"{board.name}: "
            f"`clostorus build --board {board.name}` finds out by synthesis what fits")


def _fits(board: Board, config: TorusConfig) -> bool:
    return fits(board, board_estimate(board, config))
