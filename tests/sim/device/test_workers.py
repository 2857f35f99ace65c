"""Samples over cores: `SimDevice(workers=...)` gives the same words, and ends as a whole."""

import dataclasses
import signal
import threading

import numpy as np
import pytest

from golden.errors import GoldenError
from golden.vectors.nets import random_net
from hw.presets import TEST
from sim.device.device import SimDevice
from sim.errors import SimError
from sim.model.native import NativeModel
from sw_driver import DriverError, GoldenDevice, compile
from tests.support.broken_off import (
    AGAIN,
    SHAPES,
    WAIT_S,
    Stop,
    check,
    use,
    words,
)
from tests.support.training_equality import CONFIGS
from tests.support.training_runs import random_job

pytestmark = pytest.mark.usefixtures("toolchain")


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("samples", [1, 2, 7, 31])
def test_words_are_those_of_the_golden_model(compiled, golden, monkeypatch, workers, samples):
    monkeypatch.setattr("sw_driver.device.torus_device._MOST_SAMPLES", 4)
    told = []
    x = words(compiled, samples, seed=samples)
    with SimDevice(workers=workers, engine="verilator",
                   progress=lambda *now: told.append(now)) as device:
        device.load(compiled)
        steady = device.steady_cycles()
        np.testing.assert_array_equal(device.infer_words(x), golden.infer_words(x))
        assert device.last_run.samples == samples
        sizes = [len(part) for part in np.array_split(x, workers)]
        assert device.last_run.programs == sum(-(-size // 4) for size in sizes)
        assert device.steady_cycles() == steady
        if workers > 1:
            runs = [done for work, done, total in told if (work, total) == ("run samples", samples)]
            assert runs == sorted(runs)


def test_the_vector_engine_computes_the_same_words():
    config = dataclasses.replace(TEST, rows=2, cols=3, link_stages=1)  # Built by other tests, too.
    compiled = compile(random_net(SHAPES, seed=0, act_bits=config.act_bits,
                                  weight_bits=config.weight_bits), config)
    x = words(compiled, 9, seed=1)
    with SimDevice(workers=2, engine="vector") as device, GoldenDevice() as golden:
        golden.load(compiled)
        device.load(compiled)
        np.testing.assert_array_equal(device.infer_words(x), golden.infer_words(x))


def test_parts_are_computed_at_the_same_time(compiled, golden, monkeypatch):
    """Each of two models waits, before its run, until the other one is there."""
    both, run, seen = threading.Barrier(2), NativeModel.run, set()

    def waiting(model, *arguments, **options):
        if armed and model not in seen:
            seen.add(model)
            both.wait(WAIT_S)
        return run(model, *arguments, **options)

    armed = False
    monkeypatch.setattr(NativeModel, "run", waiting)
    x = words(compiled, 8, seed=1)
    with SimDevice(workers=2, engine="verilator") as device:
        device.load(compiled)
        armed = True
        np.testing.assert_array_equal(device.infer_words(x), golden.infer_words(x))
    assert len(seen) == 2


@pytest.mark.parametrize("error", [Stop("enough"), KeyboardInterrupt(), SimError("a fault")])
@pytest.mark.parametrize("calls", [1, 5])
def test_an_error_of_the_progress_function_ends_all_parts(compiled, golden, progress, error, calls):
    with SimDevice(workers=3, engine="verilator", progress=progress) as device:
        device.load(compiled)
        progress.arm(error, "run samples", calls)
        with pytest.raises(type(error)):
            device.infer_words(words(compiled, 60, seed=1))
        assert not [one for one in threading.enumerate() if one.name.startswith("torus")]
        for call in use(device, compiled):
            with pytest.raises(DriverError, match=AGAIN):
                call()
        device.load(compiled)
        check(device, compiled, golden, seed=3)


def test_an_interrupt_ends_all_parts(compiled, golden, progress):
    """Ctrl-C comes while both models run."""
    main, run = threading.main_thread(), threading.Event()

    def tell(work, done, total):
        if work == "run samples" and not run.is_set():
            run.set()
            signal.pthread_kill(main.ident, signal.SIGINT)

    with SimDevice(workers=2, engine="verilator", progress=tell) as device:
        device.load(compiled)
        with pytest.raises(KeyboardInterrupt):
            device.infer_words(words(compiled, 60, seed=1))
        assert not [one for one in threading.enumerate() if one.name.startswith("torus")]
        with pytest.raises(DriverError, match=AGAIN):
            device.infer_words(words(compiled, 2, seed=1))
        device.load(compiled)
        check(device, compiled, golden, seed=3)


@pytest.mark.parametrize("failing", [0, 1, 2])
def test_a_part_that_fails_ends_all_parts(compiled, golden, progress, monkeypatch, failing):
    advance = NativeModel._advance
    with SimDevice(workers=3, engine="verilator", progress=progress) as device:
        device.load(compiled)
        model = [device._sim, *device._others][failing].model

        def fail(one, *arguments):
            if one is model:
                raise SimError(f"part {failing} fails")
            return advance(one, *arguments)

        with monkeypatch.context() as patch:
            patch.setattr(NativeModel, "_advance", fail)
            with pytest.raises(SimError, match=f"part {failing} fails"):
                device.infer_words(words(compiled, 60, seed=1))
        assert not [one for one in threading.enumerate() if one.name.startswith("torus")]
        with pytest.raises(DriverError, match=AGAIN):
            device.infer_words(words(compiled, 2, seed=1))
        device.load(compiled)
        check(device, compiled, golden, seed=3)


@pytest.mark.parametrize("workers", [0, -1, 1025, 1.5, "2", True, None])
def test_a_number_that_is_none_is_refused(workers):
    with pytest.raises(GoldenError, match="workers must be"):
        SimDevice(workers=workers)


@pytest.mark.parametrize("options, name", [
    ({"trace": "w.vcd"}, "a trace"), ({"recording": True}, "a recording"),
    ({"accessible": ["lfsr"]}, "what is accessible")])
def test_what_watches_one_torus_is_refused(options, name):
    with pytest.raises(SimError, match=f"workers must be 1 with {name}, not 2"):
        SimDevice(workers=2, **options)


def test_a_net_that_trains_is_refused_and_the_one_before_stays(compiled, golden):
    job = random_job(CONFIGS[1], seed=0, case=0)
    with SimDevice(workers=2, engine="verilator") as device:
        device.load(compiled)
        with pytest.raises(SimError, match="workers must be 1 for a net that trains, not 2: each"):
            device.load(job.compiled, job.state)
        check(device, compiled, golden, seed=3)
