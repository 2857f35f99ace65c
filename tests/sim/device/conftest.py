"""What tests of runs that end early begin with."""

import pytest

import sim.model.native
from golden.vectors.nets import random_net
from sw_driver import GoldenDevice, compile
from tests.support.broken_off import CONFIG, SHAPES, Progress


@pytest.fixture(scope="module")
def compiled():
    return compile(random_net(SHAPES, seed=0), CONFIG)


@pytest.fixture(scope="module")
def golden(compiled):
    with GoldenDevice() as device:
        device.load(compiled)
        yield device


@pytest.fixture
def progress(monkeypatch):
    monkeypatch.setattr(sim.model.native, "_SLICE_CYCLES", 50)
    return Progress()
