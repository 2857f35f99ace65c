"""Pictures of results: curves with the spread of their points, and matrices."""

# pyright: basic
# Matplotlib's own types have gaps, which the strict rules would lay at our door.

import io
import itertools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from golden.system.extras import needs

with needs("experiments"):
    from matplotlib import rc_context
    from matplotlib.axes import Axes
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

__all__ = ["Panels", "Point", "curves_png", "matrices_png"]

_MARKERS = "osD^v<>Pp*"
_MOST_COLUMNS = 3


class Point(NamedTuple):
    """A point of a curve: where it is, and the lowest and highest of what it is the mean of."""

    x: float
    mean: float
    lowest: float
    highest: float


Panels = Mapping[str, Mapping[str, Sequence[Point]]]
"""Points by the names of their panel and of their curve."""

def curves_png(
    panels: Panels, x_label: str, y_label: str, note: str, *, scales: str = "log-linear"
) -> bytes:
    """Draw curves whose points have bars from their lowest value to their highest, as PNG.

    Parameters
    ----------
    panels
        The curves of each panel, and the points of each curve, by their names.
    x_label, y_label
        Of every panel.
    note
        What the bars mean; it stands above the panels.
    scales
        Of x and y, joined by a hyphen: "log", "linear", or "symlog", which has a 0.

    Returns
    -------
    bytes
        Of the file, whose "Description" says in a line for each curve what is drawn.
    """
    with rc_context({"font.size": 9}):
        figure, grid = _grid(len(panels), 5.5, 4.0)
        x_scale, _, y_scale = scales.partition("-")
        for axes, (title, curves) in zip(grid, panels.items(), strict=False):
            for marker, (name, points) in zip(
                itertools.cycle(_MARKERS), curves.items(), strict=False
            ):
                ordered = sorted(points)
                means = [point.mean for point in ordered]
                spread = (
                    [point.mean - point.lowest for point in ordered],
                    [point.highest - point.mean for point in ordered],
                )
                axes.errorbar(
                    [point.x for point in ordered], means, spread,
                    label=name, marker=marker, markersize=5, capsize=3, linewidth=1,
                )  # fmt: skip
            axes.set(title=title, xlabel=x_label, ylabel=y_label, xscale=x_scale, yscale=y_scale)
            axes.grid(alpha=0.3)
            axes.legend(loc="lower right")  # "best" takes long, and matplotlib warns of it.
        return _file(figure, note, _description(panels, note))


def matrices_png(matrices: Mapping[str, npt.NDArray[np.float64]], note: str) -> bytes:
    """Draw matrices with values from 0 to 1, rows down, by their titles, as PNG."""
    with rc_context({"font.size": 9}):
        figure, grid = _grid(len(matrices), 3.4, 3.2)
        for axes, (title, matrix) in zip(grid, matrices.items(), strict=False):
            image = axes.imshow(matrix, vmin=0, vmax=1, interpolation="nearest")
            axes.set(title=title, xlabel="input", ylabel="output")
            figure.colorbar(image, ax=axes)
        said = [f"{title}: mean {matrix.mean():.2f}" for title, matrix in matrices.items()]
        return _file(figure, note, "\n".join([note, *said]))


def _grid(panels: int, width: float, height: float) -> tuple[Figure, list[Axes]]:
    """Make a figure with so many panels of these inches, some in a row, and those left over off."""
    columns = min(panels, _MOST_COLUMNS)
    rows = -(-panels // columns)
    figure = Figure(figsize=(width * columns, height * rows), layout="constrained")
    FigureCanvasAgg(figure)
    grid = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axes in grid[panels:]:
        axes.set_axis_off()
    return figure, grid


def _file(figure: Figure, note: str, description: str) -> bytes:
    file = io.BytesIO()
    figure.suptitle(note, fontsize=9)
    metadata = {"Software": None, "Description": description}
    figure.savefig(file, format="png", dpi=110, metadata=metadata)
    return file.getvalue()


def _description(panels: Panels, note: str) -> str:
    lines = [note]
    for title, curves in panels.items():
        for name, points in curves.items():
            values = ", ".join(
                f"{point.x:g}: {_number(point.mean)} "
                f"({_number(point.lowest)} to {_number(point.highest)})"
                for point in sorted(points)
            )
            lines.append(f"{title}, {name}: {values}")
    return "\n".join(lines)


def _number(value: float) -> str:
    """Two digits after the point, or three that count if there are none before it."""
    return f"{value:.2f}" if abs(value) >= 1 or not value else f"{value:.3g}"
