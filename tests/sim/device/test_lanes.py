"""Tori whose MACs have lanes, on the RTL: every word is the golden model's, every beat the model's.

Some of them have links that move two words at once. Each torus is built once. It runs random nets
with odd fan-ins, groups of sums that are not full and dense layers; it is reset in the middle of
runs; and the cycles of runs with a host that never stalls are those of the cycle model.
"""

import dataclasses
from random import Random

import numpy as np
import pytest

from golden.vectors.nets import random_finishes, random_net, random_words
from hw.config import TorusConfig
from hw.presets import LARGE
from hw.tops import TOPS
from sim.model.emitted import emitted_torus
from sim.model.native import NativeModel
from sim.model.transfers import Stalls
from sw_driver.compiler import compile
from sw_driver.cycle_model import simulate
from tests.support.equality import UNALIGNED, name, perform, random_chain, random_shapes

pytestmark = pytest.mark.usefixtures("toolchain")

CASES = 6
IDLE_CYCLES = 3000


def torus(rows, cols, lanes_in, lanes_out, **fields):
    """A torus with room for as many weights in each lane as one without lanes has."""
    words = LARGE.weight_words * lanes_in * lanes_out
    return dataclasses.replace(LARGE, rows=rows, cols=cols, lanes_in=lanes_in,
                               lanes_out=lanes_out, weight_words=words, **fields)


TORI = [
    torus(2, 3, 2, 2, word_steps=1),
    torus(2, 2, 2, 2, link_words=2),
]
SLOW_TORI = [
    torus(2, 2, 2, 1),
    torus(1, 1, 2, 4, rep_bits=10),
    torus(2, 2, 1, 2, act_bits=8, weight_bits=8),
    torus(1, 2, 1, 8, host_bits=32),
    torus(8, 1, 2, 2, host_bits=128),
    torus(3, 2, 2, 2, link_words=2, word_steps=1),
    torus(1, 1, 2, 1, link_words=2, host_bits=32, rep_bits=10),
    torus(2, 3, 2, 1, link_words=2, act_bits=8, weight_bits=8, host_bits=32),
    torus(1, 3, 2, 8, link_words=2, act_bits=18, weight_bits=17, link_stages=1),
    torus(4, 1, 2, 4, link_words=2, act_bits=5, weight_bits=4, host_bits=256, word_steps=1,
          leaky=1, bounded=1),
    torus(3, 2, 2, 4, link_stages=1, leaky=1, bounded=1, act_bits=12),
]


def check_words(model: NativeModel, config: TorusConfig, case: int) -> None:
    """One random net, every second one after a run that was cut off by a reset."""
    seed = 1000 * config.rows + 100 * config.cols + case
    random = Random(seed)
    shapes = UNALIGNED if case == 0 else random_shapes(random)
    if case % 3 == 2:
        shapes = random_chain(random, config)
    net = random_net(shapes, seed=seed, act_bits=config.act_bits, weight_bits=config.weight_bits)
    net = random_finishes(net, seed=seed, leaky=bool(config.leaky), bounded=bool(config.bounded))
    executable = compile(net, config, order=("best", "program")[case % 2]).executable
    x = random_words(net, 7, seed=seed)
    if case % 2:
        load, infer = executable.load(), executable.infer(x.numpy())
        perform(model, load)
        model.advance(infer.beats, 0, cycles=random.randint(1, 2 * len(infer.beats)))
        model.reset(random.randint(1, 3))
    stalls = Stalls(in_per_mille=300 * (case % 3 == 1), out_per_mille=300 * (case % 3 == 2),
                    seed=seed)
    perform(model, executable.load(), stalls)
    found = executable.decode(perform(model, executable.infer(x.numpy()), stalls))
    assert (found == net.forward_words(x).numpy()).all(), f"{name(config)}, {shapes}, seed {seed}"
    for run in (executable.load(), executable.infer(x.numpy()[:1]),
                executable.infer(np.zeros((40, executable.in_features), np.int64))):
        check_cycles(model, config, run, f"{name(config)}, {shapes}, seed {seed}")


def check_cycles(model: NativeModel, config: TorusConfig, run, what: str) -> None:
    model.advance(np.zeros((0, model.beat_words), np.uint32), 1, cycles=IDLE_CYCLES)
    predicted = simulate(config, run.program)
    found = model.run(run.beats, run.output_beats, max_cycles=2 * predicted.cycles + 1000)
    start = found.in_cycles[0]
    np.testing.assert_array_equal(predicted.in_cycles, found.in_cycles - start, what)
    np.testing.assert_array_equal(predicted.out_cycles, found.out_cycles - start, what)


@pytest.mark.parametrize("config", [
    *TORI, *(pytest.param(config, marks=pytest.mark.slow) for config in SLOW_TORI)], ids=name)
def test_words_and_cycles(config):
    with NativeModel(emitted_torus(config), TOPS["torus"]) as model:
        model.reset()
        for case in range(CASES):
            check_words(model, config, case)
