"""Tables in Markdown, and the marks between which a page takes generated text."""

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path

from fpga.errors import BoardError
from sw_driver.system.files import write_text

__all__ = ["cells_by_row", "notes_by_row", "replace_between_marks", "table_lines",
           "text_between_marks"]

_RULE = re.compile(r"\|( -+:? \|)+")
_NOTE = re.compile(r"- (.+?): ")


def table_lines(header: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """The lines of a table; all columns but the first are numbers."""
    rule = ("---", *("---:" for _ in header[1:]))
    return [f"| {' | '.join(map(str, cells))} |" for cells in (header, rule, *rows)]


def cells_by_row(text: str) -> dict[str, dict[str, str]]:
    """What the tables of a text say: by the first cell of each row, by the names of columns."""
    found: dict[str, dict[str, str]] = {}
    columns: list[str] = []
    for line, following in pairwise([*text.splitlines(), ""]):
        if not line.startswith("|"):
            columns = []
        elif _RULE.fullmatch(following):
            columns = _cells(line)
        elif columns and not _RULE.fullmatch(line):
            title, *cells = _cells(line)
            found.setdefault(title, {}).update(zip(columns[1:], cells, strict=False))
    return found


def notes_by_row(text: str) -> dict[str, list[str]]:
    """The lines of a text that say something of one row: `- ROW: ...`, by the row."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        note = _NOTE.match(line)
        if note:
            found.setdefault(note[1], []).append(line)
    return found


def text_between_marks(page: Path, name: str) -> str:
    """The text between `<!-- begin NAME -->` and `<!-- end NAME -->`, each on its own line.

    Raises
    ------
    BoardError
        The page cannot be read, or has no such marks.
    """
    text, start, end = _found(page, name)
    return text[start:end]


def replace_between_marks(page: Path, name: str, text: str) -> None:
    """Put a text in the place of that between marks.

    Raises
    ------
    BoardError
        As `text_between_marks`.
    DriverError
        The page cannot be written.
    """
    former, start, end = _found(page, name)
    write_text(page, former[:start] + text + former[end:])


def _found(page: Path, name: str) -> tuple[str, int, int]:
    begin, end = (f"<!-- {word} {name} -->" for word in ("begin", "end"))
    try:
        text = page.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BoardError(f"{page} must be a page to write tables to: {error}") from error
    found = re.search(f"{begin}\n(.*?){end}", text, re.S)
    if found is None:
        raise BoardError(f"{page} must have the lines {begin} and {end}")
    return text, *found.span(1)


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]
