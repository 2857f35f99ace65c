"""The cycle model of training against the RTL: the cycle of every beat of the host.

No number here has a tolerance. The host waits for outputs before it sends their gradient, and for
nothing else; or it has all gradients at once.
"""

import dataclasses
import itertools

import numpy as np
import pytest

from golden import ClosShape
from hw.config import TorusConfig
from hw.tops import TOPS
from sim.device.rtl_timeline import engine_probes, engine_recording
from sim.model.emitted import emitted_torus
from sim.model.native import NativeModel
from sim.model.transfers import Transfer
from sim.vector.model import VectorModel
from sw_driver.compiled import Compiled
from sw_driver.compiler import compile
from sw_driver.cycle_model import Engine, Exchange, record_exchanges, simulate, simulate_exchanges
from sw_driver.predict.training_cycles import exchanges, predict_training, predict_training_steady
from sw_driver.program.events import Receive, Run, Send
from tests.support.training_equality import CONFIGS, WIDE_SWEEP, name, torus
from tests.support.training_nets import random_format, random_state
from tests.support.training_runs import new_model, random_job

pytestmark = pytest.mark.usefixtures("toolchain")

# Of the equality tests' tori, whose models are built already; and one of our own.
TORI = [*CONFIGS, torus(2, 3, {"reduce_words": 2, "velocity_bits": 36}, link_stages=1,
                        host_fifo_beats=4)]
LARGE = torus(4, 4, {}, host_bits=256)
STEADY = torus(2, 2, {"velocity_bits": 32, "reduce_words": 4})
# Trained on the torus alone, on batches, with momentum, with the gradient of the inputs, frozen.
CASES = 3
SAMPLES = (1, 14)
# After a run, the torus finishes what is left to do, and waits for the next program.
IDLE_CYCLES = 4000


def beats_of(compiled: Compiled, samples: int) -> tuple[np.ndarray, list[Exchange]]:
    """All beats that the host sends in a run, and what `host_events` gives and takes."""
    executable = compiled.executable
    gradient = np.ones(executable.words.outputs, np.int64)
    events = executable.train(np.zeros((samples, executable.words.inputs), np.int64),
                              lambda sample, outputs: gradient)
    sent: list[np.ndarray] = []
    found: list[Exchange] = []
    waiting, reply = 0, None
    while True:
        try:
            event = events.send(reply)
        except StopIteration:
            break
        if isinstance(event, Send):
            sent.append(event.beats)
            waiting, reply = waiting + len(event.beats), None
        else:
            assert isinstance(event, Receive)
            found.append(Exchange(waiting, event.beats))
            words = executable.config.host_bits // 32
            waiting, reply = 0, np.zeros((event.beats, words), np.uint32)
    return np.concatenate(sent), [*found, *[Exchange(waiting, 0)] * (waiting > 0)]


def rest(rtl: NativeModel) -> None:
    rtl.advance(np.zeros((0, rtl.beat_words), np.uint32), 1, cycles=IDLE_CYCLES)


def move(rtl: NativeModel, beats: np.ndarray, wanted: list[Exchange]) -> Transfer:
    """Carry out exchanges, on a torus at rest."""
    rest(rtl)
    starts = itertools.accumulate((one.gives for one in wanted), initial=0)
    done = [rtl.run(beats[start : start + gives], takes, max_cycles=200_000)
            for start, (gives, takes) in zip(starts, wanted, strict=False)]
    return Transfer(*(np.concatenate([getattr(one, name) for one in done])
                      for name in ("beats", "in_cycles", "out_cycles")))


def measure(rtl: NativeModel, beats, wanted: list[Exchange]) -> tuple[np.ndarray, np.ndarray]:
    """The cycle of every beat in and out, counted from the first."""
    moved = move(rtl, beats, wanted)
    first = int(moved.in_cycles[0])
    return moved.in_cycles.astype(np.int64) - first, moved.out_cycles.astype(np.int64) - first


def check_run(rtl: NativeModel, config: TorusConfig, run: Run, what: str) -> int:
    """A program that does not train."""
    given, taken = measure(rtl, run.beats, [Exchange(len(run.beats), run.output_beats)])
    predicted = simulate(config, run.program)
    np.testing.assert_array_equal(predicted.in_cycles, given, what)
    np.testing.assert_array_equal(predicted.out_cycles, taken, what)
    return predicted.cycles


def check_training(rtl: NativeModel, compiled: Compiled, samples: int, what: str) -> int:
    beats, wanted = beats_of(compiled, samples)
    cycles = 0
    for at_once in (False, True):
        asked = exchanges(compiled.executable, samples, at_once=at_once)
        if not at_once:
            assert asked == wanted, what
        given, taken = measure(rtl, beats, asked)
        predicted = simulate_exchanges(
            compiled.config, compiled.executable.train_program(samples), asked)
        label = f"{what}, {samples} samples, gradients at once: {at_once}"
        np.testing.assert_array_equal(predicted.in_cycles, given, label)
        np.testing.assert_array_equal(predicted.out_cycles, taken, label)
        cycles += predicted.cycles
    return cycles


def sweep(config: TorusConfig, cases: int, first_seed: int, *, dense: bool = False,
          stale: bool = False) -> None:
    runs = cycles = 0
    with new_model(config) as rtl:
        for case in range(cases):
            job = random_job(config, first_seed + case, case, dense=dense, stale=stale)
            executable, what = job.compiled.executable, f"{job}, seed {first_seed + case}"
            cycles += check_run(rtl, config, executable.load(job.state), what)
            for samples in SAMPLES:
                cycles += check_training(rtl, job.compiled, samples, what)
            zeros = np.zeros((3, executable.words.inputs), np.int64)
            cycles += check_run(rtl, config, executable.infer(zeros), what)
            cycles += check_run(rtl, config, executable.dump(), what)
            runs += 3 + 2 * len(SAMPLES)
    print(f"{name(config)}, seed {first_seed}: {runs} runs of {cycles} cycles equal")


@pytest.mark.parametrize("config", [
    TORI[1], *(pytest.param(torus, marks=pytest.mark.slow) for torus in TORI if torus != TORI[1]),
], ids=name)
def test_every_beat_of_random_training(config):
    sweep(config, CASES, first_seed=100 * config.rows + config.cols)


@pytest.mark.parametrize("config", [
    TORI[1], *(pytest.param(config, marks=pytest.mark.slow)
               for config in (*TORI, *WIDE_SWEEP) if config != TORI[1]),
], ids=name)
def test_every_beat_of_random_training_of_dense_layers(config):
    sweep(config, 2 * CASES, first_seed=100 * config.rows + config.cols, dense=True)


@pytest.mark.parametrize("dense", [False, pytest.param(True, marks=pytest.mark.slow)])
@pytest.mark.parametrize("config", [
    TORI[1], *(pytest.param(config, marks=pytest.mark.slow)
               for config in (TORI[0], TORI[2], *WIDE_SWEEP[-2:])),
], ids=name)
def test_every_beat_of_random_training_stale_by_one(config, dense):
    sweep(config, CASES, first_seed=100 * config.rows + config.cols, dense=dense, stale=True)


@pytest.mark.slow
@pytest.mark.parametrize("config", [*TORI, *WIDE_SWEEP, LARGE], ids=name)
def test_every_beat_of_much_random_training(config):
    sweep(config, 4, first_seed=2000 + 100 * config.rows + config.cols)


@pytest.mark.slow
@pytest.mark.parametrize("config", [
    dataclasses.replace(STEADY, rows=1), pytest.param(STEADY, marks=pytest.mark.slow)], ids=name)
@pytest.mark.parametrize("engine", [
    NativeModel, pytest.param(VectorModel, marks=pytest.mark.slow)])
def test_timelines_of_training_are_equal(config, engine):
    """Every repetition of every engine, RUN and BACK, while samples are trained on."""
    form = random_format([ClosShape(24, 12, 4, 4, 3)], seed=1, velocity_bits=32)
    compiled, samples = compile(form, config, input_gradient=True), 3
    probes = [probe for _, probe in engine_probes(config)]
    with engine(emitted_torus(config), TOPS["torus"], probes=probes) as rtl:
        rtl.reset()
        state = random_state(compiled.format, config.rows, config.cols, seed=1)
        check_run(rtl, config, compiled.executable.load(state), "load")
        rest(rtl)
        rtl.spans()
        measured = engine_recording(config, rtl, move(rtl, *beats_of(compiled, samples)))
    predicted = record_exchanges(
        config, compiled.executable.train_program(samples), exchanges(compiled.executable, samples))
    assert measured.spans.keys() == predicted.spans.keys()
    for engine, spans in predicted.spans.items():
        assert measured.spans[engine] == spans, engine
    np.testing.assert_array_equal(measured.out_cycles, predicted.out_cycles)
    reps = sum(op.reps for ops in compiled.plan.backs[0] for op in ops)
    reps += sum(stage.reps for stage in compiled.stages if stage.outputs)
    assert len(predicted.spans[Engine("mac", 0, 0)]) == samples * reps


def test_there_are_enough_cases():
    assert len(set(TORI)) >= 4
    assert len(TORI) * CASES * (3 + 2 * len(SAMPLES)) >= 80


@pytest.mark.parametrize("batches", [False, True])
def test_steady_state_is_what_is_measured(batches):
    """(T(n + 64) - T(n)) / 64 of the RTL, of two runs of the model, and of its steady state."""
    form = random_format([ClosShape(24, 12, 4, 4, 3)], seed=1, velocity_bits=32)
    compiled = compile(form, STEADY, batches=batches)
    with new_model(STEADY) as rtl:
        state = random_state(compiled.format, STEADY.rows, STEADY.cols, seed=1)
        check_run(rtl, STEADY, compiled.executable.load(state), "load")
        ends = []
        for samples in (16, 80):
            beats, wanted = beats_of(compiled, samples)
            given, taken = measure(rtl, beats, wanted)
            ends.append(1 + max(given[-1], taken[-1]))
            assert ends[-1] == predict_training(compiled, samples)
    prediction = predict_training_steady(compiled)
    assert prediction.cycles == (ends[1] - ends[0]) / 64
    assert prediction.cycles >= prediction.steps >= prediction.ideal_cycles
    parts = prediction.breakdown.engines["mac"]
    assert sum(parts.values()) == pytest.approx(1)
    assert parts["working"] == pytest.approx(prediction.steps / prediction.cycles)
