"""Every output word of the RTL equals the golden model's: random nets on many tori.

Each hardware configuration is built once and runs several random nets, one after the other, some
with a host that stalls, some after a reset in the middle of a run.
"""

import dataclasses
from random import Random

import numpy as np
import pytest

from golden import ClosShape, QuantisedNet
from golden.vectors.nets import random_finishes, random_net, random_words
from hw.config import TorusConfig
from hw.presets import LARGE, TEST
from hw.tops import TOPS
from sim.model.emitted import emitted_torus
from sim.model.native import NativeModel
from sim.model.transfers import Stalls
from sw_driver.compiler import compile
from sw_driver.errors import FitError
from sw_driver.program.executable import Executable
from sw_driver.program.host_stream import decode_id
from tests.support.equality import (
    CONFIGS,
    FINISHING,
    UNALIGNED,
    in_pipeline,
    name,
    perform,
    random_chain,
    random_shapes,
)
from tests.support.knobs import mostly_slow

CASES = 6
DENSE_CASES = 4  # Of chains that have dense layers; they come after the others.


def rtl_outputs(model: NativeModel, executable: Executable, x, stalls: Stalls) -> np.ndarray:
    perform(model, executable.load(), stalls)
    return executable.decode(perform(model, executable.infer(x), stalls))


def check(model: NativeModel, config: TorusConfig, net: QuantisedNet, order: str, seed: int) -> int:
    """Compare one case; returns the number of words."""
    x = random_words(net, 5, seed=seed)
    executable = compile(net, config, order=order).executable
    stalls = Stalls(in_per_mille=300 * (seed % 3 == 1), out_per_mille=300 * (seed % 3 == 2),
                    seed=seed)
    expected = net.forward_words(x).numpy()
    found = rtl_outputs(model, executable, x.numpy(), stalls)
    assert (found == expected).all(), f"{config}, {net.shapes}, order {order}, seed {seed}"
    return expected.size


@pytest.mark.parametrize("config", mostly_slow(
    [*CONFIGS, dataclasses.replace(LARGE, rows=6, cols=6)], (0, 8)), ids=name)
def test_random_nets(config):
    words = 0
    with NativeModel(emitted_torus(config), TOPS["torus"]) as model:
        model.reset()
        for case in range(CASES + DENSE_CASES):
            seed = 1000 * config.rows + 100 * config.cols + case
            random = Random(seed)
            shapes = UNALIGNED if case == 0 else random_shapes(random)
            if case >= CASES:
                shapes = random_chain(random, config)
            net = random_net(shapes, seed=seed, act_bits=config.act_bits,
                             weight_bits=config.weight_bits)
            if case % 2:
                # Cut off a run at a random cycle: whatever state is left, a reset mends it.
                cut_off = compile(net, config, order="program").executable.load()
                model.advance(cut_off.beats, 0, cycles=random.randint(1, 2 * len(cut_off.beats)))
                model.reset(random.randint(1, 3))
            words += check(model, config, net, ("best", "program")[case % 2], seed)
        identity = compile(net, config, order="program").executable.identify()
        assert decode_id(perform(model, identity)) == config.hardware_id
    print(f"{name(config)}: {CASES + DENSE_CASES} nets, {words} words equal")


@pytest.mark.parametrize("config", mostly_slow(CONFIGS, (0,)), ids=name)
def test_random_nets_in_any_pipeline(config):
    """Any order, with extra turns before any stages, whose words then have two regions."""
    regions = []
    with NativeModel(emitted_torus(config), TOPS["torus"]) as model:
        model.reset()
        for case in range(CASES):
            seed = 3000 + 100 * config.rows + 10 * config.cols + case
            random = Random(seed)
            shapes = random_chain(random, config) if case % 2 else random_shapes(random)
            net = random_net(shapes, seed=seed, act_bits=config.act_bits,
                             weight_bits=config.weight_bits)
            plan, executable = in_pipeline(net, config, random)
            regions += [max(plan.copies)]
            x = random_words(net, 4 + case, seed=seed)
            stalls = Stalls(in_per_mille=300 * (case % 3 == 1), out_per_mille=300 * (case % 3 == 2),
                            seed=seed)
            found = rtl_outputs(model, executable, x.numpy(), stalls)
            what = f"{shapes}, {plan.order}, {plan.extra_turns}, seed {seed}"
            assert (found == net.forward_words(x).numpy()).all(), what
    assert regions.count(2) >= CASES // 2


@pytest.mark.slow
@pytest.mark.parametrize("config", [
    FINISHING[0], *(pytest.param(config, marks=pytest.mark.slow) for config in FINISHING[1:]),
], ids=name)
def test_random_nets_with_leaks_and_bounds(config):
    ends = set()
    with NativeModel(emitted_torus(config), TOPS["torus"]) as model:
        model.reset()
        for case in range(CASES):
            seed = 1000 * config.rows + 100 * config.cols + case
            shapes = UNALIGNED if case == 0 else random_shapes(Random(seed))
            net = random_net(shapes, seed=seed, act_bits=config.act_bits,
                             weight_bits=config.weight_bits)
            net = random_finishes(net, seed=seed, leaky=bool(config.leaky),
                                  bounded=bool(config.bounded))
            ends |= {(layer.relu, layer.leak_shift > 0, layer.bounds is not None)
                     for layer in net.layers}
            check(model, config, net, ("best", "program")[case % 2], seed)
    # Nothing, a ReLU, and what the options allow: one of two, or either and both.
    assert len(ends) == (5 if config.leaky and config.bounded else 3)


@pytest.mark.parametrize("option", ["leaky", "bounded"])
def test_a_torus_without_the_option_refuses_the_net(option):
    net = random_net(UNALIGNED, seed=1)
    layers = [dataclasses.replace(layer, relu=False, **(
        {"leak_shift": 1} if option == "leaky" else {"bounds": (-5, 5)})) for layer in net.layers]
    net = QuantisedNet(tuple(layers), net.act_bits, net.weight_bits)
    with pytest.raises(FitError, match=f"{option} must be at least 1 for this net on a 2x2 torus"):
        compile(net, dataclasses.replace(LARGE, rows=2, cols=2))
    assert getattr(compile(net, "2x2").config, option) == 1


def test_there_are_enough_cases():
    assert len(set(CONFIGS)) >= 10
    assert len(CONFIGS) * CASES >= 60


@pytest.mark.slow
def test_baked_weights_need_no_loading():
    """The memories' initial contents are the images: the first program already infers."""
    seed = 1
    config = dataclasses.replace(TEST, rows=1, cols=2)
    net = random_net([ClosShape(13, 6, 4, 2, 3)], seed=seed)
    executable = compile(net, config).executable
    images = executable.images
    verilog = emitted_torus(config, weights=images.weights, biases=images.biases)
    x = random_words(net, 4, seed=seed)
    with NativeModel(verilog, TOPS["torus"]) as model:
        model.reset()
        found = executable.decode(perform(model, executable.infer(x.numpy())))
    assert (found == net.forward_words(x).numpy()).all()
