"""Pictures of results: curves with the spread of their points."""

# pyright: basic
# Matplotlib's own types have gaps, which the strict rules would lay at our door.

import io
import itertools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from golden.system.extras import needs

with needs("experiments"):
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

__all__ = ["Panels", "Point", "curves_png"]

_MARKERS = "osD^v<>Pp*"


class Point(NamedTuple):
    """A point of a curve: where it is, and the lowest and highest of what it is the mean of."""

    x: float
    mean: float
    lowest: float
    highest: float


Panels = Mapping[str, Mapping[str, Sequence[Point]]]
"""Points by the names of their panel and of their curve."""

def curves_png(panels: Panels, x_label: str, y_label: str, note: str) -> bytes:
    """Draw curves whose points have bars from their lowest value to their highest, as PNG.

    Parameters
    ----------
    panels
        The curves of each panel, and the points of each curve, by their names.
    x_label, y_label
        Of every panel; x is logarithmic.
    note
        What the bars mean; it stands above the panels.

    Returns
    -------
    bytes
        Of the file, whose "Description" says in a line for each curve what is drawn.
    """
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
        figure.suptitle(note, fontsize=9)
        metadata = {"Software": None, "Description": _description(panels, note)}
        figure.savefig(file, format="png", dpi=110, metadata=metadata)
    return file.getvalue()


def _description(panels: Panels, note: str) -> str:
    lines = [note]
    for title, curves in panels.items():
        for name, points in curves.items():
            values = ", ".join(
                f"{point.x:g}: {point.mean:.2f} ({point.lowest:.2f} to {point.highest:.2f})"
                for point in sorted(points)
            )
            lines.append(f"{title}, {name}: {values}")
    return "\n".join(lines)
