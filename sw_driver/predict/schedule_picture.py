"""A picture of the steady state: what the rings, the MAC and the host do, cycle by cycle."""

# pyright: basic
# Matplotlib's own types have gaps, which the strict rules would lay at our door.

import io
from collections.abc import Sequence
from typing import Any

from golden.system.extras import needs
from sw_driver.compiled import Compiled
from sw_driver.plan.order import delays
from sw_driver.plan.stage import StageKind
from sw_driver.plan.tasks import Direction
from sw_driver.predict.steady_spans import SteadySpan, steady_spans
from sw_driver.predict.training_cycles import predict_training_steady

with needs("experiments"):
    from matplotlib import rc_context
    from matplotlib.axes import Axes
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.colors import to_rgb
    from matplotlib.figure import Figure
    from matplotlib.legend_handler import HandlerTuple
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

__all__ = ["schedule_svg"]

_LANES = {
    "host_in": "host input",
    "row": "row ring",
    "col": "column ring",
    "mac": "MAC",
    "host_out": "host output",
}
_TRAINING_LANES = {
    "host_in": "host input",
    "row": "row ring",
    "col": "column ring",
    "mac": "MAC, forward",
    "mac_back": "MAC, back",
    "host_out": "host output",
}
_COLOURS = {
    StageKind.INPUT: ("#4e79a7", "input blocks"),
    StageKind.MIDDLE: ("#f28e2b", "middle blocks"),
    StageKind.OUTPUT: ("#59a14f", "output blocks"),
    StageKind.DENSE: ("#edc948", "dense layer"),
    StageKind.SUM: ("#e15759", "sums of partial sums"),
    StageKind.MOVE: ("#b07aa1", "move between layers"),
    StageKind.RESULT: ("#9c9c9c", "results to the host"),
}
_GRADIENT = "#e15759"
_WHITE_PART = 0.55  # Of the colour of samples that are paler than others.
_WORKS, _WAITS = 0.8, 0.16  # Heights of bars.
_TURNS = 2
_STEPS = 1.06  # Training steps shown: the next one has begun.
# Text stays text, and ids in the file do not change from one run to the next.
_SETTINGS: dict[Any, Any] = {"svg.fonttype": "none", "svg.hashsalt": "clostorus", "font.size": 8}
_LETTER_PART = 0.0065  # Of the picture's width; a bar with no room for its name has none.


def schedule_svg(compiled: Compiled) -> bytes:
    """Draw the steady state as SVG; the same net makes the same bytes.

    Two turns are shown; of a net that trains, one training step, with a host that sends the
    gradient in the cycle after the last output. The engines are those of the last PE of the last
    row. Bars are called LANE_LAYER.STAGE_START_END in the file; the legend says what colours,
    shades and heights mean.
    """
    with rc_context(_SETTINGS):
        figure = Figure(figsize=(11, 3.6), layout="constrained")
        FigureCanvasSVG(figure)
        _draw(figure.add_subplot(), compiled)
        file = io.BytesIO()
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    return file.getvalue()


def _draw(axes: Axes, compiled: Compiled) -> None:
    cycles, shown, title = _measures(compiled)
    lanes = _TRAINING_LANES if compiled.trains else _LANES
    # Samples before and after those that begin in the window reach into it.
    plan = compiled.plan
    around = max(delays(plan.order, plan.extra_turns)) + 1
    spans = steady_spans(compiled, 2 * around + _TURNS + _samples_ahead(compiled))
    origin = next(span.start for span in spans if span.lane == "row" and span.step.sample == around)
    for span in spans:
        if span.start < origin + shown and span.end > origin:
            pale = (span.step.sample - around) % 2 == 1
            _draw_span(axes, compiled, span, origin, shown, list(lanes), pale=pale)
    legend: dict[str, Any] = {
        f"{kind.value}: {meaning}": Patch(color=colour)
        for kind, (colour, meaning) in _COLOURS.items()
        if any(stage.kind is kind for stage in compiled.stages)
    }
    others = "every second sample"
    if compiled.trains:
        legend["dy: gradient from the host"] = Patch(color=_GRADIENT)
        start, end = _between(spans, around)
        legend[f"outputs leave, dy comes: {end - start} cycles"] = axes.axvspan(
            start - origin, end - origin, color="#e4e4e4", linewidth=0, zorder=0
        )
        legend["the next sample begins"] = axes.axvline(
            cycles, color="black", linestyle="--", linewidth=1, zorder=0
        )
        others = "the samples before and after"
    black = Patch(color="black")
    legend[f"paler: {others}"] = black, Patch(color=_paler("black"))
    legend["thin: the engine waits"] = black, Line2D([], [], color="black", linewidth=2)
    axes.set_yticks(range(len(lanes)), list(lanes.values()))
    axes.set_ylim(len(lanes) - 0.5, -0.5)
    axes.set_xlim(0, shown)
    axes.set_xlabel("cycle")
    axes.set_title(f"{compiled.config.rows}x{compiled.config.cols} torus, {title}")
    axes.legend(
        legend.values(),
        legend.keys(),
        loc="upper center",
        bbox_to_anchor=(0.5, -0.18),
        ncols=-(-len(legend) // 2),
        frameon=False,
        handler_map={tuple: HandlerTuple(ndivide=None, pad=0)},
    )


def _measures(compiled: Compiled) -> tuple[float, float, str]:
    """Cycles of a sample, cycles that are shown, and what the title says of them."""
    if compiled.trains:
        training = predict_training_steady(compiled)
        cycles, utilisation = training.cycles, training.utilisation
        what = "a training step of a batch" if compiled.batches else "one training step"
        title = f"{what}: {cycles:g} cycles a sample, MAC steps in {training.steps} of them"
        shown = _STEPS * cycles
    else:
        prediction = compiled.prediction
        cycles, utilisation, part = prediction.cycles, prediction.utilisation, prediction.bound_by
        title = (
            f"steady state: {cycles:g} cycles a sample, largest bound {prediction.bounds[part]} "
            f"({part})"
        )
        shown = _TURNS * cycles
    return cycles, shown, f"{title}, MAC utilisation {100 * utilisation:.1f} %"


def _samples_ahead(compiled: Compiled) -> int:
    """How many samples' inputs may wait in the gateways."""
    config, first = compiled.config, compiled.stages[0]
    beats = len(first.visits) * -(-first.words // config.beat_words)
    return 1 + config.host_fifo_beats // beats


def _paler(colour: str) -> tuple[float, float, float]:
    red, green, blue = (part + (1 - part) * _WHITE_PART for part in to_rgb(colour))
    return red, green, blue


def _draw_span(
    axes: Axes,
    compiled: Compiled,
    span: SteadySpan,
    origin: int,
    shown: float,
    lanes: Sequence[str],
    *,
    pale: bool,
) -> None:
    """Draw one, from `origin` on: a thin bar, high where the engine works, and its name."""
    stage, direction = compiled.stages[span.step.task.stage], span.step.task.direction
    colour, name = _COLOURS[stage.kind][0], f"{stage.layer}.{stage.kind.value}"
    if direction is Direction.GRADIENT:
        colour, name = _GRADIENT, "dy"
    back = span.lane == "mac" and direction is Direction.BACKWARD
    lane = "mac_back" if back else span.lane
    y, start, end = lanes.index(lane), span.start - origin, span.end - origin
    style: dict[str, Any] = {"facecolor": _paler(colour) if pale else colour, "linewidth": 0}
    working = [(first - origin, last - first) for first, last in span.working]
    name_of_bar = f"{lane}_{name}_{start}_{end}"
    axes.broken_barh([(start, end - start)], (y - _WAITS / 2, _WAITS), gid=name_of_bar, **style)
    axes.broken_barh(working, (y - _WORKS / 2, _WORKS), **style)
    # The name stands where the engine works, as far as that is in sight.
    ends = span.working or (span,)
    first, last = max(ends[0].start - origin, 0), min(ends[-1].end - origin, shown)
    if last - first > _LETTER_PART * len(name) * shown:
        axes.text((first + last) / 2, y, name, ha="center", va="center")


def _between(spans: Sequence[SteadySpan], sample: int) -> tuple[int, int]:
    """From the last step forward of a sample to its first one back."""
    found = [span for span in spans if span.step.sample == sample and span.lane == "mac"]
    return (
        max(span.end for span in found if span.step.task.direction is Direction.FORWARD),
        min(span.start for span in found if span.step.task.direction is Direction.BACKWARD),
    )
