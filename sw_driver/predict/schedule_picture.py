"""A picture of the steady state: what the rings, the MAC and the host do, cycle by cycle."""

# pyright: basic
# Matplotlib's own types have gaps, which the strict rules would lay at our door.

import io
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from sw_driver.compiled import Compiled
from sw_driver.plan.order import delays
from sw_driver.plan.stages import StageKind
from sw_driver.predict.op_table import steady_spans

__all__ = ["schedule_svg"]

_LANES = {
    "host_in": "host input",
    "row": "row ring",
    "col": "column ring",
    "mac": "MAC",
    "host_out": "host output",
}
_COLOURS = {
    StageKind.INPUT: ("#4e79a7", "input blocks"),
    StageKind.MIDDLE: ("#f28e2b", "middle blocks"),
    StageKind.OUTPUT: ("#59a14f", "output blocks"),
    StageKind.MOVE: ("#b07aa1", "move between layers"),
    StageKind.RESULT: ("#9c9c9c", "results to the host"),
}
_TURNS = 2
# Text stays text, and ids in the file do not change from one run to the next.
_SETTINGS: dict[Any, Any] = {"svg.fonttype": "none", "svg.hashsalt": "clostorus", "font.size": 8}
_LABEL_PART = 0.035  # A bar shorter than this part of the picture gets no label.


def schedule_svg(compiled: Compiled) -> bytes:
    """Draw two turns of the steady state as SVG; the same net makes the same bytes.

    The picture shows the engines of the last PE of the last row. Labels are LAYER.STAGE; every
    second sample is paler.
    """
    with rc_context(_SETTINGS):
        figure = Figure(figsize=(11, 3.1), layout="constrained")
        FigureCanvasSVG(figure)
        _draw(figure.add_subplot(), compiled)
        file = io.BytesIO()
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    return file.getvalue()


def _draw(axes: Axes, compiled: Compiled) -> None:
    prediction = compiled.prediction
    shown = _TURNS * prediction.cycles
    # Samples that begin before or after the window reach into it, too.
    around = max(delays(compiled.order)) + 1
    spans = steady_spans(compiled, 2 * around + _TURNS)
    origin = next(span.start for span in spans if span.lane == "row" and span.step.sample == around)
    lanes = list(_LANES)
    for span in spans:
        start, end = max(span.start - origin, 0), min(span.end - origin, shown)
        if start >= end:
            continue
        stage = compiled.stages[span.step.task.stage]
        odd = span.step.sample % 2 == 1
        axes.barh(
            lanes.index(span.lane),
            end - start,
            left=start,
            height=0.8,
            color=_COLOURS[stage.kind][0],
            alpha=0.55 if odd else 0.95,
            edgecolor="black",
            linewidth=0.5,
        )
        if end - start > _LABEL_PART * shown:
            axes.text(
                (start + end) / 2,
                lanes.index(span.lane),
                f"{stage.layer}.{stage.kind.value}",
                ha="center",
                va="center",
            )
    kinds = [kind for kind in _COLOURS if any(stage.kind is kind for stage in compiled.stages)]
    axes.legend(
        [Patch(facecolor=_COLOURS[kind][0], edgecolor="black") for kind in kinds],
        [f"{kind.value}: {_COLOURS[kind][1]}" for kind in kinds],
        loc="upper center",
        bbox_to_anchor=(0.5, -0.18),
        ncols=len(kinds),
        frameon=False,
    )
    axes.set_yticks(range(len(lanes)), list(_LANES.values()))
    axes.invert_yaxis()
    axes.set_xlim(0, shown)
    axes.set_xlabel("cycle")
    part = prediction.bound_by
    axes.set_title(
        f"{compiled.config.rows}x{compiled.config.cols} torus, steady state: "
        f"{prediction.cycles:g} cycles a sample, largest bound {prediction.bounds[part]} "
        f"({part}), "
        f"MAC utilisation {100 * prediction.utilisation:.1f} %"
    )
