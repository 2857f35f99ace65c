"""Every output word of the RTL equals the golden model's: random nets on many tori.

Each hardware configuration is built once and runs several random nets, one after the other, some
with a host that stalls, some after a reset in the middle of a run.
"""

import dataclasses
from random import Random

import numpy as np
import pytest

from golden import ClosShape, QuantisedNet
from golden.vectors.nets import random_net, random_words
from hw.config import TorusConfig
from hw.tops import TOPS
from sim.model.emitted import emitted_torus
from sim.model.native import NativeModel
from sim.model.transfers import Stalls
from sw_driver.compiler import compile
from sw_driver.program.executable import Executable, Run
from sw_driver.program.host_stream import decode_id

LARGE = TorusConfig(buffer_words=512, max_fan_in=512, weight_words=4096, bias_words=128,
                    program_words=2048)
TINY = TorusConfig(buffer_words=128, max_fan_in=128, weight_words=512, bias_words=32,
                   program_words=1024)

# The tori: sizes of one, narrow and wide words, every host width, long links.
CONFIGS = [
    dataclasses.replace(base, rows=rows, cols=cols, **fields)
    for base, rows, cols, fields in [
        (LARGE, 1, 1, {"rep_bits": 10}),
        (LARGE, 1, 4, {"host_bits": 32}),
        (LARGE, 4, 1, {"host_bits": 128}),
        (LARGE, 2, 2, {"act_bits": 8, "weight_bits": 8}),
        (LARGE, 2, 2, {"act_bits": 4, "weight_bits": 18, "host_bits": 32}),
        (LARGE, 2, 2, {"act_bits": 18, "weight_bits": 5, "host_bits": 256}),
        (LARGE, 2, 3, {"link_stages": 2}),
        (LARGE, 3, 2, {"host_fifo_beats": 4}),
        (LARGE, 1, 2, {"act_bits": 4, "weight_bits": 4, "host_bits": 256, "link_stages": 1}),
        (LARGE, 3, 1, {"act_bits": 12, "weight_bits": 16}),
        (LARGE, 3, 5, {}),
    ]
]
UNALIGNED = [ClosShape(33, 17, 5, 3, 4), ClosShape(17, 10, 4, 7, 3)]
CASES = 6


def random_shapes(random: Random) -> list[ClosShape]:
    """One to three layers of up to 40 features, routers of any number, remainders and ones."""
    features = [random.choice([1, 2, random.randint(1, 40)]) for _ in range(random.randint(2, 4))]
    return [ClosShape(inputs, outputs, random.randint(1, min(inputs, 9)), random.randint(1, 8),
                      random.randint(1, min(outputs, 9)))
            for inputs, outputs in zip(features, features[1:], strict=False)]


def perform(model: NativeModel, run: Run, stalls: Stalls = Stalls()) -> np.ndarray:
    return model.run(run.beats, run.output_beats, stalls=stalls,
                     max_cycles=20_000 + 2_000 * (len(run.beats) + run.output_beats)).beats


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


def name(config: TorusConfig) -> str:
    return f"{config.rows}x{config.cols}-{config.act_bits}-{config.weight_bits}-{config.host_bits}"


@pytest.mark.parametrize("config", [
    *CONFIGS[::2],
    *(pytest.param(config, marks=pytest.mark.slow)
      for config in (*CONFIGS[1::2], dataclasses.replace(LARGE, rows=6, cols=6))),
], ids=name)
def test_random_nets(config):
    words = 0
    with NativeModel(emitted_torus(config), TOPS["torus"]) as model:
        model.reset()
        for case in range(CASES):
            seed = 1000 * config.rows + 100 * config.cols + case
            random = Random(seed)
            shapes = UNALIGNED if case == 0 else random_shapes(random)
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
    print(f"{name(config)}: {CASES} nets, {words} words equal")


def test_there_are_enough_cases():
    assert len(set(CONFIGS)) >= 10
    assert len(CONFIGS) * CASES >= 60


def test_baked_weights_need_no_loading():
    """The memories' initial contents are the images: the first program already infers."""
    seed = 1
    config = dataclasses.replace(TINY, rows=1, cols=2)
    net = random_net([ClosShape(13, 6, 4, 2, 3)], seed=seed)
    executable = compile(net, config).executable
    images = executable.images
    verilog = emitted_torus(config, weights=images.weights, biases=images.biases)
    x = random_words(net, 4, seed=seed)
    with NativeModel(verilog, TOPS["torus"]) as model:
        model.reset()
        found = executable.decode(perform(model, executable.infer(x.numpy())))
    assert (found == net.forward_words(x).numpy()).all()
