"""Where the net lies on the torus: the weights that each PE holds of each stage."""

import numpy as np

from sw_driver.arrays import IntArray
from sw_driver.compiled import Compiled
from sw_driver.plan.clos import LayerPlacement
from sw_driver.plan.placement import Placed
from sw_driver.plan.stage import COPIES, Stage
from sw_driver.report.grid import Grid, grid_of, picture
from sw_driver.report.kinds import CLASSES, kind_legend
from sw_driver.report.markup import Content, Markup, details, join, note, number, table, tag
from sw_driver.report.page import Section

__all__ = ["held_weights", "made_values", "placement_section"]

# What the name of a bar needs, in units of the picture: of the PE, of the bar, and of a letter.
_NAMED_SIDE, _NAMED_STEP, _LETTER = 90, 12, 6.0
_MOST_ROWS = 256  # Of a table of PEs.


def held_weights(stage: Stage) -> IntArray:
    """[R, C]: the weights of the net that each PE holds for a stage, padding left out."""
    outputs = (stage.results >= 0).sum(axis=3)
    words = (stage.summed[stage.visits] >= 0).sum(axis=3)
    return (outputs * words).sum(axis=0)


def made_values(stage: Stage) -> IntArray:
    """[R, C]: the values that each PE computes in a stage, padding left out."""
    return (stage.results >= 0).sum(axis=(0, 3))


def placement_section(compiled: Compiled) -> Section:
    """Draw which PE holds how much of each stage, with tables of the numbers and of the blocks."""
    stages = [stage for stage in compiled.stages if stage.outputs and stage.kind not in COPIES]
    held = [held_weights(stage) for stage in stages]
    grid = grid_of(compiled.config, 0.14, 30.0)
    most = max(int(one.max()) for one in held)

    def pe(row: int, col: int) -> list[Content]:
        return _pe(grid, stages, held, most, row, col)

    title = "The weights that each PE holds of each stage"
    content = join([
        note("A box is a PE. A bar in it is as long as the PE has weights of that stage; the "
             f"longest one stands for {number(most)}. From top to bottom they are of "
             f"{', '.join(stage.name for stage in stages)}."),
        tag("figure", picture(grid, title, pe, _labels(grid))),
        kind_legend(stages),
        _table(stages, held, grid),
        _blocks(compiled),
    ])  # fmt: skip
    return Section("placement", "Placement on the torus", content)


def _labels(grid: Grid) -> list[Content]:
    if not grid.labelled:
        return []
    columns = (
        tag("text", f"column {col}" if grid.step > 60 else col, x=grid.place(0, col)[0]
            + grid.side / 2, y=grid.top - 10, class_="middle soft small")
        for col in range(grid.cols)
    )  # fmt: skip
    rows = (
        tag("text", row, x=grid.left - 10, y=grid.place(row, 0)[1] + grid.side / 2 + 4,
            class_="end soft small")
        for row in range(grid.rows)
    )  # fmt: skip
    corner = tag("text", "row", x=grid.left - 10, y=grid.top - 10, class_="end soft small")
    return [corner, *columns, *rows]


def _pe(
    grid: Grid, stages: list[Stage], held: list[IntArray], most: int, row: int, col: int
) -> list[Content]:
    """A bar for each stage, and in words what the bars stand for."""
    x, y = grid.place(row, col)
    edge = grid.side * 0.06
    step = (grid.side - 2 * edge) / len(stages)
    said = [f"PE {row}, {col}"]
    found: list[Content] = []
    for index, (stage, weights) in enumerate(zip(stages, held, strict=True)):
        count, values = int(weights[row, col]), int(made_values(stage)[row, col])
        said.append(f"{stage.name}: {count} weights, makes {values} values")
        wide = (grid.side - 2 * edge) * count / most
        top = y + edge + step * index
        if count:
            found.append(tag("rect", x=x + edge, y=top + step * 0.1, width=wide,
                             height=step * 0.8, class_=CLASSES[stage.kind]))  # fmt: skip
        if grid.side > _NAMED_SIDE and step > _NAMED_STEP:
            name = f"{stage.layer} {stage.kind.value}: {number(count)}"
            inside = wide > _LETTER * len(name) + 6
            found.append(
                tag("text", name, x=x + edge + (4 if inside else wide + 4), y=top + step / 2 + 3.5,
                    class_="small onbar" if inside else "small soft")
            )  # fmt: skip
    return [tag("title", "\n".join(said)), *found] if grid.labelled else found


def _table(stages: list[Stage], held: list[IntArray], grid: Grid) -> Markup:
    if grid.rows * grid.cols > _MOST_ROWS:
        return Markup()
    header = ["PE", *(stage.name for stage in stages), "all"]
    rows = [
        [f"{row}, {col}", *(number(int(one[row, col])) for one in held),
         number(int(sum(one[row, col] for one in held)))]
        for row in range(grid.rows) for col in range(grid.cols)
    ]  # fmt: skip
    rows.append(["all", *(number(int(one.sum())) for one in held),
                 number(int(sum(one.sum() for one in held)))])  # fmt: skip
    return details("The weights of each PE, as a table",
                   table(header, rows, "weights of the net, padding left out"))  # fmt: skip


def _blocks(compiled: Compiled) -> Markup:
    """Which blocks of each layer lie in which row or column."""
    rows = [row for index, layer in enumerate(compiled.layers) for row in _lines(index, layer)]
    return details("Which blocks lie where, as a table",
                   table(("layer", "blocks", "line of the torus", "numbers of the blocks"), rows))


def _lines(index: int, layer: Placed) -> list[tuple[Content, ...]]:
    slots: list[tuple[str, str, IntArray]] = []
    if isinstance(layer, LayerPlacement):
        slots = [("input", "row", layer.input_slots), ("middle", "column", layer.middle_slots),
                 ("output", "row", layer.handover.output_slots)]  # fmt: skip
    else:
        neurons = np.moveaxis(layer.handover.neurons, 1, 0)
        return [(f"layer {index}", "outputs", f"row {row}", _ranges(np.unique(line)))
                for row, line in enumerate(neurons)]  # fmt: skip
    return [
        (f"layer {index}", name, f"{axis} {place}", _ranges(line))
        for name, axis, lines in slots
        for place, line in enumerate(lines)
    ]


def _ranges(numbers: IntArray) -> str:
    """Numbers in words, runs as their ends: "0 to 6, 14"; -1 is none."""
    found: list[tuple[int, int]] = []
    for one in sorted(int(block) for block in numbers.ravel() if block >= 0):
        if found and one <= found[-1][1] + 1:
            found[-1] = found[-1][0], one
        else:
            found.append((one, one))
    return ", ".join(str(a) if a == b else f"{a} to {b}" for a, b in found) or "none"
