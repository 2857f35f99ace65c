"""docs/layers.md: its Python runs, in its order, and its figures are those that come out."""

import re

import pytest
import torch

from clostorus.nn import ClosShape
from sim.measure.markdown import text_between_marks
from tests.support.pages import FENCE
from tests.support.project import ROOT

PAGE = ROOT / "docs" / "layers.md"
PAPERS = ROOT / "docs" / "papers.md"
FIRST, _, LAST = PAGE.read_text().partition("\n## Converting a model")
BUDGETS = [(784, 300, 5.5), (768, 3072, 4), (768, 3072, 5.5), (1024, 1024, 5.5), (1024, 1024, 21),
           (4096, 4096, 21)]


@pytest.fixture(scope="module")
def values():
    """What the names of its Python stand for in the end."""
    found = {}
    for language, text in FENCE.findall(FIRST):
        if language == "python":
            exec(text, found)
    return found


def commented(name):
    """The numbers of the comment that follows what a name gets."""
    text = re.search(rf"^{name} = (?:\{{\n(?: .*\n)*\}}|.*)  # (.*)$", FIRST, re.M)[1]
    return [float(number) for number in re.findall(r"[\d.]+\d|\d", text)]


def test_its_figures_come_out(values):
    assert list(values["spreads"].values()) == pytest.approx(commented("spreads"), abs=0.015)
    assert values["of_dense"] == pytest.approx(commented("of_dense")[0], abs=0.01)
    assert [100 * one for one in values["errors"]] == pytest.approx(commented("errors"), abs=0.015)
    assert values["times"] == pytest.approx(commented("times")[0], abs=0.05)


def test_its_memory_pays_up_to_as_many_samples(values):
    layer, dense = values["layer"], torch.nn.Linear(1024, 1024)
    saved = sum(one.numel() for one in dense.parameters()) - sum(
        one.numel() for one in layer.parameters())
    samples = 4 * saved / ((values["times"] - 1) * 1024)
    assert f"up to some {10 * int(samples / 10)} samples a step" in " ".join(FIRST.split())


def test_its_budgets_are_those_of_the_function():
    rows = ["| I, O | reduction asked for | (Ri, Rm, Ro) | weights | times fewer |",
            "|---|---|---|---|---|"]
    for inputs, outputs, reduction in BUDGETS:
        shape = ClosShape.from_budget(inputs, outputs, reduction=reduction)
        rows.append(f"| {inputs}, {outputs} | {reduction:g} | {shape.as_tuple()[2:]} | "
                    f"{shape.parameters:,} | {1 / shape.density:.2f} |")
    assert text_between_marks(PAGE, "budgets") == "\n".join([*rows, ""])


def test_its_rates_and_accuracies_are_those_of_the_experiment():
    table = PAPERS.read_text().split("\n**mnist10k**")[1].split("\n**")[0]
    rows = re.findall(r"^\| ([\w-]+) \| \d+ \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|", table, re.M)
    rates = {kind: float(rate) for kind, _, rate, _ in rows}
    assert rates == {"dense": 0.003} | dict.fromkeys(("narrow", "low-rank", "pruned", "Clos"), 0.01)
    assert all("of 0.001 to 0.03, that gives the highest accuracy" in " ".join(text.split())
               for text in (PAPERS.read_text(), FIRST))
    last = {kind: accuracy for kind, _, _, accuracy in rows}
    said = re.search(r"(\S+) % \(Clos\), (\S+) % \(pruned[^)]*\) and\s(\S+) % \(low rank\).*?the "
                     r"dense net (\S+) %", FIRST, re.S)
    wanted = [last[kind] for kind in ("Clos", "pruned", "low-rank", "dense")]
    assert list(said.groups()) == [f"{float(one):.1f}" for one in wanted]
