"""`clostorus experiment`: quick, from start to end, stopped and resumed, and bad input."""

import json
import re

import pytest

from golden.experiments.clos_accuracy import ClosAccuracy
from tests.support.command_line import clostorus, fail, succeed

QUICK = ("experiment", "clos-accuracy", "--quick", "--jobs", 1)


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
    assert {file.name for file in first.iterdir()} == {"runs.csv"}
    begun = (first / "runs.csv").read_text()
    assert len(begun.splitlines()) == 13

    done = succeed(*QUICK, "--out", first)
    rows = (first / "runs.csv").read_text()
    assert len(made) == 16 and rows.startswith(begun) and len(rows.splitlines()) == 16
    assert done.stdout.startswith("**mnist10k**: the dense network has 203530 parameters")
    assert "fig 3) is not decided" in done.stdout
    assert {file.name for file in first.iterdir()} == {"runs.csv", "report.md", "accuracy.png"}

    # The last three runs once more, on their own: what a run gives depends on nothing before it.
    second.mkdir(parents=True)
    kept = rows.splitlines(keepends=True)
    (second / "runs.csv").write_text("".join(kept[:-3]) + kept[-3][:-3])
    done = succeed(*QUICK, "--out", second, "--json")
    assert re.fullmatch("clostorus: .*/runs.csv: its last line is cut off .*\n", done.stderr)
    values = json.loads(done.stdout)
    assert (second / "runs.csv").read_text() == rows
    assert values["runs"] == 15 and values["text"] == (first / "report.md").read_text()
    assert (second / "accuracy.png").read_bytes() == (first / "accuracy.png").read_bytes()


def test_experiment_lists_what_there_is():
    assert "clos-accuracy" in succeed("experiment", "--list").stdout
    listed = json.loads(succeed("experiment", "--list", "--json").stdout)
    assert list(listed["experiments"]) == ["clos-accuracy", "precision"]


def test_experiment_bad_input(tmp_path):
    out = tmp_path / "out"
    to = ("--out", out)
    fail(2, "NAME must be one of clos-accuracy, precision, not 'fig-3'", "experiment", "fig-3", *to)
    fail(2, "NAME must be given, one of clos-accuracy, precision", "experiment", *to)
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


@pytest.mark.slow
def test_experiment_in_two_processes(tmp_path):
    alone, both = tmp_path / "alone", tmp_path / "both"
    succeed(*QUICK, "--out", alone)
    succeed("experiment", "clos-accuracy", "--quick", "--jobs", 2, "--out", both)
    assert (both / "runs.csv").read_text() == (alone / "runs.csv").read_text()
