"""The vector engine beside Verilator at the end of a demonstration."""

import numpy as np
import pytest

import sw_driver.cli.beside
from sim.errors import VectorRefused
from sw_driver.cli.beside import Timed, run_beside
from sw_driver.system.console import Output

VERILATOR = Timed({"words": np.asarray([1, 2]), "cycles": np.asarray([3])}, 1.5)


@pytest.fixture
def beside(monkeypatch, capsys):
    """Runs an engine that computes something; returns the difference and what is printed."""
    def run(computed, avx2=True):
        monkeypatch.setattr(sw_driver.cli.beside, "has_avx2", lambda: avx2)

        def compute(device):
            if isinstance(computed, Exception):
                raise computed
            return Timed({**VERILATOR.results, **computed}, 0.25)

        output = Output(as_json=False, quiet=False)
        difference = run_beside("2 words", VERILATOR, compute, output, lambda *told: None)
        return difference, capsys.readouterr().out

    return run


def test_both_times_are_printed(beside):
    difference, text = beside({})
    assert difference is None
    assert text == ("vector engine, 2 words: words and cycles equal Verilator's; 0.25 s of the "
                    "processor, Verilator 1.50 s\n")


@pytest.mark.parametrize("computed, names", [
    ({"words": np.asarray([1, 3])}, "words"), ({"cycles": np.asarray([4])}, "cycles"),
    ({"words": np.asarray([1]), "cycles": np.asarray([4])}, "words, cycles")])
def test_what_differs_is_named(beside, computed, names):
    assert beside(computed) == (
        f"vector engine, 2 words: differs from Verilator in {names}", "")


def test_one_line_says_why_it_does_not_run(beside):
    assert beside({}, avx2=False) == (
        None, "vector engine, 2 words: not run, since the processor has no AVX2\n")
    assert beside(VectorRefused("a latch")) == (
        None, "vector engine, 2 words: not run, since a latch\n")
