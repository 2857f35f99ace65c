"""The figures of README.md are those of the pages that their commands write."""

import re

import pytest

from golden.data.datasets import load_digits_split
from sw_driver.train.recipe import Recipe
from tests.support.project import ROOT

README = (ROOT / "README.md").read_text()
MEASURED = README.split("\n## Measured\n")[1].split("\n## ")[0]
BENCHMARKS, EXPLORE, FPGA, PAPERS = (
    (ROOT / "docs" / f"{name}.md").read_text()
    for name in ("benchmarks", "explore", "fpga", "papers"))


def cells(page, *begins):
    """The cells of a row of a table, which begins with these cells: the only one there is."""
    start = f"| {' | '.join(begins)} |"
    rows = [line for line in page.splitlines() if line.startswith(start)]
    assert len(rows) == 1, (start, rows)
    return [cell.strip() for cell in rows[0][len(start):].strip("| ").split("|")]


def section(name):
    return re.search(rf"<!-- begin {name} -->(.*?)<!-- end {name} -->", BENCHMARKS, re.S)[1]


def clos(page, title):
    """What an experiment's report says of a dataset: accuracies by kind and saving."""
    text = page.split(f"\n**{title}**")[1]
    rows = re.findall(r"^\| ([\w-]+) \| \d+ \| ([\d.]+) \| [\d.]+ \| ([\d.]+) \|", text, re.M)
    found = {}
    for kind, times, accuracy in rows:
        found.setdefault((kind, times), f"{float(accuracy):.1f}")
    return found


def measured():
    """The rows of the table "Measured": figure and command by what is measured."""
    rows = re.findall(r"^\| (.*) \| (.*) \| `(.*)` \|$", MEASURED, re.M)
    return {what: (figure, command) for what, figure, command in rows}


def row(*words):
    """Figure and command of the only row whose first cell has all of these words."""
    [found] = [cells for what, cells in measured().items() if all(word in what for word in words)]
    return found


def learning():
    found = cells(section("learning"),
                  "mnist10k, (784, 128, 28, 8, 16), (128, 10, 16, 8, 5), 8x8", "2100")
    words, of = found[-1].split(" of ")
    assert found[-2] == "2100" and words == of, "every loss and word is equal"
    verilator, vector = found[1:3]
    return (f"every loss and all {int(words):,} words equal the golden model's; {vector} samples/s "
            f"by the vector engine, {verilator} by Verilator")


def accuracy():
    found = clos(PAPERS, "mnist10k")
    assert "(mean of 5 seeds)" in " ".join(PAPERS.split("\n**mnist10k**")[1][:300].split())
    return "{} %; the dense net: {} %".format(found["Clos", "5.7"], found["dense", "1.0"])


def built(name):
    return cells(FPGA.split("<!-- begin table -->")[1].split("\n\n")[0], f"ulx3s-85f {name}")


def test_utilisation():
    found = cells(section("utilisation"), "(784, 256, 28, 8, 16) on 4x4, best")
    assert row("utilisation of inference, L") == (
        f"{found[2]}: {found[0]} cycles a sample", "clostorus bench utilisation")


def test_training():
    found = cells(section("training"), "(784, 256, 28, 8, 16) on 4x4, 64",
                  "SGD, a sample at a time")
    assert row("utilisation of training, one sample at a time, L") == (
        f"{found[3]}: {found[1]} cycles a sample", "clostorus bench training")
    assert '"L" is the layer (784, 256, 28, 8, 16) on 4x4 PEs.' in MEASURED


def test_systolic():
    found = cells(section("systolic"), "(784, 256, 28, 25, 16), 64 PEs, batch 32")
    assert row("systolic", "(784, 256, 28, 25, 16) here, 64 PEs each, batch 32") == (
        f"{found[3]} times; of the Clos layer on that array: {found[4]} times",
        "clostorus bench systolic")


@pytest.mark.parametrize("words, text, command", [
    (("8x8 PEs, 2,100 steps", "MNIST"), learning, "clostorus bench learning"),
    (("10,000 digits of MNIST, 5.7 times fewer", "mean of 5 seeds"), accuracy,
     "clostorus experiment clos-accuracy"),
], ids=["learning", "accuracy"])
def test_figures(words, text, command):
    assert row(*words) == (text(), command)


def test_boards():
    *_, fmax, seeds, _ = built("4x4, infers")
    mhz = float(fmax)
    assert row("4x4 torus that infers", "ULX3S", f"best of {seeds} seeds") == (
        f"{mhz:.0f} MHz; the aim, 120 MHz, is missed", "make fpga-table")
    assert mhz < 120


def test_the_best_torus():
    torus, lanes, _, _, cycles, *_, over = re.findall(
        r"^\| (\d+x\d+) \| (\d+x\d+) \|" + r" ([\d,.]+) \|" * 7 + "$", EXPLORE, re.M)[0]
    assert row("best torus", "`explore`", "4x4") == (
        f"{over} times: {cycles} cycles a sample on {torus} PEs of {lanes} lanes",
        "clostorus explore")
    by_hand = int(re.search(r"takes (\d+) cycles a sample, and its", EXPLORE)[1])
    assert over == f"{by_hand / int(cycles):.2f}"


def test_the_largest_build_is_as_slow_as_is_said():
    rates = FPGA.split("| row | MAC/s, millions |")[1].split("\n\n")[0]
    found = re.findall(r"^\| [\w-]+ \dx\d, .*? \| (\d+) \|", rates, re.M)
    most = max(map(float, found))
    assert most == float(cells(rates, "ulx3s-85f 4x4, infers")[0])
    text = " ".join(README.split())
    assert f"has 16 PEs, and would make at most {most / 1000:.1f} billion multiply-accum" in text


def test_every_row_of_the_table_is_compared():
    assert len(measured()) == 8, "the front page has eight figures; the other pages have the rest"


def test_what_the_readme_says_of_training_agrees_with_itself():
    block = README.split(", trained from scratch on the 4x4 RTL torus\n")[1].split("\n```")[0]
    epochs = re.findall(r"^ (\d) +([\d.]+) +([\d.]+) +([\d.]+) +([\d.]+) +(.*)$", block, re.M)
    recipe = Recipe()
    assert [int(epoch[0]) for epoch in epochs] == list(range(1, recipe.epochs + 1))
    for number, (_, rate, _, golden, rtl, accuracies) in enumerate(epochs):
        assert rate == f"{recipe.rate(number):.3f}" and golden == rtl
        assert accuracies.split()[2:4] == accuracies.split()[4:6]
    facts = dict(re.findall(r"^(\S.*?\S) {2,}(\d+)$", block, re.M))
    samples = len(load_digits_split().train_x)
    assert facts["samples trained on"] == facts["losses equal"] == str(samples * recipe.epochs)
    assert facts["words read back from the torus"] == facts["words equal"]
    digits = "digits, (64, 64, 8, 8, 8), (64, 10, 8, 8, 5), 4x4"  # The same net, its first steps.
    assert re.search(r"^cycles per sample +(\S+)$", block, re.M)[1] == cells(
        section("learning"), digits)[1]


def test_software():
    def faster(layer, batch):
        found = cells(section("software"), f"ClosLinear {layer} times fewer weights, batch {batch}")
        return found[4].split(" / ")[1]

    middle = " / ".join(faster("(1024, 1024, 32, 62, 32), 5.5", n) for n in (1, 64, 512))
    reused = faster("(4096, 4096, 64, 65, 64), 21", "1, memory reused")
    assert row("forward and backward of a `ClosLinear`", "5.5 times", "21 times") == (
        f"{middle} times faster; {reused} times faster", "clostorus bench software")
    [summary] = [line for line in BENCHMARKS.splitlines()
                 if line.startswith("| [The same](#software") and "21 times" in line]
    large = faster("(4096, 4096, 64, 65, 64), 21", 1)
    assert f"| {large} times faster; {reused} with the memory" in summary
