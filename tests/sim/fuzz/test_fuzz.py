"""Campaigns: what crashes is counted, kept and made smaller, and a store goes on where it was."""

import json
import os
import signal
import time
from random import Random

import pytest

from golden import QuantisedNet
from golden.system.runner import in_turn
from sim.fuzz import campaign
from sim.fuzz.campaign import Batch, Crash, Tried, crashes, fuzz, signature, totals, try_batch
from sim.fuzz.catalogue import TARGETS
from sim.fuzz.isolated import ACCEPTED, CRASHED, REFUSED, outcomes
from sim.fuzz.names import TARGET_NAMES
from sim.fuzz.reduce import keep, read_kept, reduced
from sim.fuzz.rtl import CONFIGURATIONS, NETS, configuration
from sim.fuzz.target import Target
from sw_driver.errors import DriverError
from sw_driver.jobs.store import open_store

QUICK = [name for name in TARGET_NAMES if name != "rtl"]


class Toy(Target):
    """Takes lists of numbers, and comes to grief over some of them."""

    name, job_inputs, goal, limit_s, memory_bytes = "csv", 10, 30, 1.0, 1 << 28

    def draw(self, random, number):
        return {"numbers": [random.randrange(100) for _ in range(20)] + [number]}

    def attempt(self, case, folder):
        numbers = case["numbers"]
        if 1007 in numbers:
            raise KeyError("no such key")
        if 1008 in numbers:
            os.kill(os.getpid(), 9)
        if 1009 in numbers:
            time.sleep(60)
        if 1010 in numbers:
            self.held = bytearray(1 << 30)
        if 1012 in numbers:
            os.write(case["pipe"], f"{os.getpid()}\n".encode())
            time.sleep(60)
        if 1011 in numbers:
            raise ValueError("one line\nand another")
        if numbers[-1] % 2:
            raise DriverError("numbers must be even")

    def content(self, case, folder):
        return bytes(number % 256 for number in case["numbers"])

    def smaller(self, case):
        for place in range(len(case["numbers"])):
            yield {"numbers": case["numbers"][:place] + case["numbers"][place + 1 :]}


def of(*numbers):
    return [{"numbers": [number]} for number in numbers]


def test_what_comes_of_an_input():
    found = list(outcomes(Toy(), of(2, 3, 1007, 1008, 4, 1009, 1010, 1011, 5)))
    assert [one.kind for one in found] == [
        ACCEPTED, REFUSED, CRASHED, CRASHED, ACCEPTED, CRASHED, CRASHED, CRASHED, REFUSED]
    texts = [one.text for one in found]
    assert texts[1] == "numbers must be even"
    assert texts[2].startswith("KeyError at test_fuzz.py:")
    assert texts[3] == "was ended by SIGKILL" and texts[5] == "took longer than 1 s"
    assert texts[6].startswith("MemoryError at test_fuzz.py:")
    assert texts[7].startswith("ValueError at test_fuzz.py:")


def test_an_input_ends_with_the_worker_that_tries_it():
    """However that ends: nothing goes on to use a processor for nobody."""
    mine, inner = os.pipe()
    worker = os.fork()
    if not worker:
        try:
            list(outcomes(Toy(), [{"numbers": [1012], "pipe": inner}]))
        finally:
            os._exit(0)
    os.close(inner)
    assert int(os.read(mine, 100)) != worker
    os.kill(worker, signal.SIGKILL)
    os.waitpid(worker, 0)
    begun_s = time.monotonic()
    assert os.read(mine, 100) == b""  # The last process that holds the other end is gone.
    assert time.monotonic() - begun_s < 0.9
    os.close(mine)


def test_an_input_that_crashes_is_made_smaller():
    case = {"numbers": [*range(5), 1007, *range(5)]}
    [found] = outcomes(Toy(), [case])
    small = reduced(Toy(), case, found.text)
    assert small == {"numbers": [1007]}
    assert len(reduced(Toy(), case, found.text, trials=2)["numbers"]) == 9


def test_it_is_kept_as_lines_and_as_a_file(tmp_path, monkeypatch):
    monkeypatch.setitem(TARGETS, "csv", Toy())
    lines, file = keep(Crash("csv", 1, 7, "KeyError"), {"numbers": [1007]}, tmp_path / "out")
    assert (lines.name, file.name) == ("csv-1-7.json", "csv-1-7.bin")
    assert file.read_bytes() == bytes([1007 % 256])
    target, case = read_kept(lines)
    assert (target.name, case) == ("csv", {"numbers": [1007]})


@pytest.mark.parametrize("text", ["", "[]", '{"target": "none", "case": {}}', "[" * 100_000])
def test_what_was_not_kept_is_refused(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(DriverError, match="must be an input that clostorus fuzz has kept"):
        read_kept(tmp_path / "a.json")
    with pytest.raises(DriverError, match="cannot be read: No such file"):
        read_kept(tmp_path / "b.json")


def test_a_campaign_goes_on_where_it_was_stopped(tmp_path, monkeypatch):
    monkeypatch.setitem(TARGETS, "csv", Toy())
    campaign._warmed.cache_clear()
    done = []

    def runner(function, jobs):
        for job in jobs:
            done.append(job)
            yield job, function(job)

    for minutes in (0, 1, 1):  # None; all; and there is nothing left.
        with open_store(tmp_path / "runs.sqlite", "fuzz", Batch, Tried) as store:
            fuzz(["csv"], 3, minutes, store, runner)
            [total] = totals(["csv"], store.results)
    assert [job.first for job in done] == [0, 10, 20]
    assert (total.tried, total.accepted, total.refused) == (30, 15, 15)
    campaign._warmed.cache_clear()


def test_crashes_of_one_kind_are_one(monkeypatch):
    tried = Tried(0, 0, 3, json.dumps([[1, "KeyError at a.py:1: 'x'"], [2, "KeyError at a.py:1: y"],
                                       [3, "KeyError at b.py:1: 'x'"]]), 0, 1.0)
    found = crashes(["csv"], {Batch("csv", 1, 0, 10): tried})
    assert [one.number for one in found] == [1, 3]
    assert signature("was ended by SIGKILL") == "was ended by SIGKILL"
    assert signature("a message that is no line: 'a'") == "a message that is no line"


def test_targets_share_the_time(monkeypatch):
    results = {Batch("csv", 1, 0, 400): Tried(400, 0, 0, "[]", 0, 9.0),
               Batch("idx", 1, 0, 300): Tried(300, 0, 0, "[]", 0, 1.0)}
    jobs = campaign._next_jobs(["csv", "idx"], 1, results, 3)
    assert [(job.target, job.first) for job in jobs] == [("idx", 300), ("idx", 600), ("idx", 900)]


def test_a_job_that_was_left_out_is_done_first():
    row = Tried(400, 0, 0, "[]", 0, 1.0)
    results = {Batch("csv", 1, first, 400): row for first in (0, 800)}
    jobs = campaign._next_jobs(["csv"], 1, results, 2)
    assert [job.first for job in jobs] == [400, 1200]


@pytest.mark.parametrize("name", QUICK)
def test_inputs_follow_from_the_seed(name):
    target = TARGETS[name]
    cases = [target.case(1, number) for number in range(20)]
    assert cases == [target.case(1, number) for number in range(20)]
    assert cases != [target.case(2, number) for number in range(20)]
    assert all(other != case for case in cases[:5] for other in target.smaller(case))


def test_names_are_those_of_the_targets():
    assert tuple(TARGETS) == TARGET_NAMES
    assert [target.name for target in TARGETS.values()] == list(TARGET_NAMES)


@pytest.mark.parametrize("name", ["frames", "csv", "program"])
def test_no_reader_crashes(name):
    found = next(iter(in_turn(try_batch, [Batch(name, 7, 0, 40)])))[1]
    assert (found.crashed, found.found) == (0, "[]")
    assert found.refused and found.accepted
    assert found.peak_bytes < 100e6


@pytest.mark.slow
@pytest.mark.parametrize("name", QUICK)
def test_no_reader_crashes_by_many_inputs(name):
    found = try_batch(Batch(name, 8, 0, 100))
    assert (found.crashed, found.found) == (0, "[]")
    assert found.refused and found.accepted


def test_tori_are_valid_and_of_many_kinds():
    tori = [configuration(number) for number in range(CONFIGURATIONS)]
    assert len({json.dumps(torus) for torus in tori}) == CONFIGURATIONS
    assert tori == [configuration(number) for number in range(CONFIGURATIONS)]
    target = TARGETS["rtl"]
    assert target.goal == CONFIGURATIONS * NETS == 10_000
    assert target.case(1, 0)["torus"] == target.case(2, NETS - 1)["torus"] == tori[0]
    assert target.case(1, NETS)["torus"] == tori[1]


def test_a_net_that_fails_is_made_smaller_in_every_part():
    target = TARGETS["rtl"]
    case = target.draw(Random(3), 0) | {"layers": [[12, 8, 3, 4, 2], [8, 6]]}
    others = list(target.smaller(case))
    assert {"layers": [[12, 8, 3, 4, 2]]}.items() <= others[0].items()
    assert any(other["samples"] == 1 for other in others)
    assert any(other["layers"][0][1] == other["layers"][1][0] == 4 for other in others
               if len(other["layers"]) == 2)
    assert any(len(other["torus"]) < len(case["torus"]) for other in others)


@pytest.mark.slow
def test_the_rtl_equals_the_golden_model_and_a_wrong_word_is_found(monkeypatch):
    target = TARGETS["rtl"]
    case = target.case(1, 0) | {"torus": {"rows": 1, "cols": 1}, "layers": [[5, 3, 2, 2, 1]],
                                "finishes": False}
    assert [one.kind for one in outcomes(target, [case])] == [ACCEPTED]
    right = QuantisedNet.forward_words
    monkeypatch.setattr(QuantisedNet, "forward_words", lambda self, x: right(self, x) + 1)
    [found] = outcomes(target, [case])
    assert found.kind == CRASHED and found.text.startswith("Different: ")
