"""Nets that train on tori with lanes: what the compiler makes of them, and what it refuses."""

import dataclasses

import numpy as np
import pytest

from golden.fixed.lfsr import advance
from golden.fixed.training import FixedTrainingNet
from golden.layers.dense import DenseShape
from sw_driver.compiler import compile
from sw_driver.device.golden import GoldenDevice
from sw_driver.errors import DriverError, FitError
from sw_driver.train.recipe import Recipe
from tests.support.training_cases import random_case
from tests.support.training_nets import random_format, random_state

CASE = random_case(0)
LANES = [2, 4, 8]


@pytest.mark.parametrize("lanes", LANES)
def test_every_weight_has_a_visit_of_its_own(lanes):
    """Whole rows are visited: as many as weights take, and none by two weights of a PE."""
    compiled = compile(CASE.form, CASE.torus, lanes_out=lanes, **CASE.options)
    plain = compile(CASE.form, CASE.torus, **CASE.options)
    for layer, of_one in zip(compiled.placement.layers, plain.placement.layers, strict=True):
        for stage, one in zip(layer, of_one, strict=True):
            assert stage.visits % lanes == 0 and stage.visits >= one.visits
            places = stage.visit * compiled.placement.pes + stage.pe
            assert len(np.unique(places.numpy())) == places.numel()
            assert int(stage.visit.max()) < stage.visits
            assert stage.pe.equal(one.pe)


@pytest.mark.parametrize("lanes", LANES)
def test_the_generator_of_a_pe_goes_on_by_whole_rows(lanes):
    """The golden model: what rounds is all that lanes change."""
    compiled = compile(CASE.form, CASE.torus, lanes_out=lanes, host_bits=64)
    rows, cols = compiled.config.rows, compiled.config.cols
    state = CASE.state(rows, cols)
    net = FixedTrainingNet(compiled.format, state.clone(), compiled.placement)
    words = net.forward(CASE.x[:1])
    net.backward(CASE.x[:1], words, CASE.gradients[0])
    visits = sum(stage.visits for layer in compiled.placement.layers for stage in layer)
    assert net.state.lfsr.equal(advance(state.lfsr, visits))


def test_a_repetition_must_fit_its_rows_of_gradients():
    form = random_format([DenseShape(6, 40)], seed=1)
    config = compile(form, "1x1", lanes_out=2).config
    assert config.training is not None
    few = dataclasses.replace(
        config, training=dataclasses.replace(config.training, gradient_rows=2)
    )
    with pytest.raises(FitError, match="gradient_rows must be at least 40 for this net on a 1x1 "
                                       "torus with lanes_out = 2, not 2"):
        compile(form, few)


def test_a_checkpoint_is_of_its_lanes():
    """The random bits that come next depend on the lanes."""
    two, four = (compile(CASE.form, "1x1", lanes_out=lanes) for lanes in (2, 4))
    state = random_state(two.format, 1, 1, seed=1)
    with GoldenDevice() as device:
        device.load(two, state)
        checkpoint = device.checkpoint()
        device.restore(checkpoint)
        device.load(four, state)
        with pytest.raises(DriverError, match="the checkpoint's lanes_out must be 4, not 2"):
            device.restore(checkpoint)


def test_a_recipe_says_the_lanes():
    assert "lanes_out" not in Recipe().as_dict()
    recipe = Recipe(lanes_out=4)
    assert Recipe.from_dict(recipe.as_dict()) == recipe
    with pytest.raises(DriverError, match="^lanes_out must be one of 1, 2, 4, 8, not 3"):
        Recipe(lanes_out=3)
