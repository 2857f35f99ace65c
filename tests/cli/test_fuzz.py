"""`clostorus fuzz`: its table, what it keeps, its exit status, and going on."""

import json

import pytest

from sim.fuzz.catalogue import TARGETS
from sim.fuzz.frames import FrameTarget
from sim.fuzz.names import TARGET_NAMES
from tests.support.command_line import clostorus, fail, succeed

PAGE = "# A page\n\n<!-- begin fuzz -->\nold\n<!-- end fuzz -->\n\nEnd.\n"


class Broken(FrameTarget):
    """Frames whose 8th and 9th fail."""

    job_inputs, goal = 20, 20

    def draw(self, random, number):
        return super().draw(random, number) | {"number": number}

    def attempt(self, case, folder):
        if case["number"] in (8, 9):
            raise KeyError("no such key")


@pytest.fixture
def broken(monkeypatch):
    monkeypatch.setitem(TARGETS, "frames", Broken())


def test_the_list_names_all_targets():
    assert tuple(json.loads(succeed("fuzz", "--list", "--json").stdout)["targets"]) == TARGET_NAMES


def test_nothing_that_crashes_is_a_table_and_status_0(tmp_path, monkeypatch):
    monkeypatch.setattr(FrameTarget, "goal", 40)
    monkeypatch.setattr(FrameTarget, "job_inputs", 20)
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    line = ("fuzz", "frames", "--workers", 1, "--out", tmp_path / "out", "--page", page, "--json")
    first = json.loads(succeed(*line).stdout)
    again = json.loads(succeed(*line).stdout)  # There is nothing left to do.
    assert first == again
    [total] = first["targets"]
    assert (total["tried"], total["crashed"], first["crashes"]) == (40, 0, [])
    assert total["refused"] + total["accepted"] == 40
    text = page.read_text()
    assert text.startswith("# A page\n\n<!-- begin fuzz -->\n    clostorus ")
    assert text.endswith("|\n<!-- end fuzz -->\n\nEnd.\n") and "old" not in text
    assert f"| frames | 40 | 40 | {total['refused']} | {total['accepted']} | 0 |" in text


def test_what_crashes_is_kept_and_status_1(tmp_path, monkeypatch, broken):
    monkeypatch.chdir(tmp_path)
    result = clostorus("fuzz", "frames", "--workers", 1)
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == (
        "clostorus: 2 inputs crashed; out/fuzz has one of each kind")
    assert "frames, input 8 of seed 1: KeyError" in result.stdout
    kept = tmp_path / "out" / "fuzz" / "frames-1-8.json"
    held = json.loads(kept.read_text())
    assert held["target"] == "frames" and held["case"]["frames"] == []
    assert kept.with_suffix(".bin").read_bytes() == b"\0"
    again = clostorus("fuzz", "--file", kept)
    assert again.exit_code == 1 and "crashes frames: KeyError" in again.stderr


def test_an_input_that_crashes_no_more_is_status_0(tmp_path, monkeypatch):
    kept = tmp_path / "kept.json"
    kept.write_text(json.dumps({"target": "frames", "case": TARGETS["frames"].case(1, 1)}))
    assert json.loads(succeed("fuzz", "--file", kept, "--json").stdout)["outcome"] in (
        "accepted", "refused")


def test_a_page_without_a_place_is_refused_before_the_work(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# A page\n")
    fail(2, "page .* must have one place between", "fuzz", "csv", "--page", page,
         "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()
