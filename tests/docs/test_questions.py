"""What a stranger asks is answered within three clicks from README.md, and from docs/index.md."""

import re

import pytest

from tests.support.pages import section
from tests.support.project import ROOT

# Question: the links to click, page by page, and what the text behind the last one must say.
FROM_README = {
    "where is a word rounded?": (["docs/arithmetic.md#where-is-a-word-rounded"], r"end of each"),
    "which block rounds it?": (["hw/mac/requantise.py"], r"half to even"),
    "which test covers hw/ring/hop.py?": (
        ["tests/hw/blocks.md"], r"\| `hw/ring/hop.py` \| `Hop` \| `tests/hw/ring/test_\w+.py::\w+"),
    "how do I add a board?": (
        ["docs/CONTRIBUTING.md#a-board", "../fpga/boards.py"], r"BOARDS = \{.*_ecp5\("),
    "what does landed mean?": (["docs/glossary.md"], r"\| landed \| .*has been written to"),
    "which signal is landed?": (["docs/glossary.md", "../hw/ring/sides.py"], r"landed : Out\(1\)"),
    "why can a program not lock up?": (
        ["docs/architecture.md#why-nothing-locks-up"], r"lock.*no cycle"),
    "who checks that?": (["docs/glossary.md", "../sw_driver/check/waits.py"], r"wait"),
}
FROM_INDEX = {
    "where is a word rounded?": (["arithmetic.md#where-is-a-word-rounded"], r"end of each"),
    "which test covers hw/ring/hop.py?": (["../tests/hw/blocks.md"], r"\| `hw/ring/hop.py` \|"),
    "how do I add a board?": (["CONTRIBUTING.md#a-board"], r"BOARDS"),
    "what does landed mean?": (["glossary.md"], r"\| landed \|"),
    "why can a program not lock up?": (["architecture.md#why-nothing-locks-up"], r"no cycle"),
}


def behind(page, link):
    """The page that a link of a page leads to, and its text: that of a section if it names one."""
    assert f"]({link})" in page.read_text(), f"{page.name} has no link to {link}"
    name, _, anchor = link.partition("#")
    target = (page.parent / name).resolve()
    return target, section(target, anchor) if anchor else target.read_text()


@pytest.mark.parametrize("first, questions", [("README.md", FROM_README),
                                              ("docs/index.md", FROM_INDEX)],
                         ids=["README", "index"])
def test_an_answer_is_at_most_three_clicks_away(first, questions):
    for question, (links, answer) in questions.items():
        assert len(links) <= 3
        page = ROOT / first
        for link in links:
            page, text = behind(page, link)
        assert re.search(answer, text, re.S), question
