"""The figures of the summary of docs/benchmarks.md are those of the sections that it names."""

import re

import pytest

from tests.support.project import ROOT

DOCS = ROOT / "docs"
PAGE = DOCS / "benchmarks.md"
SUMMARY = PAGE.read_text().split("\n## Summary\n")[1].split("\n<!-- begin ")[0]
ROWS = [[cell.strip() for cell in line.strip("|").split(" | ")]
        for line in SUMMARY.splitlines() if line.startswith("| [")]
LINK = re.compile(r"\[[^]]+\]\(([\w.-]*)#?([\w-]*)\)")
NUMBER = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?")
SHAPE = re.compile(r"\(\d+(?:, \d+)+\)")


def section(page, anchor):
    """The text below the heading that has an anchor, up to the next one; all without an anchor."""
    text = page.read_text()
    if not anchor:
        return text
    parts = re.split(r"^#+ (.*)$", text, flags=re.M)
    named = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-"): part
             for heading, part in zip(parts[1::2], parts[2::2], strict=True)}
    return named[anchor]


def numbers(text):
    """The numbers of a text, less those that are shapes of layers."""
    return [one.rstrip(",").replace(",", "") for one in NUMBER.findall(SHAPE.sub("", text))]


def missing(result, text):
    """The numbers of a result that no number of the text is, or is rounded to."""
    there = list(map(float, numbers(text)))

    def found(number):
        places = len(number.partition(".")[2])
        return any(f"{one:.{places}f}" == number for one in there)

    return [number for number in numbers(result) if not found(number)]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: LINK.search(row[0])[0])
def test_a_result_stands_in_the_section_that_the_row_names(row):
    what, result, _, command = row
    name, anchor = LINK.search(what).groups()
    text = section(DOCS / name if name else PAGE, anchor)
    if not name:
        assert f"\n    {command.strip('`')}\n" in text
    shapes = SHAPE.findall(what)
    if shapes:
        text = "\n".join(line for line in text.splitlines() if any(one in line for one in shapes))
    assert not missing(result, text)


def test_every_row_has_all_cells_and_every_section_a_row():
    assert all(len(row) == 4 and all(row) for row in ROWS)
    titles = re.findall(r"^<!-- begin ([\w-]+) -->$", PAGE.read_text(), re.M)
    commands = {row[3].strip("`") for row in ROWS}
    assert not [title for title in titles if f"clostorus bench {title}" not in commands]


def test_a_figure_that_is_not_there_is_missing():
    assert missing("3.8 times, 12,826 words", "| 3.79 | 12826 |") == []
    assert missing("3.8 times, 12,826 words", "| 3.9 | 12825 |") == ["3.8", "12826"]
