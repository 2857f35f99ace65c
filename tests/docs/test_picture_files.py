"""The drawn pictures of docs/ show what the code draws, and every picture can be read by all."""

import re

import pytest

from tests.support.drawn import bars, description, texts
from tests.support.picture_files import FILES, clos_accuracy, training_step
from tests.support.project import ROOT

DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]
PICTURE = re.compile(r"!\[([^\]]*)\]\(([^)]+)\)\n\n([^\n#|`!<][^\n]*)")
STALE = "stale: run python -m tests.support.pictures --write"


def pictures(page):
    """(alternative text, file, first line below) of each picture."""
    text = page.read_text()
    found = PICTURE.findall(text)
    assert len(found) == text.count("!["), "each picture stands alone, with a caption below"
    return [(alt, (page.parent / file).resolve(), below) for alt, file, below in found]


def test_a_training_step_is_that_of_the_cycle_model():
    there, drawn = (DOCS / "training-step.svg").read_bytes(), training_step()
    assert bars(there) and bars(there) == bars(drawn), STALE
    assert texts(there) == texts(drawn), STALE


def test_accuracies_are_those_of_the_tables():
    said = description((DOCS / "clos-accuracy.png").read_bytes())
    assert said == description(clos_accuracy()), STALE
    assert "each point: mean of 5 seeds; its bar: from the lowest to the highest of them" in said
    assert len(said) == 1 + 2 * len(("dense", "narrow", "low-rank", "pruned", "Clos"))
    assert "mnist10k, dense: 203530: 95.68 (95.55 to 95.80)" in said


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_pictures_have_words_for_all(page):
    """A text in their place, of some words, and a sentence below that says how to read them."""
    for alt, _, below in pictures(page):
        assert len(alt.split()) >= 3
        assert len(below.split()) >= 6 and below[0].isupper()


def test_no_picture_is_left_over():
    shown = {file for page in PAGES for _, file, _ in pictures(page)}
    there = {file for ending in ("svg", "png") for file in DOCS.glob(f"*.{ending}")}
    assert shown == there and {DOCS / name for name in FILES} <= there


@pytest.mark.parametrize("file", sorted(DOCS.glob("*.svg")), ids=lambda file: file.stem)
def test_vector_pictures_have_a_background(file):
    """Dark letters on a dark page could not be read."""
    assert re.search(r'fill(="|: )(white|#ffffff)', file.read_text())
