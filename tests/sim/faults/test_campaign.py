"""Campaigns of flipped bits: what is counted, where it goes on, and what the table says."""

from collections import Counter
from random import Random

import pytest

from golden.system.runner import in_turn
from sim.faults import __main__ as program
from sim.faults import campaign
from sim.faults.bench import OUTCOMES, Flip
from sim.faults.campaign import Batch, Came, Total, run_campaign
from sim.faults.page import COLUMNS, rows
from sim.faults.sites import KINDS, LEVELS, draw
from sw_driver.errors import DriverError
from sw_driver.jobs.store import open_store


class FakeBench:
    """Outcomes that follow from the random generator, as those of a torus do."""

    def __init__(self, checks):
        self.checks = checks
        self.flips = 0

    def flip(self, kind, random):
        self.flips += 1
        outcome = random.choice(OUTCOMES if self.checks else ("masked", "silent", "hang"))
        return Flip(f"{kind}, word 0, bit 0", random.randrange(100), outcome, ())


@pytest.fixture
def benches(monkeypatch):
    made = {checks: FakeBench(checks) for checks in LEVELS}
    monkeypatch.setattr(campaign, "the_bench", made.__getitem__)
    return made


def test_a_campaign_goes_on_where_it_was_stopped(benches, tmp_path):
    """Flips follow from their numbers, so that the table is that of one campaign."""
    found = {}
    for name, steps in (("once", [250]), ("twice", [100, 250])):
        for flips in steps:
            with open_store(tmp_path / name, "faults", Batch, Came) as store:
                found[name] = run_campaign(("weights", "links"), (0, 1), 1, flips, store, in_turn)
    assert found["once"] == found["twice"]
    assert benches[0].flips == benches[1].flips == 2 * (250 + 250)
    assert [(one.kind, one.checks, one.flips) for one in found["once"]] == [
        ("weights", 0, 250), ("links", 0, 250), ("weights", 1, 250), ("links", 1, 250)]


def test_another_seed_flips_other_bits(benches, tmp_path):
    with open_store(tmp_path / "runs", "faults", Batch, Came) as store:
        for seed in (1, 2):
            run_campaign(("biases",), (1,), seed, 100, store, in_turn)
        first, second = store.results.values()
        assert first != second


@pytest.mark.parametrize("silent, live, most", [
    (0, 100, 0.0362), (1, 100, 0.0545), (5, 50, 0.2181), (3, 3, 1.0)])
def test_intervals_are_those_of_clopper_and_pearson(silent, live, most):
    """Of tables of the exact binomial interval."""
    total = Total("weights", 1, 10, 5, live - silent, silent, 0)
    assert total.live == live and total.flips == live + 15
    assert total.most_silent == pytest.approx(most, abs=5e-5)


def test_the_table_has_all_counts():
    cells = rows([Total("links", 1, 1000, 2, 3, 0, 0), Total("links", 0, 7, 0, 0, 0, 0)])
    assert all(len(one) == len(COLUMNS) for one in cells)
    assert cells[0] == ("links", "1", "1,005", "1,000", "2", "3", "0", "0", "3", "70.8%")
    assert cells[1][-1] == "none is live"


def test_each_bit_is_as_probable():
    class Fake:
        def __init__(self, words, word_bits):
            self.words, self.word_bits = words, word_bits

    wide, narrow, random = Fake(4, 8), Fake(1, 4), Random(1)
    found = Counter()
    for _ in range(9000):
        variable, word, bit = draw([wide, narrow], random)
        assert word < variable.words and bit < variable.word_bits
        found[variable is wide, word, bit] += 1
    assert len(found) == 36 and max(found.values()) < 1.5 * min(found.values())


@pytest.mark.parametrize("arguments, message", [
    (["--flips", "0"], "--flips must be a whole number from 1 to 1000000, not '0'"),
    (["--seed", "-1"], "--seed must be a whole number from 0"),
    (["--only", "links", "caches"], "--only must name some of weights, buffers, .*, not 'caches'"),
    (["--checks", "4"], "--checks must be a whole number from 0 to 3, not '4'"),
    (["--workers", "many"], "--workers must be a whole number from 1 to 1024, not 'many'"),
    (["links"], "unrecognized arguments: links; see --help"),
])
def test_refuses(arguments, message):
    with pytest.raises(DriverError, match=message):
        program.main(arguments)


def test_a_silent_flip_in_a_memory_is_a_failure(benches, tmp_path, capsys, monkeypatch):
    """In an accumulator it is none with checks of 1, since nothing there has a parity."""
    monkeypatch.setattr(campaign, "JOB_FLIPS", 10)
    options = ["--flips", "30", "--out", str(tmp_path / "out")]
    only = [*options, "--only", "accumulator", "--quiet"]
    assert program.main([*only, "--checks", "0", "1"]) == 0
    assert program.main([*only, "--checks", "2"]) == 1
    assert capsys.readouterr().out == ""
    page = tmp_path / "page.md"
    page.write_text("Before.\n<!-- begin flips -->\n<!-- end flips -->\nAfter.\n")
    assert program.main([*options, "--only", "weights", "--page", str(page)]) == 1
    assert "weights" in capsys.readouterr().out
    text = page.read_text()
    assert text.startswith("Before.\n") and text.endswith("After.\n")
    assert "python -m sim.faults --flips 30" in text and text.count("| weights |") == 4


@pytest.mark.slow
@pytest.mark.usefixtures("toolchain")
def test_a_small_campaign(tmp_path, capsys):
    """Of the RTL: with checks nothing is silent where there are parities."""
    options = ["--flips", "20", "--out", str(tmp_path / "out")]
    assert program.main(options) == 0
    shown = capsys.readouterr().out
    assert all(kind in shown for kind in KINDS)
