"""The colour and the meaning of each kind of stage, the same in all pictures of a page."""

from collections.abc import Iterable

from sw_driver.plan.stage import Stage, StageKind
from sw_driver.report.bars import legend
from sw_driver.report.markup import Markup

__all__ = ["CLASSES", "MEANINGS", "kind_legend"]

CLASSES = {kind: f"k{number}" for number, kind in enumerate(StageKind)}
"""The class of the page's style that has the colour of a kind."""

MEANINGS = {
    StageKind.INPUT: "H1, input blocks",
    StageKind.MIDDLE: "V, middle blocks",
    StageKind.OUTPUT: "H2, output blocks",
    StageKind.DENSE: "dense layer",
    StageKind.SUM: "sums of partial sums",
    StageKind.MOVE: "move between layers",
    StageKind.RESULT: "results to the host",
}


def kind_legend(stages: Iterable[Stage]) -> Markup:
    """Say what the colours of the kinds of these stages mean."""
    there = {stage.kind for stage in stages}
    return legend([(CLASSES[kind], MEANINGS[kind]) for kind in StageKind if kind in there])
