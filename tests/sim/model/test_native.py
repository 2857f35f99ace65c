"""The native model: beats, stalls, stamps, resets, and an end to every run."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import sim.model.native
from hw.emit import emit_verilog
from sim.errors import SimError, Unfinished
from sim.model.native import NativeModel
from sim.model.transfers import Probe, Stalls
from sw_driver.errors import StorageError
from tests.support.toys import TOP, Claims, HostToy

pytestmark = pytest.mark.usefixtures("toolchain")


def model_of(host_bits=64, **options):
    return NativeModel(emit_verilog(HostToy(host_bits, **options), TOP), TOP)


def random_beats(model, count, seed):
    return np.random.default_rng(seed).integers(
        0, 1 << 32, (count, model.beat_words), dtype=np.uint32)


@pytest.mark.parametrize("host_bits", [32, 64, 128, 256])
@pytest.mark.parametrize("stalls", [Stalls(), Stalls(300, 600, seed=5)])
def test_every_beat_arrives_in_order(host_bits, stalls):
    with model_of(host_bits) as model:
        assert model.beat_words == host_bits // 32
        beats = random_beats(model, 500, seed=host_bits)
        model.reset()
        done = model.run(beats, len(beats), max_cycles=5000, stalls=stalls)
    np.testing.assert_array_equal(done.beats, ~beats)


def test_stamps_and_the_cycle_counter():
    with model_of() as model:
        model.reset(3)
        assert model.cycles == 3
        first = model.run(random_beats(model, 4, seed=0), 4, max_cycles=100)
        np.testing.assert_array_equal(first.in_cycles, [3, 4, 5, 6])
        np.testing.assert_array_equal(first.out_cycles, [4, 5, 6, 7])
        assert model.cycles == 8
        second = model.run(random_beats(model, 1, seed=0), 1, max_cycles=100)
        np.testing.assert_array_equal(second.in_cycles, [8])


def test_stalls_are_as_frequent_as_asked_for_and_repeat():
    with model_of() as model:
        beats = random_beats(model, 5000, seed=1)
        runs = []
        for stalls in (Stalls(750, 0, 9), Stalls(750, 0, 9), Stalls(750, 0, 10), Stalls(0, 750, 9)):
            model.reset()
            start = model.cycles
            done = model.run(beats, len(beats), max_cycles=100_000, stalls=stalls)
            np.testing.assert_array_equal(done.beats, ~beats)
            runs.append(done.in_cycles - start)
    assert all(abs(run[-1] / 20_000 - 1) < 0.1 for run in runs)
    np.testing.assert_array_equal(runs[0], runs[1])
    assert (runs[0] != runs[2]).any()


def test_a_long_run_comes_back_for_progress(monkeypatch):
    monkeypatch.setattr(sim.model.native, "_SLICE_CYCLES", 7)
    seen = []
    with model_of() as model:
        beats = random_beats(model, 40, seed=2)
        done = model.run(beats, 40, max_cycles=1000, stalls=Stalls(400, 400, 1),
                         progress=lambda taken, given: seen.append((taken, given)))
    np.testing.assert_array_equal(done.beats, ~beats)
    assert seen == sorted(seen)
    assert len(seen) > 5
    assert seen[-1] == (40, 40)


def test_a_deadlock_ends_with_an_account():
    with model_of(deaf_after=3) as model:
        with pytest.raises(Unfinished, match=r"took 3 of 5 beats and gave 3 of 5 within 1000 cycles"
                                             r"; the last in cycle 3, now is cycle 1000"):
            model.run(random_beats(model, 5, seed=3), 5, max_cycles=1000)
        model.reset()
        assert len(model.run(random_beats(model, 3, seed=3), 3, max_cycles=10).beats) == 3


def test_a_run_may_be_cut_off_by_a_reset():
    with model_of() as model:
        beats = random_beats(model, 50, seed=4)
        for cut_cycles in range(1, 20):
            part = model.advance(beats, 50, cycles=cut_cycles, stalls=Stalls(200, 500, cut_cycles))
            np.testing.assert_array_equal(part.beats, ~beats[:len(part.beats)])
            model.reset()
            done = model.run(beats, 50, max_cycles=200)
            np.testing.assert_array_equal(done.beats, ~beats)


def test_two_models_are_apart():
    with model_of(64) as wide, model_of(32) as narrow:
        narrow.reset(5)
        assert (wide.cycles, narrow.cycles) == (0, 5)


def test_a_progress_function_cannot_use_its_model():
    refused = []
    with model_of() as model:
        beats = random_beats(model, 5, seed=0)

        def tell(taken, given):
            assert model.cycles > 0
            for call in (lambda: model.run(beats, 5, max_cycles=100), model.reset, model.close):
                with pytest.raises(SimError, match="from inside a run of its own"):
                    call()
                refused.append(call)

        done = model.run(beats, 5, max_cycles=100, progress=tell)
    np.testing.assert_array_equal(done.beats, ~beats)
    assert refused


def test_threads_take_turns_on_one_model(monkeypatch):
    monkeypatch.setattr(sim.model.native, "_SLICE_CYCLES", 7)
    with model_of() as model, ThreadPoolExecutor(4) as pool:
        inputs = [random_beats(model, 50, seed) for seed in range(12)]
        done = list(pool.map(lambda beats: model.run(beats, 50, max_cycles=200).beats, inputs))
    for beats, outputs in zip(inputs, done, strict=True):
        np.testing.assert_array_equal(outputs, ~beats)


def test_a_trace_is_written(tmp_path):
    path = tmp_path / "toy.vcd"
    with NativeModel(emit_verilog(HostToy(32), TOP), TOP, trace=path) as model:
        model.run(random_beats(model, 4, seed=0), 4, max_cycles=20)
    text = path.read_text()
    assert "host_in_data" in text
    assert "spare_full" in text


def test_probes_find_spans():
    """The register that a stall fills; without an end condition, each cycle is a span."""
    verilog = emit_verilog(HostToy(32), TOP)
    with NativeModel(verilog, TOP, probes=[Probe("toy.link", "spare_full")]) as model:
        model.run(random_beats(model, 50, seed=3), 50, max_cycles=500, stalls=Stalls(0, 500, 1))
        (spans,) = model.spans()
        assert spans and all(end == start + 1 for start, end in spans)
        assert model.spans() == [[]]
    with pytest.raises(SimError, match="the design has no variable toy.link.nothing"):
        NativeModel(verilog, TOP, probes=[Probe("toy.link", "nothing")])


def test_wrong_use_is_named(tmp_path):
    with model_of() as model:
        with pytest.raises(SimError, match=r"uint32 of shape \[count, 2\], not uint32 of .*4, 3\]"):
            model.run(np.zeros((4, 3), np.uint32), 0, max_cycles=1)
        with pytest.raises(SimError, match="not int64"):
            model.run(np.zeros((4, 2), np.int64), 0, max_cycles=1)
    with pytest.raises(SimError, match="closed"):
        model.reset()
    with pytest.raises(SimError, match="in_per_mille must be 0 to 1000, not 1001"):
        Stalls(1001)
    with pytest.raises(StorageError, match="trace .* cannot be written: No such file or directory"):
        NativeModel(emit_verilog(HostToy(32), TOP), TOP, trace=tmp_path / "none" / "a.vcd")


def test_an_assertion_in_the_design_is_an_error_not_the_end_of_python():
    with NativeModel(emit_verilog(Claims(), TOP), TOP) as model:
        beats = np.array([[5], [6], [7]], np.uint32)
        assert len(model.run(beats[:2], 2, max_cycles=10).beats) == 2
        with pytest.raises(SimError, match="an assertion in the design failed in cycle 4"):
            model.run(beats, 3, max_cycles=10)
