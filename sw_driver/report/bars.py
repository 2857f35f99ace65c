"""Bars of numbers, each with its name and its value, as SVG."""

from collections.abc import Sequence
from typing import NamedTuple

from sw_driver.report.markup import Content, Markup, tag

__all__ = ["Bar", "bars", "legend"]

WIDTH = 760
_NAME, _VALUE, _ROW, _HIGH = 190, 150, 26, 16
_ROOM = WIDTH - _NAME - _VALUE


class Bar(NamedTuple):
    """One bar of parts that lie one after the other.

    Attributes
    ----------
    name, value
        What stands before it and behind it.
    parts
        Length, class of its colour, and what is said when the pointer is over it.
    """

    name: str
    value: str
    parts: Sequence[tuple[float, str, str]]


def bars(found: Sequence[Bar], title: str, most: float, mark: float | None = None,
         mark_name: str = "") -> Markup:  # fmt: skip
    """Draw bars of a common scale.

    Parameters
    ----------
    found
        From top to bottom.
    title
        What the picture shows, for who cannot see it.
    most
        The length that fills the width; more than 0.
    mark, mark_name
        A length at which a line crosses all bars, and what it is.
    """
    top = 18 if mark is not None else 2
    height = top + _ROW * len(found) + 2
    inside: list[Content] = [tag("title", title)]
    for row, bar in enumerate(found):
        y = top + _ROW * row
        middle = y + _ROW / 2 + 4
        inside.append(tag("text", bar.name, x=_NAME - 8, y=middle, class_="end"))
        x = float(_NAME)
        for length, kind, said in bar.parts:
            wide = _ROOM * length / most
            if wide > 0:
                inside.append(
                    tag("rect", tag("title", said), x=x, y=y + (_ROW - _HIGH) / 2,
                        width=max(wide, 0.75), height=_HIGH, class_=kind)
                )  # fmt: skip
            x += wide
        inside.append(tag("text", bar.value, x=min(x, _NAME + _ROOM) + 8, y=middle, class_="value"))
    if mark is not None:
        x = _NAME + _ROOM * mark / most
        inside.append(tag("line", x1=x, x2=x, y1=top - 3, y2=height, class_="mark"))
        inside.append(tag("text", mark_name, x=x, y=11, class_="middle strong"))
    return tag("svg", *inside, viewBox=f"0 0 {WIDTH} {height}", width=WIDTH, role="img",
               aria_label=title, class_="chart")  # fmt: skip


def legend(entries: Sequence[tuple[str, str]]) -> Markup:
    """Say what colours mean: pairs of a class and a text."""
    items = (
        tag("li", tag("svg", tag("rect", width=12, height=12, class_=kind), viewBox="0 0 12 12",
                      aria_hidden="true", class_="swatch"), text)
        for kind, text in entries
    )  # fmt: skip
    return tag("ul", *items, class_="legend")
