"""The net as a picture: the small matrices of each layer, and how they are wired."""

from collections.abc import Sequence

from golden import ClosShape
from golden.layers.dense import LayerShape
from sw_driver.compiled import Compiled
from sw_driver.files.report import LAYER_HEADER, layer_rows
from sw_driver.plan.stage import StageKind
from sw_driver.report.bars import legend
from sw_driver.report.kinds import CLASSES, MEANINGS
from sw_driver.report.markup import Content, Markup, join, note, table, tag
from sw_driver.report.page import Section

__all__ = ["net_section"]

_HIGH, _TOP, _BOX, _STEP, _BETWEEN = 250.0, 34.0, 16.0, 78.0, 64.0
_LAYERS = 3  # To a picture.
_MOST_WIRES = 1500  # Of a stage of wires: more would be a grey area, and is drawn as one.
_KINDS = (StageKind.INPUT, StageKind.MIDDLE, StageKind.OUTPUT)


def net_section(compiled: Compiled) -> Section:
    """Draw the net, with a table of its layers."""
    shapes = compiled.shapes
    kinds = [*_KINDS, StageKind.DENSE]
    there = {kind for shape in shapes for kind in _columns(shape)}
    content = join([
        note("Each box is a small dense matrix, as high as its part of the stage; each line says "
             "that a number goes from one matrix to another. A Clos layer has one line between "
             "any two matrices of neighbouring stages."),
        tag("figure", _pictures(shapes)),
        legend([(CLASSES[kind], MEANINGS[kind]) for kind in kinds if kind in there]),
        table(LAYER_HEADER, layer_rows(compiled)),
    ])  # fmt: skip
    return Section("net", "Net", content)


def _columns(shape: LayerShape) -> dict[StageKind, int]:
    """How many matrices each stage of a layer has."""
    if isinstance(shape, ClosShape):
        counts = (shape.input_routers, shape.middle_routers, shape.output_routers)
        return dict(zip(_KINDS, counts, strict=True))
    return {StageKind.DENSE: 1}


def _pictures(shapes: Sequence[LayerShape]) -> Markup:
    """The layers side by side, so many to a picture that what stands in it can be read."""
    starts = range(0, len(shapes), _LAYERS)
    return join(_picture(shapes[start : start + _LAYERS], start, len(shapes)) for start in starts)


def _picture(shapes: Sequence[LayerShape], start: int, layers: int) -> Markup:
    title = f"Layers {start} to {start + len(shapes) - 1}: the matrices of each stage"
    inside: list[Content] = [tag("title", title)]
    x = 40.0
    inside += _values(x, shapes[0].in_features, "values" if start else "in")
    for index, shape in enumerate(shapes, start):
        x += _BETWEEN
        first, before = x, 0
        boxes: list[Markup] = []
        for kind, count in _columns(shape).items():
            if before:
                inside.append(_wires(x, before, x + _STEP, count))
                x += _STEP
            boxes += _boxes(x, kind, count)
            before = count
        inside += boxes
        name = f"layer {index} {shape}"
        inside.append(tag("text", name, x=(first + x + _BOX) / 2, y=13, class_="middle strong"))
        x += _BETWEEN
        inside += _values(x, shape.out_features, "out" if index == layers - 1 else "values")
    wide, high = round(x + 45), round(_TOP + _HIGH + 24)
    return tag("svg", *inside, viewBox=f"0 0 {wide} {high}", width=wide, role="img",
               aria_label=title, class_="picture")  # fmt: skip


def _values(x: float, count: int, what: str) -> list[Markup]:
    """A thin column for the numbers between two layers."""
    return [
        tag("rect", tag("title", f"{count} numbers"), x=x, y=_TOP, width=5, height=_HIGH, rx=2,
            class_="k6"),
        tag("text", count, x=x + 2.5, y=_TOP + _HIGH + 16, class_="middle strong"),
        tag("text", what, x=x + 2.5, y=_TOP - 6, class_="middle soft small"),
    ]  # fmt: skip


def _boxes(x: float, kind: StageKind, count: int) -> list[Markup]:
    step = _HIGH / count
    high = max(step - min(3.0, step / 4), 0.5)
    said = f"{count} {MEANINGS[kind].partition(', ')[2] or 'dense matrix'}"
    found = [
        tag("rect", tag("title", f"{kind.value} {number} of {count}"), x=x, y=_TOP + step * number,
            width=_BOX, height=high, rx=min(2.0, high / 2), class_=CLASSES[kind])
        for number in range(count)
    ]  # fmt: skip
    count_text = tag("text", tag("title", said), count, x=x + _BOX / 2, y=_TOP + _HIGH + 16,
                     class_="middle small")  # fmt: skip
    name = tag("text", kind.value, x=x + _BOX / 2, y=_TOP - 6, class_="middle soft small")
    return [*found, count_text, name]


def _wires(left: float, before: int, right: float, after: int) -> Markup:
    """Every matrix of one stage to every one of the next."""
    start = left + _BOX
    ends = [[_TOP + _HIGH * (number + 0.5) / count for number in range(count)]
            for count in (before, after)]  # fmt: skip
    if before * after > _MOST_WIRES:
        corners = f"M{start:g} {_TOP:g}L{right:g} {_TOP:g}V{_TOP + _HIGH:g}H{start:g}Z"
        return tag("path", d=corners, class_="box")
    lines = "".join(
        f"M{start:g} {one:.1f}L{right:g} {other:.1f}" for one in ends[0] for other in ends[1]
    )
    return tag("path", d=lines, class_="wire")
