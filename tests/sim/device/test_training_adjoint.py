"""The way back of the RTL is the transpose of its way forward: <W x, g> = <x, W^T g>.

This needs no model of the arithmetic: the words are those of the torus alone, in exact integers.
Nothing is rounded (no shift), nothing saturates (small words), and nothing is updated.
"""

import itertools
from random import Random

import numpy as np
import pytest
import torch

from golden.fixed.format import TrainingFormat
from golden.fixed.layer_format import AnyLayerFormat, DenseFormat, LayerFormat
from golden.fixed.state import TrainingState
from golden.fixed.visits import weight_sizes
from golden.layers.dense import DenseShape, LayerShape
from hw.config import TorusConfig
from sw_driver.compiler import compile
from tests.support.knobs import mostly_slow
from tests.support.training_equality import CONFIGS, name
from tests.support.training_runs import (
    Job,
    new_model,
    random_chain,
    random_shapes,
    rtl_run,
    widths,
)

CASES = 6
SAMPLES = 4
MOST_INPUT, MOST_GRADIENT = 3, 2


def linear_job(config: TorusConfig, seed: int, *, dense: bool) -> Job:
    """Frozen layers without biases, ReLU and shifts; weights are -1, 0 and 1, most of them 0."""
    random = Random(seed)
    generator = torch.Generator().manual_seed(seed)
    training = config.training
    assert training is not None
    dropped = training.master_bits - config.weight_bits

    def draw(most: int, *size: int) -> torch.Tensor:
        return torch.randint(-most, most + 1, size, generator=generator)

    def weights(fan_in: int, *size: int) -> torch.Tensor:
        kept = torch.rand(size, generator=generator) < 2.5 / max(fan_in, 2)
        return (draw(1, *size) * kept) << dropped

    def layer(shape: LayerShape) -> AnyLayerFormat:
        stages = len(shape.fan_ins)
        if isinstance(shape, DenseShape):
            return DenseFormat(shape, False, (dropped,) * (stages + 1), (dropped,), (dropped,))
        return LayerFormat(shape, False, (dropped,) * 4, (dropped,) * 3, (dropped,) * 3)

    shapes = random_chain(random, config, 1) if dense else random_shapes(random, 1)
    form = TrainingFormat(
        tuple(map(layer, shapes)), **widths(config), bias_bits=config.bias_bits)
    compiled = compile(form, config, frozen=range(len(shapes)), input_gradient=True,
                                order="program")
    layers = []
    for shape in shapes:
        sizes = weight_sizes(shape)
        layers.append((tuple(weights(fan_in, *size)
                             for fan_in, size in zip(shape.fan_ins, sizes, strict=False)),
                       torch.zeros(shape.out_features, dtype=torch.int64)))
    state = TrainingState.at_rest(layers, seed=seed, rows=config.rows, cols=config.cols)
    x = draw(MOST_INPUT, 1, SAMPLES, shapes[0].in_features)
    gradients = draw(MOST_GRADIENT, 1, SAMPLES, shapes[-1].out_features)
    return Job(compiled, state, x, gradients)


@pytest.mark.parametrize("config, cases", mostly_slow(
    [pytest.param(CONFIGS[1], range(2), id="few"),
     *(pytest.param(config, range(CASES), id=name(config)) for config in CONFIGS)], ()))
def test_the_way_back_is_the_transpose(config, cases):
    with new_model(config) as model:
        for case, dense in itertools.product(cases, (False, True)):
            seed = 100 * config.rows + 10 * config.cols + case
            job = linear_job(config, seed, dense=dense)
            rtl = rtl_run(model, job)
            assert rtl.input_gradients is not None
            assert rtl.state == job.state, "nothing is updated"
            assert np.abs(rtl.outputs).max() < (1 << (config.act_bits - 1)) - 1, "no saturation"
            forward = (rtl.outputs * job.gradients[0].numpy()).sum(axis=1)
            back = (job.x[0].numpy() * rtl.input_gradients).sum(axis=1)
            print(f"{job}, seed {seed}: {forward}")
            assert forward.any() and back.any(), f"all products are 0, seed {seed}"
            assert np.array_equal(forward, back), f"{job}, seed {seed}"
