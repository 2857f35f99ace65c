"""Elements of HTML and SVG as text in which whatever comes from outside is escaped."""

from collections.abc import Iterable, Sequence

from markupsafe import Markup, escape

__all__ = ["Content", "Markup", "details", "facts", "join", "note", "number", "percent", "table",
           "tag"]  # fmt: skip

Content = str | int | float
"""What stands in an element: `Markup` as it is, anything else escaped."""

_VOID = frozenset({"br", "col", "link", "meta"})


def tag(name: str, /, *content: Content, **attributes: Content | None) -> Markup:
    """Return an element.

    Parameters
    ----------
    name
        Of the element.
    content
        What stands in it, one after the other.
    attributes
        `_` at the end of a name is left out, and `_` within it stands for `-`; None leaves an
        attribute out. Floats are written with at most two decimals.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_text(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _VOID:
        return Markup(f"<{name}{written}>")
    return Markup(f"<{name}{written}>{join(content)}</{name}>")


def join(parts: Iterable[Content], between: str = "") -> Markup:
    """Return parts one after the other, escaped unless they are `Markup`."""
    return Markup(between).join(escape(_text(part)) for part in parts)


def number(value: float) -> str:
    """Write a number for people: at most two decimals, and a thin space at every third digit."""
    text = f"{value:,.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else f"{value:,}"
    return text.replace(",", "\u202f")


def percent(part: float) -> str:
    """Write a part of 1: 0.869 is "86.9 %", with a space that does not break."""
    return f"{100 * part:.1f}\u00a0%"


def table(
    header: Sequence[Content], rows: Iterable[Sequence[Content]], caption: str | None = None
) -> Markup:
    """Return a table; all columns but the first are aligned to the right."""
    head = tag("tr", *(tag("th", one, scope="col") for one in header))
    body = [
        tag("tr", tag("th", row[0], scope="row"), *(tag("td", cell) for cell in row[1:]))
        for row in rows
    ]
    title = () if caption is None else (tag("caption", caption),)
    inside = tag("table", *title, tag("thead", head), tag("tbody", *body))
    return tag("div", inside, class_="scroll", tabindex=0, role="region",
               aria_label=caption or "table")  # fmt: skip


def facts(rows: Iterable[tuple[Content, Content]]) -> Markup:
    """Return a list of names and values."""
    pairs = (tag("div", tag("dt", name), tag("dd", value)) for name, value in rows)
    return tag("dl", *pairs, class_="facts")


def details(summary: str, content: Content) -> Markup:
    """Return what is shown when its summary is clicked, and in print."""
    return tag("details", tag("summary", summary), content)


def note(*content: Content) -> Markup:
    """Return a paragraph of explanation."""
    return tag("p", *content, class_="note")


def _text(value: Content) -> Content:
    """A float with at most two decimals; anything else as it is."""
    if isinstance(value, float):
        return f"{value:.2f}".rstrip("0").rstrip(".")
    return value
