"""The vector engine against Verilator: every beat of the host, and the cycle in which it moves.

Random programs run on both at once, some with a host that stalls, some after a reset in the middle
of a run. The memories of a torus that trains are loaded and read back through the host stream.
"""

import dataclasses
from random import Random

import pytest

from golden.vectors.nets import random_finishes, random_net, random_words
from hw.config import TorusConfig
from hw.presets import LARGE, TEST
from sim.model.transfers import Stalls
from sw_driver.compiler import compile
from tests.support import equality, training_equality
from tests.support.equality import FINISHING, random_chain, random_shapes
from tests.support.training_runs import (
    Job,
    golden_run,
    perform,
    play,
    random_job,
    rtl_run,
    start_batch,
)
from tests.support.vector_twin import Twin

SLOW_PROGRAMS = 200  # Of all slow cases together, at least.


def stalls_of(case: int) -> Stalls:
    return Stalls(in_per_mille=300 * (case % 3 == 1), out_per_mille=300 * (case % 3 >= 1),
                  seed=case)


def infer(twin: Twin, config: TorusConfig, cases: int) -> None:
    """Random nets, weights and inputs; every second one after a program that was cut off."""
    for case in range(cases):
        seed = 1000 * config.rows + 100 * config.cols + case
        random = Random(seed)
        shapes = random_chain(random, config) if case % 3 == 2 else random_shapes(random)
        net = random_net(shapes, seed=seed, act_bits=config.act_bits,
                         weight_bits=config.weight_bits)
        net = random_finishes(net, seed=seed, leaky=bool(config.leaky),
                              bounded=bool(config.bounded))
        executable = compile(net, config, order=("best", "program")[case % 2]).executable
        if case % 2:
            load = executable.load()
            twin.advance(load.beats, 0, cycles=random.randint(1, 2 * len(load.beats)),
                         stalls=stalls_of(case))
            twin.reset(random.randint(1, 3))
        x = random_words(net, 5, seed=seed)
        equality.perform(twin, executable.load(), stalls_of(case))
        found = executable.decode(equality.perform(twin, executable.infer(x.numpy()),
                                                   stalls_of(case)))
        assert (found == net.forward_words(x).numpy()).all()
    assert twin.beats > 100 * cases


def cut_off(twin: Twin, job: Job, stalls: Stalls, random: Random) -> None:
    """End a step at a random cycle, and reset."""
    perform(twin, job.compiled.executable.load(job.state), stalls)
    last = random.randint(0, 3)
    play(twin, start_batch(job, 0), stalls,
         cut_off=lambda transfer: random.randint(1, 1000) if transfer == last else None)
    twin.reset(random.randint(1, 3))


def train(twin: Twin, config: TorusConfig, cases: int) -> None:
    """Random nets that train for some steps; every second one after a step that was cut off."""
    for case in range(cases):
        seed = 1000 * config.rows + 100 * config.cols + case
        random, job = Random(seed), random_job(config, seed, case, dense=case % 3 == 2)
        if case % 2:
            cut_off(twin, job, stalls_of(case), random)
        assert not rtl_run(twin, job, stalls_of(case)).differences(golden_run(job))


def test_inference():
    config = dataclasses.replace(TEST, rows=2, cols=3, link_stages=1)
    with Twin(config) as twin:
        infer(twin, config, 4)


@pytest.mark.slow
@pytest.mark.parametrize("link_words", [1, 2])
def test_inference_with_lanes(link_words):
    config = dataclasses.replace(TEST, rows=2, cols=2, lanes_in=2, lanes_out=2, weight_words=2048,
                                 word_steps=1, link_words=link_words)
    with Twin(config) as twin:
        infer(twin, config, 4)


@pytest.mark.slow
def test_training():
    config = training_equality.CONFIGS[1]
    with Twin(config) as twin:
        train(twin, config, 4)


SLOW_INFERENCE = [dataclasses.replace(LARGE, rows=2, cols=2, act_bits=18, weight_bits=5,
                                      host_bits=256), FINISHING[0]]
SLOW_TRAINING = [training_equality.CONFIGS[2]]
PROGRAMS = {True: 40, False: 80}  # Of a torus that trains, and of one that does not.


@pytest.mark.slow
@pytest.mark.parametrize("config", [*SLOW_INFERENCE, *SLOW_TRAINING])
def test_many_random_programs(config):
    with Twin(config) as twin:
        (infer if config.training is None else train)(
            twin, config, PROGRAMS[config.training is not None])


def test_there_are_enough_slow_programs():
    assert (len(SLOW_INFERENCE) * PROGRAMS[False] + len(SLOW_TRAINING) * PROGRAMS[True]
            >= SLOW_PROGRAMS)
