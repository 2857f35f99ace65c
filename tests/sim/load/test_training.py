"""A training that is stopped over and over is the same in the end; one that is not so is found."""

import dataclasses
import sys

import pytest

from sim.load.__main__ import main
from sim.load.arguments import line_of, parsed
from sim.load.child import CLOSTORUS, Child
from sim.load.lesson import Lesson, differences, steps_done
from sim.load.stops import (
    Died,
    Stop,
    Stopped,
    TrainingWrong,
    check_end,
    planned,
    stop_and_go,
    train_whole,
)
from sim.load.tables import training_table
from sim.measure.campaign_page import check_page, made, write_page
from sim.measure.markdown import cells_by_row
from sw_driver.errors import DriverError
from sw_driver.jobs.store import open_store

SMALL = Lesson(200, device="golden")
BEFORE = "import sys, time; from golden.system.stopping import begin; begin('clostorus'); "
MAIN = "; sys.argv[0] = 'clostorus'; from sw_driver.cli import main; main()"
# A training that rests before each part, so that there is time to stop it.
RESTS = """
from sw_driver.train.loop import TrainingLoop
trains = TrainingLoop._train
def _train(self, *arguments):
    time.sleep(0.2)
    trains(self, *arguments)
TrainingLoop._train = _train
"""
# A checkpoint in which the random generators are those of the beginning.
NO_GENERATORS = """
from sw_driver.device.state_device import StateDevice
right = StateDevice.checkpoint
def checkpoint(self):
    found = right(self)
    found["state"] = found["state"] | {"lfsr": found["state"]["lfsr"] * 0 + 1}
    return found
StateDevice.checkpoint = checkpoint
"""
# A training that goes on a sample too early.
REPEATS = """
import dataclasses
from sw_driver.train.loop import Position
right = Position.from_dict
def from_dict(values):
    found = right(values)
    found.samples = max(0, found.samples - 1)
    return found
Position.from_dict = from_dict
"""


def program(patch):
    """A `clostorus` that is patched before it begins."""
    return (sys.executable, "-c", f"{BEFORE}exec({RESTS + patch!r}){MAIN}")


def test_half_of_the_stops_clear_nothing_away():
    lesson = Lesson(100_000)
    plan = planned(lesson, 100)
    names = [name for name, _ in plan]
    assert [names.count(name) for name in ("SIGINT", "SIGTERM", "SIGKILL")] == [25, 25, 50]
    early = [step for _, step in plan if step < 0]
    steps = [step for _, step in plan if step >= 0]
    assert 2 <= len(early) <= 20 and steps == sorted(steps)
    assert steps[-1] + 2 * lesson.save_steps < lesson.steps
    assert plan == planned(lesson, 100) != planned(Lesson(100_000, seed=2), 100)


def test_the_data_follow_from_the_seed(tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        (tmp_path / name).mkdir()
        Lesson(300, seed).write_data(tmp_path / name)
    a, b, c = ((tmp_path / name / "train.csv").read_text() for name in "abc")
    assert a == b != c and len(a.splitlines()) == 101


@pytest.mark.parametrize("arguments, message", [
    (["training", "--steps", "1500"], "--steps must be a multiple of 100, or of 1000"),
    (["training", "--stops", "0"], "--stops must be a whole number from 1 to"),
    (["training", "--device", "serial"], "--device must be one of sim, golden, not 'serial'"),
    (["training", "--torus", "1by1"], "torus must be"),
    (["link", "--frames", "many"], "--frames must be a whole number from 100"),
    (["link", "--damage-per-mille", "nan"], "--damage-per-mille must be a number from 0 to 50"),
    (["link", "--page", "none.md"], "page none.md must be a text file"),
    ([], "the following arguments are required: WHAT"),
])
def test_what_is_refused(arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises((DriverError, ValueError), match=message):
        main(arguments)
    assert not list(tmp_path.rglob("*.pt"))


def test_a_table_names_its_command_and_its_commit(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- begin load-link -->\nold\n<!-- end load-link -->\nafter\n")
    check_page(page, "load-link")
    asked = parsed("", ["link", "--frames", "500", "--seed", "3"])
    write_page(page, "load-link", line_of(asked), made(), ("what", "model"), [("frames", "500")])
    text = page.read_text()
    assert ("    python -m sim.load link --frames 500 --rtl-frames 10000 --damage-per-mille 10 "
            "--seed 3\n") in text
    assert made() in text and "| frames | 500 |" in text and "old" not in text
    assert parsed("", line_of(asked).split()[3:]) == asked


def test_a_program_that_ends_by_itself_is_found(tmp_path):
    lesson = Lesson(300)
    code = "import sys; print('no torus today', file=sys.stderr); sys.exit(7)"
    with (open_store(tmp_path / "runs.sqlite", "load-training", Stop, Stopped) as store,
          pytest.raises(Died, match="not with status 7: no torus today")):
        stop_and_go(lesson, 1, tmp_path, store, (sys.executable, "-c", code))
    assert not store.results


def test_a_stop_that_came_too_late_is_none():
    rows = [Stopped("SIGKILL", 100, -9, 0, 100, 1.0), Stopped("SIGINT", 200, 0, 100, 300, 1.0)]
    found = dict(training_table(Lesson(300), rows, ""))
    assert (found["stops"], found["of them by SIGINT"]) == ("1", "0")
    assert found["stops that came after the end of the training"] == "1"


def test_a_program_that_ends_well_too_early_is_found(tmp_path):
    with (open_store(tmp_path / "runs.sqlite", "load-training", Stop, Stopped) as store,
          pytest.raises(TrainingWrong, match="ended well with 0 of 300 steps")):
        stop_and_go(Lesson(300), 1, tmp_path, store, (sys.executable, "-c", "pass"))


def test_a_child_ends_when_it_is_told_to(tmp_path):
    child = Child([], tmp_path, (sys.executable, "-c", "import time; time.sleep(600)"))
    assert child.wait(0.2) is None
    child.end()
    assert child.wait() == -9


@pytest.mark.slow
@pytest.mark.usefixtures("toolchain")
def test_a_training_is_stopped(tmp_path, monkeypatch, capsys):
    page = tmp_path / "page.md"
    page.write_text("<!-- begin load-training -->\n<!-- end load-training -->\n")
    words = ["training", "--steps", "1000", "--stops", "4", "--quiet",
             "--out", str(tmp_path), "--page", str(page)]
    assert main(words) == 0
    found = cells_by_row(page.read_text())
    assert int(found["stops"]["figure"]) >= 2
    assert found["weights, biases, velocities, generators, losses"]["figure"] == (
        "equal, bit for bit")
    folder = tmp_path / "training"
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]
    assert steps_done(folder / "stopped.pt", Lesson(1000)) == 1000
    # All is done, so nothing is started any more; and other trainings are refused.
    monkeypatch.setattr(Child, "__init__", None)
    assert main(words) == 0 and "equal, bit for bit" in capsys.readouterr().out
    with pytest.raises(DriverError, match="--out must be a folder of this training"):
        main([*words, "--seed", "2"])


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A training without stops."""
    folder = tmp_path_factory.mktemp("whole")
    SMALL.write_data(folder)
    return train_whole(SMALL, folder, CLOSTORUS)


@pytest.mark.slow
@pytest.mark.parametrize("patch, found", [(NO_GENERATORS, "masters|weight"), (REPEATS, "position")])
def test_a_training_that_goes_on_wrongly_is_found(tmp_path, whole, patch, found):
    SMALL.write_data(tmp_path)
    with open_store(tmp_path / "runs.sqlite", "load-training", Stop, Stopped) as store:
        stopped = stop_and_go(SMALL, 2, tmp_path, store, program(patch))
    with pytest.raises(TrainingWrong, match=found):
        check_end(whole, stopped)
    assert not differences(whole, whole)
    for stop, row in store.results.items():
        assert row.after >= row.before and dataclasses.asdict(stop)["steps"] == 200
