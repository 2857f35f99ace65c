"""`Compiled` and devices as Python objects: looked at, copied, pickled, in either kind."""

import copy
import inspect
import pickle

import numpy as np
import pytest
import torch

from golden import (
    ClosNet,
    ClosShape,
    initial_state,
    propose_format,
    softmax_cross_entropy,
)
from sim.device import ComparedDevice, SimDevice
from sw_driver import GoldenDevice, compile, export_files, load_artifact, save_artifact
from sw_driver.errors import DriverError, MissingError
from sw_driver.predict.training_cycles import predict_training
from sw_driver.serial import SerialDevice

X = torch.rand(20, 9, generator=torch.Generator().manual_seed(2))
NET = ClosNet([ClosShape(9, 8, 2, 3, 2)], generator=torch.Generator().manual_seed(1))
FORM = propose_format(NET, X, torch.arange(20) % 8, softmax_cross_entropy, 0.01)
INFERS, TRAINS = compile(NET, "1x1", X), compile(FORM, "1x1")


@pytest.fixture
def artifact(tmp_path):
    save_artifact(tmp_path / "m.ctz", INFERS)
    return load_artifact(tmp_path / "m.ctz")


def test_what_the_other_kind_has_is_missing(artifact):
    for compiled, has, lacks in (
        (INFERS, ("net", "prediction"), ("trained", "format", "placement", "momentum", "batches")),
        (artifact, ("net", "order"), ("trained", "format", "batches", "nothing")),
        (TRAINS, ("trained", "momentum", "batches"), ("net", "prediction")),
        (INFERS.executable, ("images",), ("training",)),
        (TRAINS.executable, ("training",), ("images",)),
    ):
        assert all(hasattr(compiled, name) for name in has)
        for name in lacks:
            assert not hasattr(compiled, name)
            assert getattr(compiled, name, "none") == "none"
        names = {name for name, _ in inspect.getmembers(compiled)}
        assert names >= set(has) and not names & set(lacks)


@pytest.mark.parametrize("name", ["trained", "format", "batches"])
def test_what_is_missing_is_said(artifact, name):
    for compiled in (INFERS, artifact):
        with pytest.raises(DriverError, match="compiled must be a net that is trained"):
            getattr(compiled, name)
    with pytest.raises(AttributeError, match="'Artifact' object has no attribute 'nothing'"):
        _ = artifact.nothing


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy,
                                       lambda one: pickle.loads(pickle.dumps(one))])
def test_copies(artifact, duplicate):
    for compiled in (INFERS, artifact):
        device = GoldenDevice()
        device.load(duplicate(compiled))
        assert duplicate(compiled).order == INFERS.order
        assert np.array_equal(device.infer(X), NET_OUTPUTS)
    state = initial_state(NET, FORM)
    assert duplicate(TRAINS).plan.order == TRAINS.plan.order
    device = GoldenDevice()
    device.load(duplicate(TRAINS), state)
    assert duplicate(device).infer(X).shape == (20, 8)


def outputs():
    device = GoldenDevice()
    device.load(INFERS)
    return device.infer(X)


NET_OUTPUTS = outputs()


@pytest.mark.parametrize("make", [GoldenDevice, SimDevice, ComparedDevice,
                                  lambda: SerialDevice("/dev/null")])
def test_a_device_without_a_net_can_be_looked_at(make):
    device = make()
    names = {name for name, _ in inspect.getmembers(device)}
    assert "infer" in names and "compiled" not in names
    assert not hasattr(device, "compiled")
    with pytest.raises(MissingError, match="a net must be loaded before"):
        device.infer(X)
    device.close()
    device.close()


@pytest.mark.parametrize("compiled", [INFERS, TRAINS], ids=["infers", "trains"])
@pytest.mark.parametrize("samples", [0, 1.5, None, 1 << 20])
def test_samples_that_no_run_has(compiled, samples):
    with pytest.raises(DriverError, match=f"samples must be 1 to [0-9]+, not {samples}"):
        compiled.predict(samples)


@pytest.mark.parametrize("samples", [0, 1.5, None, 1 << 20])
def test_samples_that_no_run_trains_on(samples):
    with pytest.raises(DriverError, match=f"samples must be 1 to [0-9]+, not {samples}"):
        predict_training(TRAINS, samples)


def test_a_net_for_inference_has_no_state_to_read():
    with pytest.raises(MissingError, match="must be compiled for training, from a TrainingFormat"):
        INFERS.executable.dump()


def test_arguments_of_export_files(tmp_path):
    with pytest.raises(DriverError, match=r"first, .* export_files\(compiled, folder\), not a str"):
        export_files(str(tmp_path / "export"), INFERS)
    with pytest.raises(DriverError, match="script must be that of a training, with its state"):
        export_files(TRAINS, tmp_path / "export")
    assert not (tmp_path / "export").exists()


def test_what_is_no_state_and_no_word_is_refused():
    device = GoldenDevice()
    device.load(TRAINS, initial_state(NET, TRAINS.format))
    before = device.read_state()
    for state in (None, before.state_dict()):
        with pytest.raises(DriverError, match="state must be a TrainingState, not"):
            device.write_state(state)
        with pytest.raises(DriverError, match="state must be a TrainingState for a net that"):
            device.load(TRAINS, state)
    for checkpoint in (None, before):
        with pytest.raises(DriverError, match=r"checkpoint must be what checkpoint\(\) returns"):
            device.restore(checkpoint)
    assert device.read_state() == before
    for words in ("x", [[0.5]], None):
        with pytest.raises(DriverError, match="words must be whole numbers, not"):
            device.to_reals(words)
    found = [device.to_reals(words) for words in (np.ones((1, 8), np.int32), [[1] * 8])]
    assert np.array_equal(*found)
