"""The experiment `memory-wall`, by made times and on a small layer; and the list of all."""

import pytest

from golden.experiments.experiment import Settings
from sw_driver.experiments.catalogue import EXPERIMENTS
from sw_driver.experiments.memory_wall import MemoryWall, MemoryWallResult, MemoryWallRun


def made(flat_from):
    """Times of a step that grow with the batch from `flat_from` on."""
    experiment = MemoryWall(Settings())
    results = {}
    for run in experiment.plan({}):
        seconds = 0.01 * max(1, run.batch / flat_from) * (1 + run.repeat / 1000)
        results[run] = MemoryWallResult(seconds, 4_000_000 if run.kind == "dense" else 700_000)
    assert len(results) == experiment.total
    return experiment.report(results).text


@pytest.mark.parametrize("flat_from, falls, flat", [
    (64, "holds", "holds"), (1, "does not hold", "holds"), (10_000, "holds", "does not hold")])
def test_c8_verdicts_follow_the_times(flat_from, falls, flat):
    text = made(flat_from)
    assert f"power above 0.75) {falls}." in text and f"power below 0.25) {flat}." in text


def test_c8_a_torus_takes_the_cycles_of_the_model_at_its_clock():
    experiment = MemoryWall(Settings(quick=True))
    slow, fast = (experiment.measure(MemoryWallRun("torus", 64, 1, "2x2", clock, 0))
                  for clock in (50.0, 100.0))
    assert slow.seconds == pytest.approx(2 * fast.seconds) and slow.work == fast.work
    cycles = fast.seconds * 100e6
    assert cycles == pytest.approx(round(cycles), abs=0.5) and cycles > 2 * fast.work / 4


def test_every_experiment_has_its_name():
    assert [kind.name for kind in EXPERIMENTS.values()] == list(EXPERIMENTS)
    assert len(EXPERIMENTS) == 13
