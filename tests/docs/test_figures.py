"""The figures of the README are those of the pages that their commands write."""

import re

import pytest

from golden.data.datasets import load_digits_split
from sw_driver.train.recipe import Recipe
from tests.support.project import ROOT

README = (ROOT / "README.md").read_text()
BENCHMARKS, AREA, FPGA, PAPERS = (
    (ROOT / "docs" / f"{name}.md").read_text() for name in ("benchmarks", "area", "fpga", "papers"))


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


def utilisation(layer):
    best, program = (cells(section("utilisation"), f"{layer}, {order}")
                     for order in ("best", "program"))
    return f"{best[2]}: {best[0]} cycles a sample, its bound ({program[2]} in program order)"


def times(cell):
    return f"{cells(section('systolic'), '(784, 256, 28, 25, 16), 64 PEs, batch 32')[cell]} times |"


def dense_utilisation():
    first, behind, head = (
        [cells(section("dense"), f"{layer}, {torus}") for torus in ("4x4", "8x8")]
        for layer in ("(784, 256), first", "(256, 256) behind (256, 256)",
                      "(256, 10) behind (256, 256)"))

    def both(rows, cell):
        return " / ".join(row[cell] for row in rows)

    return (f"{both(first, 2)}: {both(first, 0)} cycles a sample (aims: {both(first, 3)})",
            *(f"{both(rows, 2)} (aims: {both(rows, 3)})" for rows in (behind, head)))


def dense_rivals():
    few, fewer, low, lower = (
        cells(section("dense"), f"{first}, (256, 10)", parameters) for first, parameters in (
            ("Clos: (784, 256, 28, 22, 16)", "35562"), ("Clos: (784, 256, 28, 4, 16)", "8778"),
            ("low-rank: (784, 32), (32, 256)", "36106"), ("low-rank: (784, 6), (6, 256)", "9066")))
    clos, rank = ([f"{one[place]} / {other[place]}" for place in (3, 6)]
                  for one, other in ((few, fewer), (low, lower)))
    return f"{clos[0]} times on 4x4, {clos[1]} times on 8x8; low rank {' and '.join(rank)} times"


def training(layer):
    sgd, batch = (cells(section("training"), layer, order)
                  for order in ("SGD, a sample at a time", "one batch, interleaved"))
    return f"{sgd[3]} / {batch[3]}", f"{sgd[1]} / {batch[1]} cycles a sample"


def learning():
    row = cells(section("learning"),
                "mnist10k, (784, 128, 28, 8, 16), (128, 10, 16, 8, 5), 8x8", "2100")
    words, of = row[-1].split(" of ")
    assert row[-2] == "2100" and words == of, "every loss and word is equal"
    return f"all {int(words):,} words equal the golden model's; {float(row[1]):.1f} samples/s"


def accuracy():
    mnist, fashion = (clos(PAPERS, name) for name in ("mnist10k", "fashion-mnist"))
    texts = []
    for one in (mnist, fashion):
        texts.append("{} % / {} %, dense {} %, narrow {} % / {} %".format(*(
            one[key] for key in (("Clos", "5.7"), ("Clos", "23.2"), ("dense", "1.0"),
                                 ("narrow", "5.6"), ("narrow", "23.2")))))
    return f"{texts[0]}; Fashion-MNIST {texts[1]}"


def software():
    ratios = [round(float(cells(section("software").split("Ratios of")[1],
                                f"(4096, 4096, 64, 64, 64), {batch}, 1")[0].split(" / ")[1]))
              for batch in (1, 64, 512)]
    return "{} / {} / {} times faster".format(*ratios)


def link_side():
    page = section("area")
    counts, _ = page.split("| design | best MHz |")
    row = cells(counts, "link-side, generic")
    return f"{row[0]} LUT4, {row[2]} flip-flops"


def trains():
    pe, router = (cells(AREA.split("\nA torus that trains")[1], name)
                  for name in ("processing element", "router"))
    luts, carries, mhz = (f"{pe[place]} and {router[place]}" for place in (0, 1, 5))
    return f"{luts} LUT4, {carries} carry cells, {mhz} MHz"


def boards():
    rows = [cells(FPGA.split("<!-- begin table -->")[1].split("\n\n")[0], f"ulx3s-85f {name}")
            for name in ("4x4, infers", "1x1, trains", "2x2, trains")]
    return [f"{float(row[9]):.0f}" for row in rows]


@pytest.mark.parametrize("layer", ["(784, 256, 28, 8, 16) on 4x4", "(800, 128, 32, 8, 16) on 8x8"])
def test_utilisation(layer):
    assert utilisation(layer) in README


@pytest.mark.parametrize("cell", [3, 4], ids=["dense", "Clos"])
def test_systolic(cell):
    assert times(cell) in README


def test_dense():
    for text in (*dense_utilisation(), dense_rivals()):
        assert text in README


@pytest.mark.parametrize("layer", ["(784, 256, 28, 8, 16) on 4x4, 64",
                                   "(800, 128, 32, 8, 16) on 8x8, 256"])
def test_training(layer):
    for text in training(layer):
        assert text in README


def test_training_systolic():
    row = cells(section("training-systolic"), "(784, 256, 28, 8, 16), 4x4, batch 32")
    assert f"4x4, batch 32 | {row[5]} times |" in README


@pytest.mark.parametrize("text", [learning, accuracy, software, link_side, trains])
def test_figures(text):
    assert text() in README


def test_boards():
    infers, *train = boards()
    assert f"{infers} MHz (aim: 120 MHz), {' and '.join(train)} MHz" in README


def test_what_the_readme_says_of_training_agrees_with_itself():
    block = README.split(", trained from scratch on the 4x4 RTL torus\n")[1].split("\n\n```")[0]
    epochs = re.findall(r"^    (\d) +([\d.]+) +([\d.]+) +([\d.]+) +([\d.]+) +(.*)$", block, re.M)
    recipe = Recipe()
    assert [int(epoch[0]) for epoch in epochs] == list(range(1, recipe.epochs + 1))
    for number, (_, rate, _, golden, rtl, accuracies) in enumerate(epochs):
        assert rate == f"{recipe.rate(number):.3f}" and golden == rtl
        assert accuracies.split()[2:4] == accuracies.split()[4:6]
    facts = dict(re.findall(r"^    (\S.*?\S) {2,}(\d+)$", block, re.M))
    samples = len(load_digits_split().train_x)
    assert facts["samples trained on"] == facts["losses equal"] == str(samples * recipe.epochs)
    assert facts["words read back from the torus"] == facts["words equal"]
