"""Every figure of the table "Measured" of README.md stands in a page that its command writes."""

import re

import pytest

from tests.support.project import ROOT

TABLE = (ROOT / "README.md").read_text().split("\n## Measured\n")[1].split("\n## ")[0]
NUMBER = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?")
# Which pages have what a command measures, unless the row links to one.
PAGES = {
    "clostorus bench": ("benchmarks", "area"),
    "clostorus experiment": ("papers",),
    "clostorus explore": ("explore",),
    "make fpga-table": ("fpga",),
    "make prove": ("verification",),
    "pytest tests/sim/device/test_cycles.py": ("cycle-model", "verification"),
}


def numbers(text):
    """All numbers of a text as they are written, without commas between thousands."""
    return [number.rstrip(",").replace(",", "") for number in NUMBER.findall(text)]


def rows():
    """(what, figure, by) of each row; a row without a command has that of the row above."""
    found, by = [], ""
    for line in TABLE.splitlines():
        if line.startswith("| ") and not line.startswith("| what |"):
            what, figure, own = (cell.strip() for cell in line.strip("|").split(" | "))
            by = own.rstrip("| ") or by
            found.append((what, figure, by))
    return found


def sources(by):
    """The pages that a row's figures are from."""
    linked = re.findall(r"\]\(docs/([\w-]+)\.md\)", by)
    return linked or next(names for command, names in PAGES.items() if f"`{command}" in by)


def is_rounded(number, others):
    """Whether one of these numbers is this one, or is rounded to it."""
    decimals = len(number.partition(".")[2])
    return any(f"{float(other):.{decimals}f}" == number for other in others
               if len(other.partition(".")[2]) >= decimals)


@pytest.mark.parametrize("what, figure, by", rows(), ids=lambda cell: cell[:40])
def test_a_figure_stands_in_its_page(what, figure, by):
    held = numbers("\n".join((ROOT / "docs" / f"{name}.md").read_text() for name in sources(by)))
    assert not [number for number in numbers(figure) if not is_rounded(number, held)]


def test_rows_are_found():
    assert len(rows()) > 5 and all(figure for _, figure, _ in rows())


def test_a_figure_is_rounded_from_more_digits():
    assert not is_rounded("3.80", numbers("1,380 cycles, 3.8 times, 3.81"))
    assert is_rounded("1380", numbers("1,380 cycles")) and is_rounded("4", numbers("of 3.81,"))
