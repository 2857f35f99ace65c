"""docs/waveforms.md: it shows what simulations of the blocks show, and what it says holds."""

import re

import pytest

from hw.config import MAC_CYCLES, READ_CYCLES
from sim.measure.markdown import text_between_marks
from tests.support.waveforms import (
    PAGE,
    WAVEFORMS,
    Trace,
    credit_counter,
    forwarded_words,
    own_words,
    step_to_result,
)

TEXT = PAGE.read_text()


def high(values):
    """The cycles in which a signal is high."""
    return [cycle for cycle, value in enumerate(values) if value]


def transferred(values, side):
    """(cycle, word) of each transfer."""
    return [(cycle, values[f"{side}.payload"][cycle])
            for cycle in high(values[f"{side}.valid"]) if values[f"{side}.ready"][cycle]]


@pytest.mark.parametrize("name", WAVEFORMS)
def test_a_waveform_is_that_of_a_simulation(name):
    assert text_between_marks(PAGE, name) == WAVEFORMS[name](), (
        "stale: run python -m tests.support.waveforms --write")


def test_nothing_else_stands_between_marks():
    assert set(re.findall(r"^<!-- begin (.*) -->$", TEXT, re.M)) == set(WAVEFORMS)


def test_words_that_pass():
    values = forwarded_words().values
    taken = transferred(values, "i")
    assert taken == list(enumerate(["B0", "B1", "B2", "B3"], 2))
    assert values["o.payload"].index("B0") - taken[0][0] == 1
    assert transferred(values, "o") == list(enumerate(["B0", "B1", "B2", "B3"], 5))
    assert values["retired"].index(1) == 7


def test_own_words_go_first():
    values = own_words().values
    assert not {2, 3} & set(high(values["i.ready"]))
    assert [word for _, word in transferred(values, "i")] == ["B0", "B1", "C0", "C1"]
    assert transferred(values, "o") == list(enumerate(["A0", "A1", "B0", "B1"], 7))
    assert values["landed"].index(1) == 3


def test_step_to_result():
    values = step_to_result().values
    results = high(values["result.valid"])
    assert results == [cycle + MAC_CYCLES for cycle in high(values["step.last"])]
    assert [values["result.word"][cycle] for cycle in results] == ["6", "30"]
    assert values["row_word"].index("1") == values["step.valid"].index(1) + READ_CYCLES
    assert values["idle"].index(1, 1) == results[-1] + 1
    assert f"`MAC_CYCLES` = {MAC_CYCLES} " in TEXT and f"`READ_CYCLES` = {READ_CYCLES} " in TEXT


def test_credits():
    values = credit_counter().values
    assert high(values["add"]) == [1, 6] and values["take"][3] == "2"
    assert [cycle for cycle in range(9) if not values["enough"][cycle]] == [4, 5, 6]


def test_levels_have_edges_and_missing_words_are_dots():
    trace = Trace({"bit": [0, 1, 1, 0], "word": [None, "A", "B", None]}, frozenset({"bit"}))
    assert trace.text() == ["cycle 0   1   2   3",
                            "bit   ____/‾‾‾‾‾‾‾\\___",
                            "word  .   A   B   ."]
