"""docs/benchmarks.md: a section for each table, written by the program that measured it."""

import re
from collections.abc import Mapping
from pathlib import Path

from sw_driver.errors import DriverError
from sw_driver.system.files import make_folder, write_text

__all__ = ["check_page", "write_page"]

_HEAD = """# Benchmarks

Each section below stands between marks and is written by the command that it names. A section
whose command is not run again stays as it is. Raw results are kept in `out/bench`; a command
measures again only what has changed.
"""
_MARK = re.compile(r"^<!-- (begin|end) ([\w-]+) -->(?:\n|\Z)", re.M)


def check_page(path: Path) -> None:
    """Refuse a file that is no page, before anything is measured for it.

    Raises
    ------
    DriverError
        If it is there and holds anything but text with whole sections: the message says what.
    """
    _sections(path, _text(path))


def write_page(path: Path, titles: Mapping[str, str], texts: Mapping[str, str]) -> None:
    """Write sections into the page; all else that it holds stays.

    Parameters
    ----------
    path
        Of the page, which need not exist.
    titles
        Of every table there is, by its name, in the order of the page.
    texts
        Markdown of the tables that were run.

    Raises
    ------
    DriverError
        As `check_page`, or if the page cannot be written.
    """
    page = _text(path) or _HEAD
    order = list(titles)
    for name, text in texts.items():
        content = f"## {titles[name]}\n\n    clostorus bench {name}\n\n{text.rstrip()}\n"
        section = f"<!-- begin {name} -->\n{content}<!-- end {name} -->\n"
        places = _sections(path, page)
        # A new section stands before the first of those that come after it.
        later = [places[one][0] for one in order[order.index(name) + 1:] if one in places]
        if name in places:
            start, end = places[name]
            page = page[:start] + section + page[end:]
        elif later:
            page = f"{page[:min(later)]}{section}\n{page[min(later):]}"
        else:
            page = f"{page.rstrip()}\n\n{section}"
    make_folder(path.parent)
    write_text(path, page)


def _text(path: Path) -> str:
    """What a page holds; nothing if it is not there."""
    try:
        return path.read_text(encoding="utf-8") if path.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise DriverError(f"page {path} must be a text file: {error}") from error


def _sections(path: Path, page: str) -> dict[str, tuple[int, int]]:
    """Where each section begins and ends, its marks included."""
    found: dict[str, tuple[int, int]] = {}
    marks = list(_MARK.finditer(page))
    if page.strip() and not marks and not page.startswith(_HEAD):
        raise DriverError(f"page {path} must be one of benchmarks, or a new file, not another text")
    for begin, end in zip(marks[::2], [*marks[1::2], None], strict=False):
        name = begin[2]
        if begin[1] != "begin" or end is None or end.groups() != ("end", name) or name in found:
            raise DriverError(
                f"page {path} must have sections between <!-- begin NAME --> and "
                f"<!-- end NAME -->, each once: {name} has not")
        found[name] = begin.start(), end.end()
    return found
