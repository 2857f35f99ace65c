"""A heat map: how much of the time each MAC works, and each link moves a word."""

from sw_driver.compiled import Compiled
from sw_driver.cycle_model import Use
from sw_driver.report.grid import Grid, grid_of, picture
from sw_driver.report.markup import (
    Content,
    Markup,
    details,
    join,
    note,
    number,
    percent,
    table,
    tag,
)
from sw_driver.report.page import Section

__all__ = ["heat_section"]

_DARK = 0.55  # From here on words on a colour have that of the paper.


def heat_section(compiled: Compiled, use: Use) -> Section:
    """Draw the use of a steady state.

    Parameters
    ----------
    compiled
        A net for inference.
    use
        What `sw_driver.predict.use.steady_use` counted.
    """
    grid = grid_of(compiled.config, 0.42, 92.0)

    def pe(row: int, col: int) -> list[Content]:
        return _pe(grid, use, row, col)

    title = "The part of the time that each MAC works and each link moves a word"
    content = join([
        note(f"Counted by the cycle model over {number(use.cycles)} cycles of the steady state. "
             "The colour of a box is the part of the time in which its MAC does a step, padding "
             "included; that of a line the part in which the link moves a word. A row ring goes "
             "from its gateway G through its PEs and back to G, which is drawn at both ends; a "
             "column ring goes down its column, and from the last row to the first."),
        tag("figure", picture(grid, title, pe, _links(grid, use))),
        _scale(),
        _host(compiled, use),
        _tables(use),
    ])  # fmt: skip
    return Section("heat", "Use of MACs and links", content)


def _part(count: int, use: Use) -> float:
    return count / use.cycles if use.cycles else 0.0


def _pe(grid: Grid, use: Use, row: int, col: int) -> list[Content]:
    x, y = grid.place(row, col)
    part = _part(use.macs[row][col], use)
    box = tag("rect", x=x, y=y, width=grid.side, height=grid.side, rx=min(4.0, grid.side / 8),
              class_="hot", fill_opacity=part)  # fmt: skip
    title = tag("title", f"PE {row}, {col}: its MAC works {percent(part)} of the time")
    found: list[Content] = [title, box] if grid.labelled else [box]
    if grid.labelled:
        small = "" if grid.side > 52 else " tiny" if grid.side < 36 else " small"
        words = f"{100 * part:.0f}\u00a0%" if grid.side > 26 else f"{100 * part:.0f}"
        found.append(tag("text", words, x=x + grid.side / 2, y=y + grid.side / 2 + 4,
                         class_=f"middle{' onhot' if part > _DARK else ''}{small}"))  # fmt: skip
    return found


def _links(grid: Grid, use: Use) -> list[Content]:
    """All links, and the gateways."""
    gap, side = grid.step - grid.side, grid.side
    found: list[Content] = []
    for row in range(grid.rows):
        left, top = grid.place(row, 0)
        middle = top + side / 2
        for col in range(grid.cols + 1):
            x = grid.place(row, col)[0]
            where = (
                f"row {row}, gateway to PE {row}, 0" if col == 0
                else f"row {row}, PE {row}, {col - 1} to "
                + ("its gateway" if col == grid.cols else f"PE {row}, {col}")
            )  # fmt: skip
            start = left - gap if col == 0 else x - gap
            found += _link(grid, use.rows[row][col], use, where, start, middle, gap, True)
        size = min(28.0, side)
        for x in (left - gap - size, grid.place(row, grid.cols)[0]):  # The same one at both ends.
            gateway = tag("rect", x=x, y=middle - size / 2, width=size, height=size, rx=size / 2,
                          class_="box")  # fmt: skip
            text = tag("text", "G", x=x + size / 2, y=middle + 4, class_="middle soft")
            found.append(tag("g", tag("title", f"gateway of row {row}"), gateway, text))
    for row in range(grid.rows):
        for col in range(grid.cols):
            x, y = grid.place(row, col)
            before = (row - 1) % grid.rows
            where = f"column {col}, PE {before}, {col} to PE {row}, {col}"
            found += _link(grid, use.cols[row][col], use, where, x + side / 2, y - gap, gap, False)
    return found


def _link(
    grid: Grid, count: int, use: Use, where: str, x: float, y: float, long: float, across: bool
) -> list[Content]:
    """A line that is `long`, from (x, y) to the right or down, with its part of the time."""
    part = _part(count, use)
    ends = {"x1": x, "y1": y, "x2": x + long if across else x, "y2": y if across else y + long}
    wide = max(min(10.0, grid.side / 5), 2.0)
    flow = tag("line", **ends, class_="flow", stroke_opacity=part, stroke_width=wide)
    if not grid.labelled:
        return [flow]
    found: list[Content] = [tag("line", **ends, class_="link", stroke_width=wide), flow]
    if grid.side > 40:
        words = f"{100 * part:.0f}\u00a0%"
        middle = (x + long / 2, y - wide) if across else (x + wide, y + long / 2 + 4)
        style = "middle small soft" if across else "small soft"
        found.append(tag("text", words, x=middle[0], y=middle[1], class_=style))
    title = tag("title", f"{where}: a word in {percent(part)} of the cycles")
    return [tag("g", title, *found)]


def _scale() -> Markup:
    """What the colours mean: five steps from 0 to 100 %."""
    steps = (
        tag("li",
            tag("svg", tag("rect", width=12, height=12, class_="box"),
                tag("rect", width=12, height=12, class_="hot", fill_opacity=step / 4),
                viewBox="0 0 12 12", class_="swatch", aria_hidden="true"),
            f"{25 * step}\u00a0%")
        for step in range(5)
    )  # fmt: skip
    return tag("ul", *steps, class_="legend")


def _host(compiled: Compiled, use: Use) -> Markup:
    bits = compiled.config.host_bits
    return note(
        f"The host stream of {bits} bits gives a beat in {percent(_part(use.host_in, use))} of "
        f"the cycles, and takes one in {percent(_part(use.host_out, use))} of them."
    )


def _tables(use: Use) -> Markup:
    rows, cols = len(use.macs), len(use.macs[0])
    macs = table(
        ("row", *(f"column {col}" for col in range(cols))),
        [(row, *(percent(_part(one, use)) for one in line)) for row, line in enumerate(use.macs)],
        "the part of the time that each MAC works",
    )
    row_links = table(
        ("row", *(f"to PE {col}" for col in range(cols)), "to the gateway"),
        [(row, *(percent(_part(one, use)) for one in line)) for row, line in enumerate(use.rows)],
        "the part of the cycles in which each link of a row ring moves a word",
    )
    col_links = table(
        ("to row", *(f"column {col}" for col in range(cols))),
        [(row, *(percent(_part(one, use)) for one in use.cols[row])) for row in range(rows)],
        "the part of the cycles in which each link of a column ring moves a word",
    )
    return details("The same as tables", join([macs, row_links, col_links]))
