"""The cycle model against the RTL: the cycle of every beat, and the span of every repetition.

No number here has a tolerance. The host never stalls: the model knows no other.
"""

import dataclasses
from random import Random

import numpy as np
import pytest

from golden.vectors.nets import random_net
from hw.config import TorusConfig
from hw.presets import LARGE
from hw.tops import TOPS
from sim.device.rtl_timeline import engine_probes, engine_recording
from sim.model.emitted import emitted_torus
from sim.model.native import NativeModel
from sim.vector.model import VectorModel
from sw_driver.compiler import compile_net
from sw_driver.cycle_model import Engine, record, simulate
from sw_driver.predict.timeline import chrome_trace, slices
from sw_driver.program.executable import Executable
from tests.support.equality import (
    CONFIGS,
    UNALIGNED,
    in_pipeline,
    name,
    random_chain,
    random_shapes,
)
from tests.support.knobs import mostly_slow

pytestmark = pytest.mark.usefixtures("toolchain")

# Of the equality tests' tori, whose models are built already; and two of our own.
TORI = [
    *CONFIGS,
    dataclasses.replace(LARGE, rows=4, cols=4),
    dataclasses.replace(LARGE, rows=3, cols=3, host_bits=32, link_stages=1, host_fifo_beats=4),
]
NETS = 5
CLOS_NETS = 3  # The others have dense layers.
SAMPLES = (1, 2, 40)
# After a run, the torus finishes what is left to do, and waits for the next program.
IDLE_CYCLES = 3000


def check(rtl: NativeModel, config: TorusConfig, program, beats, output_beats, what: str) -> int:
    """Compare one run; returns its cycles."""
    rtl.advance(np.zeros((0, rtl.beat_words), np.uint32), 1, cycles=IDLE_CYCLES)
    predicted = simulate(config, program)
    found = rtl.run(beats, output_beats, max_cycles=2 * predicted.cycles + 1000)
    start = found.in_cycles[0]
    np.testing.assert_array_equal(predicted.in_cycles, found.in_cycles - start, what)
    np.testing.assert_array_equal(predicted.out_cycles, found.out_cycles - start, what)
    last = max(stamps[-1] for stamps in (found.in_cycles, found.out_cycles) if len(stamps))
    assert predicted.cycles == last - start + 1, what
    return predicted.cycles


def compiled(net, config: TorusConfig, number: int, random: Random) -> tuple[Executable, object]:
    """In the best order, in program order, and in any pipeline, one after the other."""
    if number % 3 < 2:
        order = ("best", "program")[number % 3]
        return compile_net(net, config, grow=False, order=order).executable, order
    plan, executable = in_pipeline(net, config, random)
    return executable, (plan.order, plan.extra_turns)


def sweep(config: TorusConfig, nets: int, seed: int) -> None:
    """Random nets on one torus: orders, numbers of samples, loading, and the identity."""
    cases = cycles = 0
    with NativeModel(emitted_torus(config), TOPS["torus"]) as rtl:
        rtl.reset()
        for number in range(nets):
            random = Random(seed + number)
            shapes = UNALIGNED if number == 0 else random_shapes(random)
            if number >= CLOS_NETS:
                shapes = random_chain(random, config)
            net = random_net(shapes, seed=seed + number, act_bits=config.act_bits,
                             weight_bits=config.weight_bits)
            executable, order = compiled(net, config, number, random)
            runs = [executable.identify(), executable.load()]
            for samples in SAMPLES:
                x = np.zeros((samples, executable.in_features), np.int64)
                runs.append(executable.infer(x))
            for run in runs:
                what = f"{config}, {shapes}, order {order}, seed {seed + number}"
                cycles += check(rtl, config, run.program, run.beats, run.output_beats, what)
                cases += 1
    print(f"{name(config)}, seed {seed}: {cases} runs of {cycles} cycles equal")


# The quick ones' models are those of the equality tests.
@pytest.mark.parametrize("config", mostly_slow(TORI, (4,)), ids=name)
def test_every_beat_of_random_runs(config):
    sweep(config, NETS, seed=100 * config.rows + config.cols)


@pytest.mark.slow
@pytest.mark.parametrize("config", [
    *TORI,
    dataclasses.replace(LARGE, rows=6, cols=6, host_bits=256),
    dataclasses.replace(LARGE, rows=2, cols=7, link_stages=3, host_fifo_beats=5),
], ids=name)
def test_every_beat_of_many_random_runs(config):
    sweep(config, 12, seed=2000 + 100 * config.rows + config.cols)


@pytest.mark.slow
@pytest.mark.parametrize("config", [
    pytest.param(dataclasses.replace(LARGE, rows=2, cols=3, link_stages=2), marks=pytest.mark.slow),
    dataclasses.replace(LARGE, rows=1, cols=2, host_bits=32),
], ids=name)
@pytest.mark.parametrize("order", [
    pytest.param("best", marks=pytest.mark.slow), "program"])
@pytest.mark.parametrize("engine", mostly_slow([NativeModel, VectorModel], (1,)))
def test_timelines_of_model_and_rtl_are_equal(config, order, engine):
    net = random_net(UNALIGNED, seed=1)
    executable = compile_net(net, config, grow=False, order=order).executable
    probes = [probe for _, probe in engine_probes(config)]
    verilog = emitted_torus(config)
    with engine(verilog, TOPS["torus"], probes=probes) as rtl:
        rtl.reset()
        runs = [executable.load(), executable.infer(np.zeros((5, 33), np.int64))]
        for run in [*runs, executable.identify()]:
            rtl.advance(np.zeros((0, rtl.beat_words), np.uint32), 1, cycles=IDLE_CYCLES)
            rtl.spans()
            found = rtl.run(run.beats, run.output_beats, max_cycles=100_000)
            measured = engine_recording(config, rtl, found)
            predicted = record(config, run.program)
            assert measured.spans.keys() == predicted.spans.keys()
            for engine, spans in predicted.spans.items():
                assert measured.spans[engine] == spans, engine
            np.testing.assert_array_equal(measured.out_cycles, predicted.out_cycles)
            assert chrome_trace(slices(config, run.program, measured)) == chrome_trace(
                slices(config, run.program, predicted))
    assert all(predicted.spans[Engine("gateway", 0, config.cols)])


def test_there_are_enough_cases():
    assert len(set(TORI)) >= 12
    assert len(TORI) * NETS * (len(SAMPLES) + 2) >= 60
