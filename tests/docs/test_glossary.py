"""docs/glossary.md: terms in order, and links that lead to what defines them."""

import re

import pytest

from tests.support.pages import anchors
from tests.support.project import ROOT

PAGE = ROOT / "docs" / "glossary.md"
ROWS = [[cell.strip() for cell in line.strip("|").split(" | ")]
        for line in PAGE.read_text().splitlines()
        if line.startswith("| ") and not re.match(r"\| (term|word) \|", line)]
TERMS, MEANINGS = ([row for row in ROWS if len(row) == length] for length in (3, 4))
LINK = re.compile(r"\[[^]]+\]\(([^)#]*)(?:#([^)]*))?\)")


def test_every_row_is_whole():
    assert len(TERMS) > 50 and len(MEANINGS) > 35
    assert len(TERMS) + len(MEANINGS) == len(ROWS)


@pytest.mark.parametrize("rows", [TERMS, MEANINGS], ids=["terms", "meanings"])
def test_terms_stand_in_order(rows):
    terms = [row[0] for row in rows]
    assert terms == sorted(terms, key=str.casefold)


def test_no_term_stands_in_both_tables():
    assert not {row[0] for row in TERMS} & {row[0] for row in MEANINGS}


def test_a_word_with_several_meanings_has_two_at_least():
    words = [row[0] for row in MEANINGS]
    assert min(map(words.count, words)) >= 2


@pytest.mark.parametrize("row", ROWS, ids=lambda row: ", ".join(row[:-2]))
def test_a_term_has_two_sentences(row):
    assert len(re.findall(r"[.!?](?: |$)", row[-2])) == 2


@pytest.mark.parametrize("row", ROWS, ids=lambda row: ", ".join(row[:-2]))
def test_links_lead_to_what_defines_a_term(row):
    links = LINK.findall(row[-1])
    assert links
    for name, anchor in links:
        page = PAGE.parent / name
        assert page.exists()
        assert not anchor or anchor in anchors(page)
    for names, name in re.findall(r"((?:`\w+`(?:, )?)+) in \[[^]]+\]\(([^)#]+)\)", row[-1]):
        text = (PAGE.parent / name).read_text()
        assert not [one for one in re.findall(r"`(\w+)`", names)
                    if not re.search(rf"\b{one}\b", text)]
