"""A torus as a picture: PEs in a grid; what is in them is up to others."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from hw.config import TorusConfig
from sw_driver.report.markup import Content, Markup, tag

__all__ = ["Grid", "grid_of", "picture"]

_WIDTH, _RIGHT, _TOP = 900.0, 30.0, 30.0
_LABELS = 16  # Larger tori have no words in their PEs.


class Grid(NamedTuple):
    """Where the PEs of a torus are in a picture.

    Attributes
    ----------
    rows, cols
        Of the torus.
    left, top
        Of PE (0, 0).
    side, step
        Of a PE, and from one to the next.
    """

    rows: int
    cols: int
    left: float
    top: float
    side: float
    step: float

    @property
    def labelled(self) -> bool:
        """Whether there is room for words: in the PEs, and in a page for those of each PE."""
        return max(self.rows, self.cols) <= _LABELS

    def place(self, row: int, col: int) -> tuple[float, float]:
        """The upper left corner of a PE."""
        return self.left + self.step * col, self.top + self.step * row


def grid_of(config: TorusConfig, gap: float, left: float) -> Grid:
    """Choose the sizes of a picture.

    Parameters
    ----------
    config
        The torus.
    gap
        Between PEs, as a part of their side.
    left
        Room before the first column.
    """
    step = min((_WIDTH - left - _RIGHT) / config.cols, 150.0)
    side = step / (1 + gap)
    return Grid(config.rows, config.cols, left, _TOP, side, step)


def picture(
    grid: Grid,
    title: str,
    pe: Callable[[int, int], Sequence[Content]],
    more: Sequence[Content] = (),
) -> Markup:
    """Draw what `pe` returns for each row and column, over a box, and `more` below all boxes."""
    inside: list[Content] = [tag("title", title), *more]
    for row in range(grid.rows):
        for col in range(grid.cols):
            x, y = grid.place(row, col)
            if grid.labelled:
                box = tag("rect", x=x, y=y, width=grid.side, height=grid.side, class_="box",
                          rx=min(4.0, grid.side / 8))  # fmt: skip
                inside.append(tag("g", box, *pe(row, col)))
            else:
                inside += pe(row, col)
    wide = grid.left + grid.step * grid.cols + _RIGHT
    high = grid.top + grid.step * grid.rows + 14
    return tag("svg", *inside, viewBox=f"0 0 {wide:.0f} {high:.0f}", width=round(wide), role="img",
               aria_label=title, class_="picture")  # fmt: skip
