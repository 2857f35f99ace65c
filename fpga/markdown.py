"""Tables in Markdown, and the marks between which a page takes generated text."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from sw_driver.files import write_text

__all__ = ["replace_between_marks", "table_lines"]


def table_lines(header: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """The lines of a table; all columns but the first are numbers."""
    rule = ("---", *("---:" for _ in header[1:]))
    return [f"| {' | '.join(map(str, cells))} |" for cells in (header, rule, *rows)]


def replace_between_marks(page: Path, name: str, text: str) -> None:
    """Put a text between `<!-- begin NAME -->` and `<!-- end NAME -->`, each on its own line.

    Raises
    ------
    ValueError
        The page has no such marks.
    """
    begin, end = (f"<!-- {word} {name} -->" for word in ("begin", "end"))
    former = page.read_text()
    found = re.search(f"{begin}\n(.*?){end}", former, re.S)
    if found is None:
        raise ValueError(f"{page} must have the lines {begin} and {end}")
    write_text(page, former[:found.start(1)] + text + former[found.end(1):])
