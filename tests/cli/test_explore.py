"""`clostorus explore`: quick, stopped and resumed, and bad input in one line each."""

import csv
import json
import re

import pytest

from fpga import board_build, tools
from fpga.board_build import Build
from fpga.capacity import Usage
from fpga.explore.runs import CYCLES, Result, base_config
from fpga.explore.search import Search
from golden import ClosNet, save_model
from golden.experiments.accuracy_runs import Result as OtherResult
from golden.experiments.accuracy_runs import Run as OtherRun
from sw_driver.jobs.store import open_store
from tests.support.command_line import clostorus, fail, succeed

LAYERS = "16,16,4,4,4"
QUICK = ("explore", "--net", LAYERS, "--board", "ulx3s-25f", "--quick", "--workers", 1)
FILES = {"runs.sqlite", "front.csv", "front.png", "front.svg"}


@pytest.fixture
def modelled(monkeypatch):
    """Cycles by a rule of thumb in the place of the cycle model; a list of what was asked for."""
    made = []

    def measure(search, run):
        made.append(run)
        if run.kind != CYCLES:
            return Result(accuracy=0.9 + run.bits / 1000, float_accuracy=0.92)
        products = run.rows * run.cols * run.lanes_in * run.lanes_out
        return Result(cycles=2000 / products + 40, latency_cycles=300, energy_nj=5.0,
                      bound_by="MAC", config=base_config(run).canonical_json())

    monkeypatch.setattr(Search, "measure", measure)
    return made


def test_stopped_and_resumed_it_gives_what_one_go_gives(tmp_path, modelled, monkeypatch):
    measure = Search.measure

    def stopped(search, run):
        if len(modelled) == 7:
            raise KeyboardInterrupt
        return measure(search, run)

    first, second = tmp_path / "first", tmp_path / "deep" / "second"
    monkeypatch.setattr(Search, "measure", stopped)
    assert clostorus(*QUICK, "--out", first).exit_code == 130
    assert {file.name for file in first.iterdir()} == {"runs.sqlite"}
    monkeypatch.setattr(Search, "measure", measure)
    done = succeed(*QUICK, "--out", first)
    assert len(set(modelled)) == len(modelled) == 12  # Nothing was worked out twice.
    assert {file.name for file in first.iterdir()} == FILES
    assert re.search(r"exact points of \d+ are in the front", done.stdout)

    modelled.clear()
    again = json.loads(succeed(*QUICK, "--out", second, "--json").stdout)
    assert len(modelled) == 12
    assert (second / "front.csv").read_text() == (first / "front.csv").read_text()
    board = again["boards"]["ulx3s-25f"]
    rows = list(csv.DictReader((first / "front.csv").read_text().splitlines()))
    ranked = [row for row in rows if row["rank"] != "0"]
    assert len(rows) == board["exact"] == 12 and len(ranked) == len(board["front"])
    for number, (row, point) in enumerate(zip(ranked, board["front"], strict=True), 1):
        assert int(row["rank"]) == number and row["torus"] == point["torus"]
        assert float(row["samples_per_s"]) == point["samples_per_s"]
    rates = [point["samples_per_s"] for point in board["front"]]
    assert rates == sorted(rates, reverse=True)

    modelled.clear()
    succeed(*QUICK, "--out", second)
    assert not modelled


def test_words_and_boards_are_searched_with_a_model(tmp_path, modelled):
    model = tmp_path / "model.pt"
    save_model(model, ClosNet([(64, 10, 8, 2, 5)]), data="digits")
    done = succeed("explore", "--net", model, "--board", "ulx3s-25f,icebreaker", "--most-rows", 1,
                   "--most-cols", 2, "--word-bits", "8,12", "--loss", 0.01, "--json", "--workers",
                   1, "--out", tmp_path / "out")
    boards = json.loads(done.stdout)["boards"]
    assert set(boards) == {"ulx3s-25f", "icebreaker"}
    for found in boards.values():
        assert found["front"] and found["undecided"] == 0
        # 8 bits lose 0.012 by the rule above, 12 bits 0.008.
        assert {point["word_bits"] for point in found["front"]} == {12}
    assert {one["name"] for one in json.loads(done.stdout)["best"]} >= {"ulx3s-25f-1"}
    assert (tmp_path / "out" / "icebreaker-1.ctz").exists()


def test_other_nets_are_trained_for_an_accuracy(tmp_path, modelled):
    done = succeed("explore", "--net", "64,10", "--data", "digits", "--accuracy", 3, "--board",
                   "ulx3s-25f", "--quick", "--most-rows", 1, "--most-cols", 1, "--json",
                   "--workers", 1, "--out", tmp_path)
    front = json.loads(done.stdout)["boards"]["ulx3s-25f"]["front"]
    assert {run.layers for run in modelled} == {"64,10", "64,10,8,3,3"}
    assert front and (tmp_path / "ulx3s-25f-1.pt").exists()


@pytest.mark.parametrize(("message", "options"), [
    ("board must be one of .*, not 'none'", {"--board": "none"}),
    ("board must name each board once", {"--board": "ulx3s-25f,ulx3s-25f"}),
    ("board must be one whose part the resource model knows .*, not tangnano9k",
     {"--board": "tangnano9k"}),
    ("goal must be one of samples/s, latency, energy, LUT, not 'speed'", {"--goal": "speed"}),
    ("layer.* 64,10,8", {"--net": "64,10,8"}),
    ("net must have layers that fit together", {"--net": "64,10 11,4"}),
    ("none.pt cannot be read", {"--net": "none.pt"}),
    ("word-bits must be widths of 4 to 18", {"--word-bits": "3-8"}),
    ("clock-mhz must be above 0", {"--clock-mhz": 0}),
    ("at-least must be", {"--at-least": -1}),
    ("loss needs a net with weights", {"--loss": 0.1}),
    ("data needs a net with weights", {"--data": "digits"}),
    ("accuracy needs --data", {"--accuracy": 0.5}),
    ("accuracy must be above 0", {"--accuracy": 0, "--data": "digits"}),
    ("loss and --accuracy must not", {"--accuracy": 1, "--loss": 0.1, "--data": "digits"}),
    ("board must be one that holds net 784,256,28,8,16, not icebreaker",
     {"--board": "icebreaker", "--net": "784,256,28,8,16"}),
])
def test_what_is_wrong_is_said_in_one_line_and_nothing_is_written(tmp_path, message, options):
    given = {"--net": LAYERS, "--board": "ulx3s-25f", "--out": tmp_path / "out"} | options
    fail(2, message, "explore", "--quiet", "--quick", *(part for pair in given.items()
                                                        for part in pair))
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_no_model_and_a_store_of_another_plan_are_refused(tmp_path):
    (tmp_path / "net.pt").write_text("nothing of the kind")
    fail(2, "net.pt must be a model file", "explore", "--net", tmp_path / "net.pt", "--board",
         "ulx3s-25f", "--out", tmp_path / "out")
    with open_store(tmp_path / "runs.sqlite", "clos-accuracy", OtherRun, OtherResult):
        pass
    fail(2, "runs.sqlite must hold the results of explore", *QUICK, "--quiet", "--out", tmp_path)


def test_the_best_are_built_at_the_clock_that_was_searched_for(tmp_path, modelled, monkeypatch):
    """What is built, and how its cells are set beside the estimate; nothing is synthesised."""
    asked = []

    def built(board, config, folder, **options):
        asked.append((board.name, config, folder.name, options["clock_mhz"]))
        used = tuple(Usage(name, 100, 1000) for name in ("LUT", "FF", "DSP", "BRAM"))
        return Build({"fmax_mhz": 90.0}, used)

    monkeypatch.setattr(board_build, "build", built)
    monkeypatch.setattr(tools, "find_tool", lambda name: None)
    options = (*QUICK, "--best", 2, "--exact", 4, "--build", "--out", tmp_path)
    done = succeed(*options, "--clock-mhz", 50)
    succeed(*options)
    assert [(name, folder, clock_mhz) for name, _, folder, clock_mhz in asked] == [
        ("ulx3s-25f", f"ulx3s-25f-{rank}", clock_mhz)
        for clock_mhz in (50.0, None) for rank in (1, 2)]
    assert "estimated" in done.stdout and "90.0 MHz" in done.stdout


@pytest.mark.slow
def test_the_best_runs_on_the_rtl_as_predicted(tmp_path):
    done = succeed(*QUICK, "--most-rows", 2, "--most-cols", 1, "--best", 1, "--verify", "--json",
                   "--out", tmp_path)
    (best,) = json.loads(done.stdout)["best"]
    assert best["rtl"]["words_equal"] == best["rtl"]["words_compared"] > 0
    assert best["rtl"]["cycles_per_sample"] == pytest.approx(best["cycles"])


@pytest.mark.slow
def test_the_best_is_built(tmp_path):
    done = succeed("explore", "--net", "8,8,2,2,2", "--board", "icebreaker", "--word-bits", 8,
                   "--most-rows", 1, "--most-cols", 1, "--best", 1, "--exact", 2, "--build",
                   "--json", "--out", tmp_path)
    (best,) = json.loads(done.stdout)["best"]
    built = best["build"]
    assert built["fmax_mhz"] > 12 and built["cells"]["LUT"]["used"] > 1000
    assert (tmp_path / "icebreaker-1" / "report.json").exists()
