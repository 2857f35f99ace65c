"""Runs of `SimDevice` that end early, and several threads: right words, or "load it again"."""

import copy
import threading

import numpy as np
import pytest

from golden.vectors.nets import random_net
from hw.config import TorusConfig
from sim.device.device import SimDevice
from sim.errors import SimError
from sw_driver import DriverError, compile
from sw_driver.program.executable import Executable
from tests.support.broken_off import (
    AGAIN,
    SHAPES,
    WAIT_S,
    Stop,
    check,
    use,
    words,
)

pytestmark = pytest.mark.usefixtures("toolchain")

@pytest.mark.parametrize("error", [Stop("enough"), KeyboardInterrupt(), SimError("a fault")])
@pytest.mark.parametrize("calls", [1, 4, 9])
def test_after_a_run_that_is_broken_off_the_net_must_be_loaded(compiled, golden, progress, error,
                                                                calls):
    with SimDevice(progress=progress) as device:
        device.load(compiled)
        for run in lambda: device.infer_words(words(compiled, 20, seed=1)), device.steady_cycles:
            check(device, compiled, golden, seed=2)
            progress.arm(error, "run samples", calls)
            with pytest.raises(type(error)):
                run()
            for call in use(device, compiled):
                with pytest.raises(DriverError, match=AGAIN):
                    call()
            device.load(compiled)
        check(device, compiled, golden, seed=3)


@pytest.mark.slow
def test_after_a_recording_that_is_broken_off_the_net_must_be_loaded(progress):
    compiled = compile(random_net(SHAPES, seed=0), TorusConfig(rows=1, cols=1))
    x = words(compiled, 5, seed=1)
    with SimDevice(progress=progress, recording=True) as device:
        device.load(compiled)
        whole = device.record(x)
        progress.arm(Stop(), "record a run", 3)
        with pytest.raises(Stop):
            device.record(x)
        for call in lambda: device.record(x), *use(device, compiled):
            with pytest.raises(DriverError, match=AGAIN):
                call()
        device.load(compiled)
        assert device.record(x).spans == whole.spans


@pytest.mark.parametrize("work", ["build the simulation", "read the hardware id",
                                  "load the weights"])
def test_after_a_load_that_is_broken_off_nothing_is_loaded(compiled, golden, progress, work):
    with SimDevice(progress=progress) as device:
        device.load(compiled)
        check(device, compiled, golden, seed=2)
        progress.arm(KeyboardInterrupt(), work)
        with pytest.raises(KeyboardInterrupt):
            device.load(compiled)
        with pytest.raises(DriverError, match=r"must be loaded .*call load\(\)"):
            device.infer_words(words(compiled, 3, seed=1))
        device.load(compiled)
        check(device, compiled, golden, seed=3)


def test_a_run_that_does_not_end_or_fails_breaks_off(compiled, golden, monkeypatch):
    monkeypatch.setattr("sim.device.transport._PATIENCE_CYCLES", 1000)
    with SimDevice() as device:
        device.load(compiled)
        infer = Executable.infer
        with monkeypatch.context() as patch:
            patch.setattr(Executable, "infer", lambda executable, x: type(run := infer(
                executable, x))(run.program, run.beats, run.output_beats + 1))
            with pytest.raises(SimError, match="gave .* within"):
                device.infer_words(words(compiled, 2, seed=1))
        with pytest.raises(DriverError, match=AGAIN):
            device.infer_words(words(compiled, 2, seed=1))
        device.load(compiled)
        check(device, compiled, golden, seed=3)


def test_what_is_refused_breaks_nothing_off(compiled, golden):
    with SimDevice() as device:
        device.load(compiled)
        with pytest.raises(DriverError, match="inputs must"):
            device.infer(np.zeros((1, 19)))
        with pytest.raises(SimError, match="recording must be asked for"):
            device.record(words(compiled, 1, seed=1))
        with pytest.raises(DriverError, match="compiled must be"):
            device.load(None)
        check(device, compiled, golden, seed=3)


def test_a_golden_device_goes_on(compiled, golden, monkeypatch):
    x = words(compiled, 3, seed=1)
    expected = golden.infer_words(x)

    def interrupted(net, words):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(type(compiled.net), "forward_words", interrupted)
        with pytest.raises(KeyboardInterrupt):
            golden.infer_words(x)
    np.testing.assert_array_equal(golden.infer_words(x), expected)
    np.testing.assert_array_equal(copy.deepcopy(golden).infer_words(x), expected)


def test_a_progress_function_cannot_use_its_device(compiled, golden, progress):
    x = words(compiled, 3, seed=1)
    refused = []

    def tell(work, done, total):
        if work == "run samples":
            assert device.compiled is compiled
            for call in (lambda: device.infer_words(x), lambda: device.load(compiled),
                         device.steady_cycles, device.close):
                with pytest.raises(DriverError, match="from inside a run of its own") as caught:
                    call()
                refused.append(caught.value)

    with SimDevice(progress=tell) as device:
        device.load(compiled)
        np.testing.assert_array_equal(device.infer_words(x), golden.infer_words(x))
    assert refused


def in_threads(*acts):
    """Run functions at the same time; return what each returned, or raise what one raised."""
    found, errors = {}, []

    def one(number, act):
        try:
            found[number] = act()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=one, args=item) for item in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_S)
        assert not thread.is_alive()
    if errors:
        raise errors[0]
    return [found[number] for number in range(len(acts))]


def test_threads_take_turns_on_one_device(compiled, golden, progress):
    with SimDevice(progress=progress) as device:
        device.load(compiled)
        inputs = [words(compiled, 5, seed) for seed in range(4)]

        def several(x):
            return [device.infer_words(x) for _ in range(4)]

        found = in_threads(*(lambda x=x: several(x) for x in inputs),
                           lambda: [device.steady_cycles()])
        for x, outputs in zip(inputs, found, strict=False):
            for output in outputs:
                np.testing.assert_array_equal(output, golden.infer_words(x))
        progress.arm(Stop(), "run samples", 3)
        with pytest.raises((Stop, DriverError)):
            in_threads(*(lambda x=x: several(x) for x in inputs))
        with pytest.raises(DriverError, match=AGAIN):
            device.infer_words(inputs[0])


def test_closing_waits_for_a_run_of_another_thread(compiled, golden, progress):
    started, x = threading.Event(), words(compiled, 30, seed=1)

    def tell(work, done, total):
        if work == "run samples":
            started.set()

    device = SimDevice(progress=tell)
    device.load(compiled)

    def close():
        assert started.wait(WAIT_S)
        device.close()

    found, _ = in_threads(lambda: device.infer_words(x), close)
    np.testing.assert_array_equal(found, golden.infer_words(x))
    with pytest.raises(DriverError, match="a net must be loaded before"):
        device.infer_words(x)


def test_two_devices_run_side_by_side(compiled, golden, progress):
    """Each waits, in the midst of its run, until the other one is in the midst of its own."""
    both, x = threading.Barrier(2), words(compiled, 30, seed=1)

    def run():
        waited = []

        def tell(work, done, total):
            if work == "run samples" and not waited:
                waited.append(both.wait(WAIT_S))

        with SimDevice(progress=tell) as device:
            device.load(compiled)
            return device.infer_words(x)

    for found in in_threads(run, run):
        np.testing.assert_array_equal(found, golden.infer_words(x))
