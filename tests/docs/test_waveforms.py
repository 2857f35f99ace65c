"""docs/waveforms.md: it shows what simulations of the blocks show, and what it says holds."""

import re

import pytest

from hw.config import MAC_CYCLES, READ_CYCLES
from hw.link_config import LinkConfig
from sim.measure.markdown import text_between_marks
from sw_driver.serial.frames import decode_board_frame
from tests.support.link_waveforms import (
    BYTE_CYCLES,
    LINK,
    damaged_answer,
    damaged_words,
    frame_and_answer,
)
from tests.support.pe_waveforms import engines, read_again
from tests.support.traces import Trace
from tests.support.waveforms import (
    PAGE,
    WAVEFORMS,
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


def test_engines_of_a_pe_wait_for_each_other():
    values = engines().values
    taken = transferred(values, "west")
    assert taken == list(zip([1, 3, 4, 8, 9, 10, 23, 24, 25], map(str, range(1, 10)), strict=True))
    steps = high(values["row.read_en"])
    assert steps == [3, 5, 6, 19, 20, 21]
    assert values["row.readable"][4] == 0 and all(values["row.readable"][10:22])
    assert not values["row.readable"][9]
    assert high(values["row.consume"]) == [6, 21] == [steps[2], steps[5]]
    assert high(values["row.retired"]) == [5, 11]
    assert high(values["col.landed"]) == [14] == [steps[2] + MAC_CYCLES]
    assert high(values["south.valid"]) == [14 + 4] and values["south.payload"][18] == "6"
    assert high(values["col.retired"]) == [17] == [steps[3] - 2]
    assert values["west.payload"][11] == "7" and all(values["west.valid"][11:23])


def test_a_region_is_read_twice_before_it_is_free():
    values = read_again().values
    assert high(values["row.consume"])[0] == high(values["row.retired"])[0] + 1 == 5
    assert high(values["row.read_en"]) == [3, 4, 5, 7, 8, 9, 13, 14, 15]
    assert not any(values["row.readable"][6:13]) and high(values["row.reread"]) == [9]
    assert transferred(values, "west")[3:] == [(11, "4"), (12, "5"), (13, "6")]
    assert values["west.payload"][4] == "4"


def test_a_frame_and_its_answer():
    session = frame_and_answer()
    (frame, answer), (beat,) = session.frames, session.beats
    assert (LINK.bit_cycles, BYTE_CYCLES) == (4, 40)
    with pytest.raises(ValueError, match="a bit of 4 cycles"):
        LinkConfig(clock_hz=LINK.clock_hz, baud=LINK.clock_hz // 3)
    assert (frame.ends, beat, answer.begins) == (680, (688, 0x33220011), 697)
    assert frame.header["words"] == 1 and frame.content[7:11].hex(" ") == "11 00 22 33"
    assert (frame.header["number"], answer.header["expects"]) == (0, 1)
    assert answer.header["echo"] == frame.header["tag"] and answer.header["words"] == 0
    assert (frame.header["most"], answer.header["space"]) == (60, 126)
    assert LINK.buffer_words == 128
    assert all(0 not in one.data[:-1] and one.data[-1] == 0 for one in session.frames)
    assert decode_board_frame(answer.data[:-1]).expected == 1


def test_a_damaged_frame_is_sent_again():
    session = damaged_words()
    hosts, boards = ([one for one in session.frames if one.side == side]
                     for side in ("host", "board"))
    assert [one.damaged for one in hosts] == [False, True, False, False]
    assert [one.header["number"] for one in hosts] == [0, 1, 2, 1] and hosts[3].header["words"] == 2
    assert [one.header["echo"] for one in boards] == [1, 3, 4]
    assert [one.header["expects"] for one in boards] == [1, 1, 3]
    assert hosts[1].begins == hosts[0].ends and hosts[2].begins == hosts[1].ends
    assert boards[0].ends > hosts[1].begins and hosts[3].begins > boards[1].ends
    assert [beat for _, beat in session.beats] == [0x33220011, 0x77665544, 0xbbaa9988]


def test_a_damaged_answer_is_asked_for_again():
    session = damaged_answer()
    first, second, rewind, again = session.frames
    assert [one.side for one in session.frames] == ["board", "board", "host", "board"]
    assert first.damaged and not any(one.damaged for one in session.frames[1:])
    assert second.header["number"] == 1 and rewind.header["expects"] == 0
    assert rewind.header["most"] >> 7 and rewind.header["tag"] == 1
    assert (again.header["echo"], again.header["number"], again.header["words"]) == (1, 0, 2)
    assert session.received.hex(" ") == "11 00 22 33 44 55 66 77"


def test_levels_have_edges_and_missing_words_are_dots():
    trace = Trace({"bit": [0, 1, 1, 0], "word": [None, "A", "B", None]}, frozenset({"bit"}))
    assert trace.text() == ["cycle 0   1   2   3",
                            "bit   ____/‾‾‾‾‾‾‾\\___",
                            "word  .   A   B   ."]
