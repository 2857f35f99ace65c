"""docs/experiments.md says what its rows say, and names every experiment."""

import pytest

from sim.measure.markdown import text_between_marks
from sw_driver.experiments.catalogue import EXPERIMENTS
from tests.support.drawn import description
from tests.support.experiment_pages import PAGE, ROWS, page_text, report


@pytest.mark.parametrize("name", sorted(ROWS))
def test_reports_are_those_of_the_rows(name, tmp_path):
    stale = "stale: run python -m tests.support.experiment_pages --write"
    found = report(name)
    assert text_between_marks(PAGE, name) == page_text(found.text), stale
    drawn = tmp_path / "drawn.png"
    drawn.write_bytes(next(iter(found.pictures.values())))
    there = (PAGE.parent / f"{name}.png").read_bytes()
    assert description(there) == description(drawn.read_bytes()), stale


def test_every_experiment_has_a_section():
    text = PAGE.read_text() + (PAGE.parent / "papers.md").read_text()
    assert {name for name in EXPERIMENTS if f"clostorus experiment {name}" not in text} == set()
    assert set(ROWS) <= set(EXPERIMENTS)
