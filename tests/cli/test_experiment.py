"""`clostorus experiment`: quick, from start to end, stopped and resumed, and bad input."""

import json
import re

import pytest

from golden.experiments.accuracy_runs import Result, Run
from golden.experiments.clos_accuracy import ClosAccuracy
from golden.experiments.experiment import Report
from golden.experiments.table import results_csv
from sw_driver.experiments import catalogue
from sw_driver.jobs.store import open_store
from tests.support.command_line import clostorus, fail, succeed

QUICK = ("experiment", "clos-accuracy", "--quick", "--workers", 1)


def test_experiment_from_start_to_end(tmp_path, monkeypatch):
    """Stopped after 12 runs and resumed, it has what another run makes in one go."""
    measure, made = ClosAccuracy.measure, []

    def measured(experiment, run):
        if len(made) == 12:
            made.append(None)
            raise KeyboardInterrupt
        made.append(run)
        return measure(experiment, run)

    monkeypatch.setattr(ClosAccuracy, "measure", measured)
    first, second = tmp_path / "first", tmp_path / "deep" / "second"
    assert clostorus(*QUICK, "--out", first).exit_code == 130
    assert {file.name for file in first.iterdir()} == {"runs.sqlite"}
    with opened(first) as store:
        begun = dict(store.results)
    assert len(begun) == 12

    done = succeed(*QUICK, "--out", first)
    rows = (first / "runs.csv").read_text()
    assert len(made) == 16 and len(rows.splitlines()) == 16
    with opened(first) as store:
        assert rows == results_csv(Run, Result, store.results)
        assert list(store.results.items())[:12] == list(begun.items())
    assert done.stdout.startswith("**mnist10k**: the dense network has 203530 parameters")
    assert "fig 3) is not decided" in done.stdout
    assert {file.name for file in first.iterdir()} == {
        "runs.sqlite", "runs.csv", "report.md", "accuracy.png"}

    # A table of former releases is taken over, and its last three runs are made once more, on their
    # own: what a run gives depends on nothing before it.
    second.mkdir(parents=True)
    kept = rows.splitlines(keepends=True)
    (second / "runs.csv").write_text("".join(kept[:-3]) + kept[-3][:-3])
    done = succeed(*QUICK, "--out", second, "--json")
    assert re.fullmatch("clostorus: .*/runs.csv: its last line is cut off .*\n"
                        "clostorus: .*/runs.csv: its 12 rows are taken into the store\n",
                        done.stderr)
    values = json.loads(done.stdout)
    assert (second / "runs.csv").read_text() == rows and len(made) == 19
    assert values["runs"] == 15 and values["text"] == (first / "report.md").read_text()
    assert (second / "accuracy.png").read_bytes() == (first / "accuracy.png").read_bytes()

    # Now that there is a store, nothing else is read, or made.
    (second / "runs.csv").write_text("nothing,of\nthe,kind\n")
    everything = tmp_path / "all"
    monkeypatch.setattr(catalogue, "EXPERIMENTS", {"clos-accuracy": ClosAccuracy})
    done = succeed("experiment", "all", "--quick", "--workers", 1, "--json", "--out", everything)
    assert list(json.loads(done.stdout)["experiments"]) == ["clos-accuracy"] and len(made) == 34
    succeed(*QUICK, "--out", second)
    assert (second / "runs.csv").read_text() == rows and len(made) == 34


def opened(folder):
    return open_store(folder / "runs.sqlite", "clos-accuracy", Run, Result)


def test_experiment_lists_what_there_is():
    assert "clos-accuracy" in succeed("experiment", "--list").stdout
    listed = json.loads(succeed("experiment", "--list", "--json").stdout)
    assert list(listed["experiments"]) == list(catalogue.EXPERIMENTS)
    assert all(listed["experiments"].values())


def test_experiment_bad_input(tmp_path):
    out = tmp_path / "out"
    to = ("--out", out)
    names = ", ".join(catalogue.EXPERIMENTS)
    fail(2, f"NAME must be one of {names}, all, not 'fig-3'", "experiment", "fig-3", *to)
    fail(2, f"NAME must be given, one of {names}, all; see", "experiment", *to)
    fail(2, "--seeds must be 1 to 1000, not 0", *QUICK, "--seeds", 0, *to)
    fail(2, "one of digits, mnist10k or a directory .* not 'none'; Debian's package "
         "dataset-fashion-mnist", *QUICK, "--data", "none", *to)
    fail(2, "train-images-idx3-ubyte.gz, but has neither; Debian", *QUICK, "--data", tmp_path, *to)
    assert not out.exists()
    out.write_text("in the way")
    fail(2, "must be a folder: File exists", *QUICK, *to)
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "runs.csv").write_text("something,else\n")
    fail(2, "must have the columns purpose, data, ", *QUICK, "--out", folder)
    assert (folder / "runs.csv").read_text() == "something,else\n"
    assert [file.name for file in folder.iterdir()] == ["runs.csv"]
    busy, other = tmp_path / "busy", tmp_path / "other"
    for one in (busy, other):
        one.mkdir()
    with opened(busy):
        fail(2, "runs.sqlite is open in another process", *QUICK, "--out", busy)
    with open_store(other / "runs.sqlite", "memory-wall", Run, Result):
        pass
    fail(2, "must hold the results of clos-accuracy, .* but has plan 'memory-wall', not",
         *QUICK, "--out", other)


def test_jobs_is_a_former_name_of_workers(tmp_path, monkeypatch):
    monkeypatch.setattr(ClosAccuracy, "plan", lambda *_: [])
    monkeypatch.setattr(ClosAccuracy, "report", lambda *_: Report("nothing", {}))
    line = ("experiment", "clos-accuracy", "--quick", "--jobs", 1, "--out", tmp_path)
    assert succeed(*line).stderr == (
        "clostorus: --jobs is now --workers, and goes with the next release\n")
    fail(2, "--workers and --jobs cannot both be given", *line, "--workers", 1)
    fail(2, "--workers and --scheduler cannot both be given", *QUICK, "--scheduler", "x", "--out",
         tmp_path)
    assert "--jobs" not in succeed("experiment", "--help").stdout


def test_a_scheduler_that_is_not_there(tmp_path):
    """Refused before anything is made."""
    out = tmp_path / "out"
    fail(2, "--scheduler must be the address of a scheduler of Dask that runs.*'nowhere' does not "
         "answer", "experiment", "clos-accuracy", "--quick", "--scheduler", "nowhere", "--out", out)
    assert not out.exists()


@pytest.mark.slow
def test_experiment_in_two_processes(tmp_path):
    alone, both = tmp_path / "alone", tmp_path / "both"
    succeed(*QUICK, "--out", alone)
    succeed("experiment", "clos-accuracy", "--quick", "--workers", 2, "--out", both)
    assert (both / "runs.csv").read_text() == (alone / "runs.csv").read_text()


@pytest.mark.slow
def test_all_experiments_run_quickly(tmp_path):
    """Every one of them trains or measures, and reports."""
    done = succeed("experiment", "all", "--quick", "--json", "--out", tmp_path)
    found = json.loads(done.stdout)["experiments"]
    assert list(found) == list(catalogue.EXPERIMENTS)
    for name, values in found.items():
        assert values["runs"] and values["text"].startswith("**"), name
        assert all((tmp_path / name / picture).exists()
                   for picture in catalogue.EXPERIMENTS[name].pictures)
