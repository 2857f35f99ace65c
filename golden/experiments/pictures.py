"""Pictures of results: curves with the spread of their points."""

# pyright: basic
# Matplotlib's own types have gaps, which the strict rules would lay at our door.

import io
import itertools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

__all__ = ["Point", "curves_png"]

_MARKERS = "osD^v<>Pp*"


class Point(NamedTuple):
    """A point of a curve: where it is, and the lowest and highest of what it is the mean of."""

    x: float
    mean: float
    lowest: float
    highest: float


def curves_png(
    panels: Mapping[str, Mapping[str, Sequence[Point]]], x_label: str, y_label: str
) -> bytes:
    """Draw one panel for each name, and in it one curve for each name; logarithmic in x; PNG."""
    with rc_context({"font.size": 9}):
        figure = Figure(figsize=(5.5 * len(panels), 4), layout="constrained")
        FigureCanvasAgg(figure)
        grid = figure.subplots(1, len(panels), squeeze=False)
        for axes, (title, curves) in zip(grid[0], panels.items(), strict=True):
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
            axes.set(title=title, xlabel=x_label, ylabel=y_label, xscale="log")
            axes.grid(alpha=0.3)
            axes.legend()
        file = io.BytesIO()
        figure.savefig(file, format="png", dpi=110, metadata={"Software": None})
    return file.getvalue()
