"""`SimDevice`: what runs is what was loaded, and errors show."""

import dataclasses

import numpy as np
import pytest

from golden import ClosShape
from golden.vectors.nets import random_net, random_words
from hw.config import TorusConfig
from sim.device.device import SimDevice
from sim.device.verify import verify
from sim.errors import SimError
from sim.model.emitted import emitted_torus
from sw_driver import DriverError, GoldenDevice, compile, load_artifact, save_artifact
from sw_driver.program.executable import Executable

pytestmark = pytest.mark.usefixtures("toolchain")

SHAPES = (ClosShape(20, 12, 5, 3, 4), ClosShape(12, 7, 3, 4, 2))
CONFIG = TorusConfig(rows=2, cols=2)


def compile_random(seed, config=CONFIG):
    return compile(random_net(SHAPES, seed=seed), config)


def golden_words(compiled, x):
    with GoldenDevice() as device:
        device.load(compiled)
        return device.infer_words(x)


@pytest.fixture(scope="module")
def compiled():
    return compile_random(0)


@pytest.fixture
def device():
    with SimDevice() as device:
        yield device


def test_runs_one_after_another(device, compiled):
    device.load(compiled)
    for samples in (1, 2, 3, 30):
        x = random_words(compiled.net, samples, seed=samples).numpy()
        np.testing.assert_array_equal(device.infer_words(x), golden_words(compiled, x))
        assert (device.last_run.samples, device.last_run.programs) == (samples, 1)


def test_another_net_takes_the_place_of_the_first(device, compiled):
    other = compile_random(1)
    x = random_words(compiled.net, 5, seed=3).numpy()
    for loaded in (compiled, other, compiled):
        device.load(loaded)
        np.testing.assert_array_equal(device.infer_words(x), golden_words(loaded, x))
    assert (golden_words(compiled, x) != golden_words(other, x)).any()


def test_reals(device, compiled):
    device.load(compiled)
    x = np.random.default_rng(4).random((6, 20))
    with GoldenDevice() as golden:
        golden.load(compiled)
        np.testing.assert_array_equal(device.infer(x), golden.infer(x))


def test_more_samples_than_one_program(device, compiled, monkeypatch):
    monkeypatch.setattr("sw_driver.device.torus_device._MOST_SAMPLES", 7)
    device.load(compiled)
    x = random_words(compiled.net, 20, seed=5).numpy()
    np.testing.assert_array_equal(device.infer_words(x), golden_words(compiled, x))
    assert (device.last_run.samples, device.last_run.programs) == (20, 3)


def test_steady_cycles_are_those_of_real_runs(device, compiled):
    device.load(compiled)
    steady = device.steady_cycles()
    assert device.last_run is None
    cycles = []
    for samples in (1, 16, 80):
        device.infer_words(random_words(compiled.net, samples, seed=6).numpy())
        cycles.append(device.last_run.cycles)
    # What the torus still did when a run began may move its end by a few cycles.
    assert steady == pytest.approx((cycles[2] - cycles[1]) / 64, abs=4 / 64)
    assert steady >= max(compiled.prediction.bounds.values())


def test_progress(compiled):
    told = []
    with SimDevice(progress=lambda *what: told.append(what)) as device:
        device.load(compiled)
        device.infer_words(np.zeros((9, 20), np.int64))
    assert {work for work, _, _ in told} == {
        "build the simulation", "read the hardware id", "load the weights", "run samples"
    }  # fmt: skip
    assert all(0 <= done <= total for _, done, total in told)
    assert told[-1] == ("run samples", 9, 9)


@pytest.mark.slow
def test_baked_weights_are_not_loaded(tmp_path, monkeypatch):
    compiled = compile_random(0, dataclasses.replace(CONFIG, rows=1))
    path = tmp_path / "baked.ctz"
    save_artifact(path, compiled, baked=True)
    baked = load_artifact(path)

    def refuse(executable):
        raise AssertionError("weights are loaded")

    monkeypatch.setattr(Executable, "load", refuse)
    x = random_words(compiled.net, 4, seed=7).numpy()
    with SimDevice() as device:
        device.load(baked)
        np.testing.assert_array_equal(device.infer_words(x), golden_words(compiled, x))


def test_another_torus_is_refused(device, monkeypatch):
    """The hardware is not the one that the net is compiled for."""
    other = compile_random(0, dataclasses.replace(CONFIG, host_fifo_beats=32))
    verilog = emitted_torus(CONFIG)
    monkeypatch.setattr("sim.device.transport.emitted_torus", lambda config: verilog)
    message = f"must be {other.config.hardware_id:016x}, .* not {CONFIG.hardware_id:016x}"
    with pytest.raises(DriverError, match=message):
        device.load(other)
    with pytest.raises(DriverError, match="a net must be loaded before"):
        device.infer_words(np.zeros((1, 20), np.int64))


def test_a_run_that_hangs_ends(device, compiled, monkeypatch):
    """A program that expects more than the torus gives is given up after finitely many cycles."""
    monkeypatch.setattr("sim.device.transport._PATIENCE_CYCLES", 1000)
    device.load(compiled)
    run = compiled.executable.infer(np.zeros((2, 20), np.int64))
    longer = dataclasses.replace(run, output_beats=run.output_beats + 1)
    monkeypatch.setattr(Executable, "infer", lambda executable, x: longer)
    with pytest.raises(SimError, match=f"gave {run.output_beats} of {longer.output_beats} within"):
        device.infer_words(np.zeros((2, 20), np.int64))


def test_bad_inputs_never_reach_the_model(device, compiled):
    device.load(compiled)
    for x in (np.zeros((1, 21)), np.full((1, 20), np.nan), np.zeros((1, 20), complex)):
        with pytest.raises(DriverError, match="inputs must"):
            device.infer(x)
    assert device.last_run is None


def test_verify_finds_the_first_difference(device, compiled):
    device.load(compiled)
    x = random_words(compiled.net, 8, seed=8).numpy()
    expected = golden_words(compiled, x)
    verdict = verify(device, x, expected)
    assert verdict.comparison.first is None
    assert verdict.comparison.equal == verdict.comparison.compared == 8 * 7
    spoiled = expected.copy()
    spoiled[3, 2] += 1
    spoiled[5, 0] -= 1
    found = verify(device, x, spoiled).comparison
    assert (found.compared, found.equal) == (56, 54)
    assert dataclasses.astuple(found.first) == (3, 2, expected[3, 2] + 1, expected[3, 2])
    parameters = sum(shape.parameters for shape in SHAPES)
    assert verdict.utilisation == parameters / 4 / verdict.cycles_per_sample
