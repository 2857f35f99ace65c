"""The files of pictures in docs/ that are drawn from the code, or from a table of a page.

`python -m tests.support.pictures --write` writes them; `tests/docs/test_picture_files.py` holds
what they show against it.
"""

import re

from golden import DIGITS_SHAPES
from golden.experiments.accuracy_report import accuracy_picture
from golden.experiments.pictures import Point
from golden.experiments.precision_report import precision_picture
from sw_driver.predict.schedule_picture import schedule_svg
from sw_driver.train.prepared import prepare
from sw_driver.train.recipe import Recipe
from tests.support.project import ROOT

__all__ = ["FILES", "clos_accuracy", "precision", "training_step"]

_SAMPLES = 64  # Enough for a format of words, on which no cycle depends.


def training_step():
    """A step of the training that `make train-sim` shows."""
    return schedule_svg(
        prepare("digits", DIGITS_SHAPES, "4x4", Recipe(), samples=_SAMPLES).compiled)


def clos_accuracy():
    """The accuracies of the tables in docs/papers.md, which `clostorus experiment` has written."""
    page = (ROOT / "docs" / "papers.md").read_text()
    report = page.split("\n### C7")[1].split("\n### ")[0]
    (seeds,) = set(re.findall(r"\(mean\s+of\s+(\d+)\s+seeds\)", report))
    # What stands before the first name; then names of data, and what follows each.
    _, *parts = re.split(r"^\*\*([\w-]+)\*\*:", report, flags=re.M)
    panels = {}
    for data, text in zip(parts[::2], parts[1::2], strict=True):
        curves = panels[data] = {}
        for line in text.splitlines():
            kind, *cells = (cell.strip() for cell in line.strip("|").split("|"))
            if line.startswith("|") and cells[0].isdigit():
                parameters, (mean, lowest, highest) = cells[0], cells[3:6]
                curves.setdefault(kind, []).append(
                    Point(*map(float, (parameters, mean, lowest, highest))))
    return accuracy_picture(panels, int(seeds))


def precision():
    """The accuracies by the width of weights, likewise."""
    page = (ROOT / "docs" / "papers.md").read_text()
    report = page.split("\n### C14 and N30")[1].split("\n### ")[0]
    ((data, seeds),) = re.findall(r"^\*\*([\w-]+)\*\* \((\d+) seeds\)", report, re.M)
    curves = {}
    for line in report.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and len(cells) == 10 and cells[3].isdigit():
            curves.setdefault(f"{cells[0]}, {cells[2]}", []).append(
                Point(*map(float, (cells[3], *cells[6:9]))))
    return precision_picture({data: curves}, int(seeds))


FILES = {"training-step.svg": training_step, "clos-accuracy.png": clos_accuracy,
         "precision.png": precision}
"""What draws each file of docs/."""
