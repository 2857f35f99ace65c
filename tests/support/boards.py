"""A torus for a simulated board, and small nets with what they must give on it."""

import contextlib
from unittest import mock

import numpy as np

from golden import ClosShape
from golden.vectors.nets import random_net, random_words
from hw.config import TorusConfig, TrainingConfig
from hw.mac.mac import Mac
from sw_driver import GoldenDevice, compile

# As small as holds the digits.
CONFIG = TorusConfig(rows=1, cols=1, host_bits=32, buffer_words=256, max_fan_in=64,
                     weight_words=4096, bias_words=128, program_words=256, rep_bits=8)

CHECKED_CONFIG = TorusConfig(
    rows=1, cols=2, checks=1, host_bits=32, buffer_words=128, max_fan_in=16, weight_words=256,
    bias_words=32, program_words=256, rep_bits=8)

# One that trains, and a net for it.
TRAINING_CONFIG = TorusConfig(
    rows=1, cols=1, host_bits=32, buffer_words=128, max_fan_in=32, weight_words=512, bias_words=32,
    program_words=1024, rep_bits=8, training=TrainingConfig(result_words=16, reduce_words=4))
TRAINING_SHAPES = [ClosShape(12, 10, 3, 4, 2), ClosShape(10, 8, 2, 3, 4)]


def small(seed, config=CONFIG, pixels=False):
    """A small net, compiled, with samples and what they must give.

    Where the samples are pixels, their words are numbers of 4 bits times 8 in three samples of
    four, and any words in the rest.
    """
    net = random_net((ClosShape(20, 12, 5, 3, 4), ClosShape(12, 7, 3, 4, 2)), seed=seed,
                     act_bits=config.act_bits, weight_bits=config.weight_bits)
    compiled, words = compile(net, config), random_words(net, 30, seed=seed).numpy()
    if pixels:
        some = np.arange(len(words)) % 4 != 3
        words[some] = np.random.default_rng(seed).integers(0, 16, words[some].shape) * 8
    with GoldenDevice() as golden:
        golden.load(compiled)
        return compiled, words, golden.infer_words(words)


@contextlib.contextmanager
def faulty_memories():
    """Elements are made whose weight memory stores bit 0 of its first weight inverted."""
    whole = Mac._memories

    def memories(self, m, platform):
        weights, biases = whole(self, m, platform)
        load = self.load_weight.p
        m.d.comb += weights.write_data.eq(load.weight ^ (load.addr == 0))
        return weights, biases

    with mock.patch.object(Mac, "_memories", memories):
        yield
