"""Hosts at two boards: no word lost, doubled or changed, and memory flat; what is not is found."""

import dataclasses
import re
import tracemalloc
from random import Random

import pytest

from golden.system.runner import in_turn
from sim.load import stretch as stretches_of
from sim.load.cable import Cable
from sim.load.link import STRETCH_FRAMES, load_links, stretches
from sim.load.loop import HARDWARE_ID
from sim.load.stretch import CLOCK_HZ, LINKS, Ran, Stretch, run_stretch
from sim.load.twin import BoardTwin
from sim.load.visits import Visitor
from sim.load.wires import BadWire
from sw_driver.jobs.store import open_store

SMALL = Stretch("model", 5, 0, 1200, 10.0)


def test_nothing_is_lost_doubled_or_changed():
    ran = run_stretch(SMALL)
    assert ran.wrong == "" and ran.host_frames + ran.board_frames >= SMALL.frames
    assert 0.007 < ran.damaged / ran.wire_bytes < 0.013
    assert ran.cuts and ran.left and ran.sessions > ran.left
    assert ran.checked_bytes > 1000 and ran.resent and ran.rewinds and ran.polls
    again = dataclasses.asdict(run_stretch(SMALL))
    alike = {"seconds", "grown_bytes"}
    assert {name: value for name, value in again.items() if name not in alike} == {
        name: value for name, value in dataclasses.asdict(ran).items() if name not in alike}


def test_on_a_line_that_is_whole_nothing_is_said_again():
    ran = run_stretch(Stretch("model", 2, 0, 400, 0.0))
    assert (ran.wrong, ran.damaged, ran.resent, ran.rewinds) == ("", 0, 0, 0)


@pytest.mark.slow
@pytest.mark.usefixtures("toolchain")
def test_the_same_on_the_rtl():
    ran = run_stretch(Stretch("rtl", 1, 0, 600, 10.0))
    assert ran.wrong == "" and ran.host_frames + ran.board_frames >= 600


class Doubles(BoardTwin):
    """Takes words whatever their number is."""

    def _take(self, heard, now):
        if heard.words:
            heard = dataclasses.replace(heard, number=self._expected)
        super()._take(heard, now)


class Loses(BoardTwin):
    """Acknowledges the words of a frame that it has dropped, now and then."""

    def _take(self, heard, now):
        super()._take(heard, now)
        if heard.tag % 64 == 63 and not heard.opens:
            self._expected = (self._expected + 2) & 0xFFFF


class Changes(BoardTwin):
    """Flips a bit of a word now and then."""

    def _take(self, heard, now):
        if heard.tag % 64 == 63 and heard.words:
            heard = dataclasses.replace(heard, words=bytes([heard.words[0] ^ 1, *heard.words[1:]]))
        super()._take(heard, now)


class Mute(BoardTwin):
    """Answers nothing after a while."""

    def _take(self, heard, now):
        if now < 400_000:
            super()._take(heard, now)


class Grows(BoardTwin):
    """Keeps something of every frame."""

    def _take(self, heard, now):
        self.__dict__.setdefault("kept", []).append(bytes(b"x" * 100_000))
        super()._take(heard, now)


@pytest.mark.parametrize("mutant, found", [
    (Doubles, "must be"), (Loses, "must be|must take or give a word"), (Changes, "must be"),
    (Mute, "must answer within"), (Grows, "the process grew by")])
def test_a_board_that_does_wrong_is_found(mutant, found):
    assert re.search(found, run_stretch(SMALL, mutant).wrong)


def test_memory_is_flat():
    wires = (BadWire(10, 1, way) for way in (0, 1))
    board = BoardTwin(LINKS[0], HARDWARE_ID)
    visitor = Visitor("board", Cable(board, CLOCK_HZ, *wires, Random(1)), Random(1))
    tracemalloc.start()
    try:
        visitor.run(300)
        before, _ = tracemalloc.get_traced_memory()
        visitor.run(1500)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 50_000


def test_a_campaign_goes_on_where_it_was_stopped(tmp_path, monkeypatch):
    monkeypatch.setitem(STRETCH_FRAMES, "model", 200)
    jobs, done = stretches("model", 600, 3, 10.0), []
    assert len(jobs) == 3 and {job.number for job in jobs} == {0, 1, 2}

    def runner(function, jobs):
        for job in jobs[:2]:  # And then it is stopped.
            done.append(job)
            yield job, function(job)

    for count in (2, 3, 3):
        with open_store(tmp_path / "runs.sqlite", "load-link", Stretch, Ran) as store:
            rans = load_links(jobs, store, runner)
        assert len(rans) == count
    assert done == jobs


def test_a_campaign_stops_at_what_is_wrong(tmp_path, monkeypatch):
    monkeypatch.setitem(STRETCH_FRAMES, "model", 400)
    monkeypatch.setattr(stretches_of, "MOST_GROWN_BYTES", -1)
    with open_store(tmp_path / "runs.sqlite", "load-link", Stretch, Ran) as store:
        [ran] = load_links(stretches("model", 1200, 3, 10.0), store, in_turn)
    assert "the process grew by" in ran.wrong
