"""A torus for a simulated board, and small nets with what they must give on it."""

from golden import ClosShape
from golden.vectors.nets import random_net, random_words
from hw.config import TorusConfig
from sw_driver import GoldenDevice, compile

# As small as holds the digits.
CONFIG = TorusConfig(rows=1, cols=1, host_bits=32, buffer_words=256, max_fan_in=64,
                     weight_words=4096, bias_words=128, program_words=256, rep_bits=8)


def small(seed, config=CONFIG):
    """A small net, compiled, with samples and what they must give."""
    net = random_net((ClosShape(20, 12, 5, 3, 4), ClosShape(12, 7, 3, 4, 2)), seed=seed,
                     act_bits=config.act_bits, weight_bits=config.weight_bits)
    compiled, words = compile(net, config), random_words(net, 30, seed=seed).numpy()
    with GoldenDevice() as golden:
        golden.load(compiled)
        return compiled, words, golden.infer_words(words)
