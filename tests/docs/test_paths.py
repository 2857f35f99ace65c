"""Files and folders that the pages name are there."""

import re

import pytest

from tests.support.pages import PAGES, anchors
from tests.support.project import ROOT

# What a page may leave out of a path: docs/papers.md speaks of `golden` alone.
BELOW = {"papers.md": ("", "golden/")}
NAMED = re.compile(r"`([\w./-]+(?:\.(?:py|cpp|h|v|vlt|md|svg)|/))`")
# What users make, and what other projects have.
MADE = {"build/", "build/proofs/", "build/export/", "out/", "out/bench/", "out/fpga/", "models.v",
        "schedule.svg", "test_clostorus.py", "host.py", "front.svg", "netlist.v", "memories.v"}
NAMES = {path.name for folder in ("clostorus", "hw", "golden", "sw_driver", "sim", "fpga", "tests",
                                  "docs")
         for path in (ROOT / folder).rglob("*")}


def named(page):
    text = re.sub(r"^- .*\bbefore\b.*$", "", page.read_text(), flags=re.M)
    return sorted(set(NAMED.findall(text)) - MADE)


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "changelog.md"],
                         ids=lambda page: page.stem)
def test_what_a_page_names_is_there(page):
    places = BELOW.get(page.name, ("",))
    assert not [name for name in named(page)
                if not any((ROOT / below / name).exists() for below in places)
                and ("/" in name.rstrip("/") or name.rstrip("/") not in NAMES)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page):
    links = [link for link in re.findall(r"\]\(([^)]+)\)", page.read_text()) if "://" not in link]
    for name, _, anchor in (link.partition("#") for link in links):
        target = page.parent / name if name else page
        assert target.exists()
        assert not anchor or anchor in anchors(target), f"{name} has no heading {anchor}"


def test_some_are_found():
    assert len([name for page in PAGES for name in named(page)]) > 100
