"""Which engine simulates a torus."""

import pytest

import sim.device.engines
from sim.device.device import SimDevice
from sim.device.engines import LEAST_VECTOR_PES, open_model
from sim.errors import SimError, VectorRefused
from sim.model.transfers import Probe


@pytest.fixture
def made(monkeypatch):
    """Names of the engines that models were made by; none is made."""
    names: list[str] = []
    for name in ("NativeModel", "VectorModel"):
        monkeypatch.setattr(sim.device.engines, name,
                            lambda *args, name=name, **options: names.append(name))
    monkeypatch.setattr(sim.device.engines, "has_avx2", lambda: True)
    return names


@pytest.mark.parametrize("engine, pes, options, expected", [
    ("auto", LEAST_VECTOR_PES, {}, "VectorModel"),
    ("auto", LEAST_VECTOR_PES - 1, {}, "NativeModel"),
    ("auto", LEAST_VECTOR_PES, {"trace": "w.vcd"}, "NativeModel"),
    ("auto", LEAST_VECTOR_PES, {"probes": [Probe("top", "active")]}, "VectorModel"),
    ("auto", LEAST_VECTOR_PES, {"accessible": ["lfsr"]}, "VectorModel"),
    ("vector", 1, {}, "VectorModel"),
    ("verilator", LEAST_VECTOR_PES, {}, "NativeModel"),
])
def test_the_engine_is_chosen(made, engine, pes, options, expected):
    open_model(engine, pes, "", **options)
    assert made == [expected]


def test_auto_takes_verilator_without_avx2(made, monkeypatch):
    monkeypatch.setattr(sim.device.engines, "has_avx2", lambda: False)
    open_model("auto", LEAST_VECTOR_PES, "")
    assert made == ["NativeModel"]


def test_auto_takes_verilator_where_the_vector_engine_refuses(made, monkeypatch):
    def refuse(*args, **options):
        raise VectorRefused("a latch")

    monkeypatch.setattr(sim.device.engines, "VectorModel", refuse)
    open_model("auto", LEAST_VECTOR_PES, "")
    assert made == ["NativeModel"]
    with pytest.raises(VectorRefused, match="a latch"):
        open_model("vector", LEAST_VECTOR_PES, "")


@pytest.mark.parametrize("options, message", [
    ({"engine": "fast"}, "engine must be auto, vector or verilator, not 'fast'"),
    ({"engine": "vector", "trace": "w.vcd"}, "no waveforms: leave out the trace w.vcd"),
])
def test_a_device_refuses_at_once(options, message):
    with pytest.raises(SimError, match=message):
        SimDevice(**options)
