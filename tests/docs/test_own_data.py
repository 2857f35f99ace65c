"""docs/own-data.md: its program and its command lines run, and print what the page shows."""

import pytest

from tests.support.run_pages import console_steps, percentages, run_page

PAGE = "docs/own-data.md"


@pytest.mark.slow
def test_the_project_runs_as_the_page_shows(tmp_path):
    names = [line.split()[1] for line, _ in console_steps(PAGE)]
    assert names == ["train", "compile", "run", "train"]
    printed = run_page(PAGE, tmp_path, most_points=3)
    assert percentages(printed[-1])[-1] > 90
