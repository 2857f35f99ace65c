"""A torus with `checks` computes what it did before, and finds one flipped bit where it is.

Each flip is in the RTL, while a program runs. What the torus flags first must name the memory, or
the link, and the node in which the bit flipped.
"""

import dataclasses
import re
from random import Random

import numpy as np
import pytest

from golden import ClosShape
from golden.vectors.nets import random_net, random_words
from hw.fault_places import flag_bits
from hw.presets import LARGE
from sim.device import SimDevice
from sim.errors import VectorRefused
from sim.faults.bench import FaultBench
from sw_driver.compiler import compile
from sw_driver.device.faults import read_faults, refuse_faults
from sw_driver.errors import FaultError, MissingError
from sw_driver.files.artifact import load_artifact, save_artifact
from tests.support.flips import (
    CHECKED,
    MEMORIES,
    SAMPLES,
    link_flips,
    memory_flips,
    small_net,
)

pytestmark = pytest.mark.usefixtures("toolchain")

FLIPS = 40


@pytest.fixture(scope="module")
def bench():
    made = FaultBench(compile(small_net(), CHECKED), samples=SAMPLES)
    yield made
    made.close()


def test_cycles_are_those_without_checks(bench):
    """They are predicted by a model that knows nothing of checks; words are compared by a bench."""
    assert bench.cycles == bench.compiled.predict(SAMPLES)
    assert bench.flip_bit(bench.variables("weights")[0], 0, 0, bench.cycles - 1).faults == ()


@pytest.mark.parametrize("kind", MEMORIES)
def test_a_flip_in_a_memory_is_found_there(bench, kind):
    """Of words that the program uses, in a random cycle: no wrong output comes without a flag."""
    flagged, mistake = memory_flips(bench, kind, FLIPS * (5 if kind == "buffers" else 1))
    assert mistake is None
    assert flagged >= 4


def test_a_flip_on_a_link_is_found_where_it_lands(bench):
    landed, mistake = link_flips(bench, 8 * FLIPS)
    assert mistake is None
    assert {"a link into PE (0, 0)", "a link into PE (0, 1)", "a link into gateway 0"} <= landed


def test_without_a_flip_in_between_nothing_is_left(bench):
    """A bench that has flipped bits computes what it did before."""
    flip = bench.flip_bit(bench.variables("accumulator")[0], 0, 0, bench.cycles - 1)
    assert (flip.outcome, flip.faults) == ("masked", ())


def test_the_driver_names_the_place(bench):
    """A run whose weights flip ends in one line; the net must then be loaded again."""
    net = small_net()
    x = random_words(net, SAMPLES, seed=1)
    with SimDevice(accessible=bench.names) as device:
        device.load(compile(net, CHECKED))
        weights = device.model.variable("clostorus.torus.pe_0_1.mac.weight_memory", "words")
        np.testing.assert_array_equal(device.infer_words(x), net.forward_words(x).numpy())
        weights.flip(0, 3)
        with pytest.raises(FaultError, match=re.escape(
                "parity of the weight memory of PE (0, 1) failed: the outputs of this run are not "
                "to be trusted; load the net again")):
            device.infer_words(x)
        with pytest.raises(MissingError, match="the net must be loaded again"):
            device.infer_words(x)
        device.load(compile(net, CHECKED))
        np.testing.assert_array_equal(device.infer_words(x), net.forward_words(x).numpy())


def test_the_vector_engine_refuses():
    with pytest.raises(VectorRefused, match="cannot tell the faults of a torus with checks"):
        SimDevice(engine="vector").load(compile(small_net(), CHECKED))


@pytest.mark.parametrize("flags, wanted", [
    # A buffer of PE (0, 0), whose words go on to PE (0, 1), which stores them, and to the gateway.
    ([1 << 1, 1 << 1 | 1 << 4, 1 << 4, 0],
     ["a gather buffer of PE (0, 0)", "a link into PE (0, 1)", "a gather buffer of PE (0, 1)",
      "a link into gateway 0"]),
    ([0, 1 << 1 | 1 << 4, 1 << 4, 0],
     ["a link into PE (0, 1)", "a gather buffer of PE (0, 1)", "a link into gateway 0"]),
    ([0, 1 << 0 | 1 << 2, 1 << 3, 1 << 3],
     ["the weight memory of PE (0, 1)", "the bias memory of PE (0, 1)",
      "the program memory of gateway 0", "the program memory of the bridge"]),
])
def test_the_first_place_is_the_one_that_others_follow_from(flags, wanted):
    """Flags of both PEs, of their gateway and of the bridge, in the order of the units."""
    number = sum(of_unit << flag_bits(CHECKED) * unit for unit, of_unit in enumerate(flags))
    assert list(map(str, read_faults(CHECKED, number))) == wanted


def test_the_message_names_causes_and_counts_the_rest():
    with pytest.raises(FaultError, match=re.escape(
            "parity of a link into PE (0, 1) failed (and of 2 more places): the outputs")):
        width = flag_bits(CHECKED)
        refuse_faults(CHECKED, (1 << 1 | 1 << 4) << width | 1 << 4 << 2 * width)
    refuse_faults(CHECKED, 0)


@pytest.mark.slow
@pytest.mark.parametrize("fields", [
    {"rows": 2, "cols": 2},
    {"rows": 2, "cols": 2, "lanes_in": 2, "lanes_out": 2, "link_words": 2, "host_bits": 128},
    {"rows": 2, "cols": 1, "lanes_out": 4, "act_bits": 18, "weight_bits": 8, "word_steps": 1},
], ids=["plain", "two-words", "lanes-out"])
def test_random_nets_are_computed_as_without_checks(fields):
    """Words are those of the golden model, cycles those of the cycle model, and nothing is found.

    Weights are loaded, and in memories from the start.
    """
    config = dataclasses.replace(LARGE, checks=1, **fields)
    random = Random(str(fields))
    with SimDevice() as device:
        for seed in range(4):
            features = [random.randint(3, 24) for _ in range(3)]
            shapes = [ClosShape(inputs, outputs, random.randint(1, 3), random.randint(1, 4),
                                random.randint(1, 3))
                      for inputs, outputs in zip(features, features[1:], strict=False)]
            net = random_net(shapes, seed=seed, act_bits=config.act_bits,
                             weight_bits=config.weight_bits)
            compiled = compile(net, config)
            x = random_words(net, 7, seed=seed)
            device.load(compiled)
            device.infer_words(x)  # The first run also waits for what was loaded.
            np.testing.assert_array_equal(device.infer_words(x), net.forward_words(x).numpy())
            assert device.last_run is not None
            assert device.last_run.cycles == compiled.predict(7)


@pytest.mark.slow
def test_baked_weights_have_parities(tmp_path):
    net = small_net()
    save_artifact(tmp_path / "m.ctz", compile(net, CHECKED), baked=True)
    artifact = load_artifact(tmp_path / "m.ctz")
    assert artifact.config.checks == 1 and artifact.baked
    x = random_words(net, SAMPLES, seed=1)
    with SimDevice() as device:
        device.load(artifact)
        np.testing.assert_array_equal(device.infer_words(x), net.forward_words(x).numpy())
