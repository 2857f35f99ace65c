"""Tori that train, each with a net, whose models several test files use: each is built once."""

from typing import NamedTuple

from golden import ClosShape
from golden.fixed.format import TrainingFormat
from golden.fixed.layer_format import LayerFormat
from hw.config import TorusConfig, TrainingConfig


class TrainingTorus(NamedTuple):
    """A torus and the layers of a net on it."""

    config: TorusConfig
    shapes: list[ClosShape]


RATE = 0.05
# The torus is one of those of training_equality.py.
WIDE = TrainingTorus(
    TorusConfig(
        rows=2, cols=2, buffer_words=512, max_fan_in=256, weight_words=4096, bias_words=128,
        program_words=4096, rep_bits=12,
        training=TrainingConfig(result_words=64, velocity_bits=32, reduce_words=4)),
    [ClosShape(12, 10, 3, 4, 2), ClosShape(10, 8, 2, 3, 4)])
# Its net has no padding, and its programs are short.
UNPADDED = TrainingTorus(
    TorusConfig(
        rows=2, cols=2, buffer_words=64, max_fan_in=64, weight_words=128, bias_words=16,
        program_words=1024,
        training=TrainingConfig(velocity_bits=32, reduce_words=4, result_words=16)),
    [ClosShape(8, 8, 2, 2, 2)] * 2)
UNPADDED_FORM = TrainingFormat(
    tuple(LayerFormat(shape, False, (4,) * 4, (8,) * 3, (4,) * 3) for shape in UNPADDED.shapes),
    act_bits=16, weight_bits=16, master_bits=24, grad_bits=16, velocity_bits=32,
    bias_bits=UNPADDED.config.bias_bits)
