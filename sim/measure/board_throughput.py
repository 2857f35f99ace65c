"""Samples per second of a torus at a clock, by the cycle model; nothing is simulated."""

import dataclasses
import functools

import torch

from golden import DIGITS_SHAPES, ClosNet, ClosShape, TrainingWidths, propose_format
from golden.training.losses import mean_squared_error
from golden.vectors.nets import random_net
from hw.config import TorusConfig, TrainingConfig
from sw_driver.compiler import compile
from sw_driver.errors import DriverError
from sw_driver.predict.training_cycles import predict_training_steady

__all__ = ["NETS", "Speed", "speed"]

NETS = {"digits": tuple(DIGITS_SHAPES), "784-256": (ClosShape(784, 256, 28, 8, 16),)}
"""What throughput is given of: the net of the demo, and a layer of MNIST's size."""

# Cycles do not depend on how large memories are: these hold all of `NETS`, on any torus.
_ROOMY = {"buffer_words": 4096, "weight_words": 1 << 16, "bias_words": 4096,
          "program_words": 1 << 14, "max_fan_in": 1024, "rep_bits": 14}
_RESULT_WORDS = 1024
_SAMPLES = 16
_LEARNING_RATE = 0.01


@dataclasses.dataclass(frozen=True)
class Speed:
    """What a net takes on a torus.

    Parameters
    ----------
    cycles
        Of a sample, on its way forward, or of a whole training step on a torus that trains.
    macs
        Multiply-accumulates of a sample: one for each weight, three in a training step.
    fits
        Whether the net fits the memories of this torus; the cycles are those of larger ones if not.
    """

    cycles: float
    macs: int
    fits: bool


@functools.cache
def speed(config: TorusConfig, net: str) -> Speed:
    """Predict what a sample of one of `NETS` takes, each sample a batch of its own in training."""
    shapes = NETS[net]
    weights = sum(shape.parameters for shape in shapes)
    predict = _inference if config.training is None else _training
    training = config.training and dataclasses.replace(config.training, result_words=_RESULT_WORDS)
    cycles = predict(dataclasses.replace(config, **_ROOMY, training=training), shapes)
    try:
        predict(config, shapes)
    except DriverError:
        fits = False
    else:
        fits = True
    return Speed(cycles, weights * (1 if config.training is None else 3), fits)


def _inference(config: TorusConfig, shapes: tuple[ClosShape, ...]) -> float:
    net = random_net(shapes, seed=0, act_bits=config.act_bits, weight_bits=config.weight_bits)
    return compile(net, config).prediction.cycles


def _training(config: TorusConfig, shapes: tuple[ClosShape, ...]) -> float:
    generator = torch.Generator().manual_seed(0)
    net = ClosNet(list(shapes), generator=generator)
    x = torch.rand((_SAMPLES, shapes[0].in_features), generator=generator)
    targets = torch.rand((_SAMPLES, shapes[-1].out_features), generator=generator)
    form = propose_format(net, x, targets, mean_squared_error, _LEARNING_RATE,
                          widths=_widths(config))
    return predict_training_steady(compile(form, config)).cycles


def _widths(config: TorusConfig) -> TrainingWidths:
    training = config.training or TrainingConfig()
    return TrainingWidths(
        act_bits=config.act_bits, weight_bits=config.weight_bits, master_bits=training.master_bits,
        grad_bits=training.grad_bits, velocity_bits=training.velocity_bits)
