"""A torus with `checks` of 2 or 3 finds flips in its arithmetic, and in every register.

Each flip is in the RTL, while a program runs.
"""

import dataclasses
import re
from random import Random

import pytest

from golden import ClosShape
from golden.vectors.nets import random_net, random_words
from hw.presets import LARGE
from sim.device import SimDevice
from sim.faults.bench import FaultBench
from sim.faults.sites import FOUND, KINDS
from sim.model.transfers import Stalls
from sw_driver.compiler import compile
from sw_driver.device.faults import read_faults, refuse_faults
from sw_driver.errors import FaultError
from tests.support.flips import CHECKED, SAMPLES, arithmetic_flips, small_net

FLIPS = 150


@pytest.fixture(scope="module", params=[pytest.param(2, marks=pytest.mark.slow),
                                        pytest.param(3, marks=pytest.mark.slow)])
def bench(request, toolchain):
    config = dataclasses.replace(CHECKED, checks=request.param)
    made = FaultBench(compile(small_net(config), config), samples=SAMPLES)
    yield made
    made.close()


def test_cycles_are_those_without_checks(bench):
    assert bench.cycles == bench.compiled.predict(SAMPLES)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if FOUND[kind] > 1])
def test_no_flip_is_silent(bench, kind):
    """Of a kind that these checks find; some flips are live, and are flagged where they are."""
    found = FOUND[kind] <= bench.compiled.config.checks
    detected, mistake = arithmetic_flips(bench, kind, FLIPS)
    assert (mistake is None) == found
    assert detected >= 3 or not found


@pytest.mark.slow
def test_stalls_and_resets_raise_no_flag(bench):
    """A program that is stalled, or cut off by a reset anywhere, and then run again."""
    program, model, random = bench.program, bench.model, Random(2)
    for seed in range(20):
        model.reset()
        stalls = Stalls(seed, 300, 300)
        model.advance(program.beats, program.output_beats, stalls=stalls,
                      cycles=random.randrange(2 * bench.cycles))
        assert model.faults() == 0
        model.reset()
        done = model.run(program.beats, program.output_beats, stalls=stalls,
                         max_idle_cycles=10_000)
        assert len(done.beats) == program.output_beats
        assert model.faults() == 0


@pytest.mark.parametrize("checks", [2, 3])
def test_the_driver_names_the_place(checks):
    config = dataclasses.replace(CHECKED, checks=checks)
    with pytest.raises(FaultError, match=re.escape(
            "check of the arithmetic of PE (0, 1) failed: the outputs of this run are not to be "
            "trusted; load the net again")):
        refuse_faults(config, 1 << 5 << (5 + checks - 1))
    # A link that brings what a register made of it is named behind the register.
    flags = 1 << 5 << 0 | 1 << 4 << (5 + checks - 1)
    assert list(map(str, read_faults(config, flags))) == [
        "the arithmetic of PE (0, 0)", "a link into PE (0, 1)"]
    if checks == 3:
        assert list(map(str, read_faults(config, 1 << 6 << 14))) == ["a register of gateway 0"]


@pytest.mark.slow
@pytest.mark.parametrize("fields", [
    {"checks": 3, "rows": 2, "cols": 2, "lanes_in": 2, "lanes_out": 2, "link_words": 2,
     "host_bits": 128},
    {"checks": 2, "rows": 1, "cols": 1, "lanes_out": 4, "act_bits": 18, "weight_bits": 9,
     "leaky": 1, "bounded": 1},
], ids=["two-words", "lanes-out"])
def test_nothing_is_flagged_without_a_flip(fields, toolchain):
    """Words are those of the golden model, and cycles those of the cycle model."""
    config = dataclasses.replace(LARGE, **fields)
    random = Random(str(fields))
    with SimDevice() as device:
        for seed in range(3):
            shapes = [ClosShape(random.randint(3, 24), random.randint(3, 24), 2, 3, 2)]
            net = random_net(shapes, seed=seed, act_bits=config.act_bits,
                             weight_bits=config.weight_bits)
            compiled = compile(net, config)
            x = random_words(net, 7, seed=seed)
            device.load(compiled)
            device.infer_words(x)
            found = device.infer_words(x)
            assert (found == net.forward_words(x).numpy()).all()
            assert device.last_run is not None
            assert device.last_run.cycles == compiled.predict(7)
