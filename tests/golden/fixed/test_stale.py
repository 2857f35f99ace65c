"""Training stale by one: against the states that every sample must see, and plain integers."""

import random

import pytest
import torch

from golden import FixedTrainingNet, ModelError, ShapeError, TrainingState
from golden.compiled.training import CompiledTrainingNet
from golden.fixed.format import CLEAR
from golden.fixed.stale import Staleness, StaleRun
from golden.fixed.state import LayerState
from golden.fixed.visits import Placement
from tests.support.training_by_python import PythonTraining
from tests.support.training_cases import random_case, random_state

SAMPLES = 6


def random_staleness(rng, shapes):
    return Staleness(tuple(tuple(rng.random() < 0.6 for _ in range(3)) for _ in shapes),
                     tuple(rng.random() < 0.6 for _ in shapes))


def mixed(before, now, staleness):
    """The state that a sample must see: parts of the one before, named one by one."""
    layers = []
    for index, layer in enumerate(now.layers):
        old, late = before.layers[index], staleness.weights[index]
        masters = [(old if late[stage] else layer).masters[stage] for stage in range(3)]
        bias = (old if staleness.biases[index] else layer).bias
        layers.append(LayerState(tuple(masters), bias, layer.velocities, layer.bias_velocity))
    return TrainingState(layers, now.lfsr)


@pytest.mark.parametrize("seed", range(6))
def test_every_sample_sees_the_states_it_must(seed):
    """Sample s sees the state after s - 1, where it is late that after s - 2; all go back alike."""
    case, rng = random_case(seed, samples=SAMPLES), random.Random(seed)
    form, shapes = case.form, case.form.shapes
    staleness = random_staleness(rng, shapes)
    frozen = case.options["frozen"]
    momentum = case.options["momentum"]
    decay = CLEAR if momentum is None else momentum
    state = random_state(form, 1, 1, seed)
    net = FixedTrainingNet(form, state.clone())
    oracle = PythonTraining(form, state, Placement.one_pe(shapes))
    run = StaleRun(net, staleness)
    states = [state, state]
    for x, gradient in zip(case.x.split(1), case.gradients, strict=True):
        words = run.forward(x)
        seen = FixedTrainingNet(form, mixed(states[-2], states[-1], staleness)).forward(x)
        for found, wanted in zip(words, seen, strict=True):
            for mine, theirs in zip(found.stages, wanted.stages, strict=True):
                assert mine.acc.equal(theirs.acc)
        back = run.backward(x, words, gradient, decay=decay, frozen=frozen, input_gradient=True)
        inputs = [[one[0] for one in (x if index == 0 else words[index - 1].output.words,
                                      *(stage.words for stage in words[index].stages))]
                  for index in range(len(shapes))]
        sums = oracle.backward(inputs, gradient.tolist(), decay, True, frozen)[0][-1]
        assert back.input_gradient.tolist() == [sums[(k,)] for k in range(shapes[0].in_features)]
        states.append(net.state.clone())
        for index, layer in enumerate(net.state.layers):
            assert layer.bias.tolist() == oracle.bias[index]
            for stage, masters in enumerate(layer.masters):
                weights = oracle.weights[index][stage]
                assert all(int(masters[w]) == value for w, value in weights.items())
    assert net.state.lfsr.tolist() == oracle.lfsr


@pytest.mark.parametrize("seed", range(6))
def test_compiled_code_gives_the_same(seed):
    """Over two runs, the second of which sees all changes of the first."""
    case, rng = random_case(seed, samples=SAMPLES), random.Random(seed)
    form, options = case.form, case.options
    staleness = random_staleness(rng, form.shapes)
    how = {"decay": CLEAR if options["momentum"] is None else options["momentum"],
           "frozen": options["frozen"], "input_gradient": True}
    state = random_state(form, 1, 1, seed)
    net = FixedTrainingNet(form, state.clone())
    code = CompiledTrainingNet(form, state, staleness=staleness)
    run = StaleRun(net, staleness)
    for number, (x, gradient) in enumerate(zip(case.x.split(1), case.gradients, strict=True)):
        if number == SAMPLES // 2:
            run = StaleRun(net, staleness)
            code.settle()
        words = run.forward(x)
        assert code.forward_words(x).equal(words[-1].output.words)
        sums = run.backward(x, words, gradient, **how).input_gradient
        assert code.backward(x, gradient, **how).equal(sums)
    assert net.state.differences(code.state) == []
    assert net.state != state


def ordinary(net, case):
    for x, gradient in zip(case.x.split(1), case.gradients, strict=True):
        net.backward(x, net.forward(x), gradient)
    return net.state


def test_without_anything_late_it_is_the_ordinary_training():
    case = random_case(3, depth=2, samples=SAMPLES)
    state = random_state(case.form, 1, 1, 3)
    plain = ordinary(FixedTrainingNet(case.form, state.clone()), case)
    found = []
    for late in (False, True):
        net = FixedTrainingNet(case.form, state.clone())
        everywhere = Staleness.everywhere(case.form.shapes)
        never = Staleness(tuple((False,) * 3 for _ in everywhere.weights), (False, False))
        run = StaleRun(net, everywhere if late else never)
        for x, gradient in zip(case.x.split(1), case.gradients, strict=True):
            run.backward(x, run.forward(x), gradient)
        found.append(net.state)
    assert found[0] == plain != found[1]


def test_runs_of_one_sample_are_the_ordinary_training():
    case = random_case(3, depth=2, samples=SAMPLES)
    state = random_state(case.form, 1, 1, 3)
    plain = ordinary(FixedTrainingNet(case.form, state.clone()), case)
    net = FixedTrainingNet(case.form, state.clone())
    for x, gradient in zip(case.x.split(1), case.gradients, strict=True):
        run = StaleRun(net, Staleness.everywhere(case.form.shapes))
        run.backward(x, run.forward(x), gradient)
    assert net.state == plain


def test_staleness_of_another_net_is_refused():
    case = random_case(3, depth=2)
    net = FixedTrainingNet(case.form, random_state(case.form, 1, 1, 3))
    with pytest.raises(ModelError, match="staleness must be of True and False, not 1"):
        Staleness(((1,),), (True,))
    with pytest.raises(ShapeError, match="biases must "):
        Staleness(((True,),), (True, False))
    other = Staleness(((True,),), (True,))
    message = r"staleness must be of stages \[3, 3\], layer by layer, not \[1\]"
    with pytest.raises(ShapeError, match=message):
        StaleRun(net, other)
    with pytest.raises(ShapeError, match=message):
        CompiledTrainingNet(case.form, net.state, staleness=other)
    with pytest.raises(ShapeError, match="staleness must be a Staleness, not None"):
        StaleRun(net, None)
    code = CompiledTrainingNet(case.form, net.state,
                               staleness=Staleness.everywhere(case.form.shapes))
    labels = torch.zeros(len(case.x), dtype=torch.int64)
    with pytest.raises(ModelError, match="size must be a whole number from 1 to 1, not 2"):
        code.learn(case.x, labels, 0.1, size=2, decay=CLEAR)
