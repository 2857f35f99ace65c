"""Reports of experiments in docs/experiments.md, from the rows in docs/experiments/.

    python -m tests.support.experiment_pages --write    # Puts them into the page, with pictures.

`tests/docs/test_experiment_page.py` holds the page against the rows. To add one, put the `runs.csv`
of `clostorus experiment NAME` there as NAME.csv, with its rows only.
"""

import csv
import sys
import textwrap

from golden.experiments.experiment import Settings
from golden.experiments.table import read_results
from sim.measure.markdown import replace_between_marks
from sw_driver.experiments.catalogue import EXPERIMENTS
from sw_driver.system.files import write_bytes
from tests.support.project import ROOT

__all__ = ["PAGE", "ROWS", "main", "page_text", "picture", "report"]

PAGE = ROOT / "docs" / "experiments.md"
ROWS = {path.stem: path for path in sorted((ROOT / "docs" / "experiments").glob("*.csv"))}
"""Files of rows, by the names of their experiments."""

_COLUMNS = 100


def report(name):
    """The report of all runs of the plan; an experiment that lacks one is an error."""
    path = ROWS[name]
    with path.open(newline="") as file:
        data = dict.fromkeys(row["data"] for row in csv.DictReader(file) if "data" in row)
    experiment = EXPERIMENTS[name](Settings(tuple(data) or Settings().data))
    found = read_results(path, experiment.run_type, experiment.result_type).results
    planned = experiment.plan(found)
    assert len(planned) == experiment.total and set(planned) == set(found), f"{path} lacks runs"
    return experiment.report({run: found[run] for run in planned})


def page_text(text):
    """A report as it stands in a page: paragraphs are wrapped, tables are not."""
    parts = [part if part.startswith("|") else textwrap.fill(
        part, _COLUMNS, break_long_words=False, break_on_hyphens=False)
        for part in text.strip().split("\n\n")]
    return "\n" + "\n\n".join(parts) + "\n\n"


def picture(name):
    """The picture of an experiment, as PNG."""
    (content,) = report(name).pictures.values()
    return content


def main(arguments):
    """Print all reports, or write them into the page with their pictures."""
    for name in ROWS:
        found = report(name)
        if arguments == ["--write"]:
            replace_between_marks(PAGE, name, page_text(found.text))
            write_bytes(PAGE.parent / f"{name}.png", next(iter(found.pictures.values())))
        else:
            print(page_text(found.text))


if __name__ == "__main__":
    main(sys.argv[1:])
