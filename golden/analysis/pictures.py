"""Pictures of topologies and of what was found about them."""

# pyright: basic
# Matplotlib's own types have gaps, which the strict rules would lay at our door.

import io
from collections.abc import Sequence

import numpy as np
import torch

from golden.analysis.report import Analysis
from golden.system.extras import needs

with needs("experiments"):
    from matplotlib import rc_context
    from matplotlib.axes import Axes
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.colors import ListedColormap
    from matplotlib.figure import Figure

__all__ = ["analysis_png"]

_EDGES = ListedColormap(["#ffffff", "#4e79a7", "#f28e2b", "#d0d0d0"])  # None, trained, constant, -.
_BARS = {
    "parameters": "trained\nedges",
    "matching": "matching",
    "rank": "Jacobian\nrank",
    "l1_exact": "exact\nin L1",
}


def analysis_png(analyses: Sequence[Analysis]) -> bytes:
    """Draw one column for each topology: its stages, paths, K matrix and counts; PNG.

    The paths and the K matrices have one scale for all, as in NeuroFabric, fig 5.
    """
    with rc_context({"font.size": 8}):
        figure = Figure(figsize=(3.4 * len(analyses), 11), layout="constrained")
        FigureCanvasAgg(figure)
        grid = figure.subplots(4, len(analyses), squeeze=False)
        most = max((int(one.paths.max()) for one in analyses if one.paths is not None), default=1)
        for column, analysis in enumerate(analyses):
            _draw_stages(grid[0, column], analysis)
            _draw_matrix(grid[1, column], analysis.paths, "paths of a pair", most)
            _draw_matrix(grid[2, column], analysis.k_matrix, "K: controlled ratios", 1.0)
            _draw_bars(grid[3, column], analysis)
        file = io.BytesIO()
        figure.savefig(file, format="png", dpi=110, metadata={"Software": None})
    return file.getvalue()


def _draw_stages(axes: Axes, analysis: Analysis) -> None:
    """All stages side by side, outputs down and inputs across."""
    topology = analysis.topology
    height = max(topology.widths)
    strips = []
    for mask, constant in zip(topology.masks, topology.constants, strict=True):
        picture = np.full((height, mask.shape[1] + 1), 3)
        picture[: len(mask), :-1] = (mask.int() + 2 * (constant != 0).int()).numpy()
        strips.append(picture)
    joined = np.concatenate(strips, axis=1)
    axes.imshow(joined, cmap=_EDGES, vmin=0, vmax=3, aspect="auto", interpolation="nearest")
    axes.set_title(f"{topology.name}\nstages: trained blue, constant orange")
    axes.set(xticks=[], yticks=[], xlabel="inputs of stage 1, 2, ...", ylabel="outputs")


def _draw_matrix(axes: Axes, matrix: torch.Tensor | None, title: str, most: float) -> None:
    axes.set_title(title)
    if matrix is None:
        axes.text(0.5, 0.5, "not computed", ha="center", va="center", transform=axes.transAxes)
        axes.set(xticks=[], yticks=[])
        return
    image = axes.imshow(matrix.numpy(), vmin=0, vmax=most, aspect="auto", interpolation="nearest")
    axes.set(xlabel="input", ylabel="output")
    axes.figure.colorbar(image, ax=axes)


def _draw_bars(axes: Axes, analysis: Analysis) -> None:
    shown = {label: analysis.values[name] for name, label in _BARS.items()
             if name in analysis.values}  # fmt: skip
    bars = axes.bar(list(shown), [float(value or 0) for value in shown.values()], color="#4e79a7")
    axes.bar_label(bars, fmt="%.0f")
    pairs = analysis.topology.in_features * analysis.topology.out_features
    axes.axhline(pairs, color="#9c9c9c", linestyle="--")
    axes.set_title(f"elements that can be set, of {pairs}")
