"""Training in fixed point: against plain Python integers, by hand, and against autograd."""

import dataclasses
import random

import pytest
import torch

from golden import (
    ClosNet,
    ClosShape,
    FixedTrainingNet,
    ModelError,
    Placement,
    QuantisedNet,
    ShapeError,
    StagePlacement,
    TrainingState,
    TrainingWidths,
    initial_state,
)
from golden.fixed.format import CLEAR, KEEP, TrainingFormat
from golden.fixed.layer_format import LayerFormat
from golden.fixed.results import Counts
from golden.layers.dense import DenseShape
from golden.vectors.steps import paper_training_example, random_gradients, random_training
from tests.support.training_by_python import PythonTraining


def random_shapes(rng, layers, largest=10):
    features = [rng.randint(1, largest) for _ in range(layers + 1)]
    return [
        ClosShape(i, o, rng.randint(1, min(i, 4)), rng.randint(1, 4), rng.randint(1, min(o, 4)))
        for i, o in zip(features, features[1:], strict=False)
    ]


def random_placement(rng, shapes, pes):
    """Any weights on any PE, with visits that no weight has: padding."""
    layers = []
    for layer in Placement.one_pe(shapes).layers:
        stages = []
        for stage in layer:
            slots = rng.sample(range(2 * stage.visits + pes), stage.visits)
            slots = torch.tensor(slots).reshape(stage.visit.shape)
            stages.append(StagePlacement(slots % pes, slots // pes, int(slots.max()) // pes + 2))
        layers.append(tuple(stages))
    return Placement(pes, tuple(layers))


def make(shapes=((9, 7, 3, 2, 2), (7, 5, 2, 3, 2)), samples=4, seed=0, pes=1, **widths):
    shapes = [ClosShape(*shape) for shape in shapes]
    training = random_training(
        shapes, samples, seed=seed, widths=TrainingWidths(**widths), rows=1, cols=pes
    )
    return training, random_gradients(training.form, samples, seed=seed)


def with_dense(rng, shapes):
    """The same layers, at least one of them dense, with cuts or without."""
    always = rng.randrange(len(shapes))
    found = list(shapes)
    for index, shape in enumerate(shapes):
        if index == always or rng.random() < 0.4:
            inputs = shape.in_features
            more = rng.sample(range(1, inputs), rng.randint(0, min(inputs - 1, 3)))
            cuts = (0, *sorted(more)) if rng.random() < 0.7 else ()
            found[index] = DenseShape(inputs, shape.out_features, cuts)
    return found


@pytest.mark.parametrize(
    "seed, dense", [*((seed, False) for seed in range(40)), *((seed, True) for seed in range(40))]
)
def test_steps_equal_python_integers(seed, dense):
    """Every gradient word and every state after several batches, in all modes."""
    rng = random.Random(seed)
    shapes = random_shapes(rng, rng.randint(1, 3))
    if dense:
        shapes = with_dense(rng, shapes)
    act, weight, grad = (rng.randint(6, 18) for _ in range(3))
    widths = TrainingWidths(
        act, weight, rng.randint(weight, min(36, max(weight, act + grad - 4))), grad,
        velocity_bits=rng.choice([0, 16, 20, 48]),
    )  # fmt: skip
    pes = rng.randint(1, 6)
    batch = 1 if widths.velocity_bits == 0 else rng.randint(1, 3)
    samples = 3 * batch
    training = random_training(shapes, samples, seed=seed, widths=widths, rows=pes)
    placement = random_placement(rng, shapes, pes)
    net = FixedTrainingNet(training.form, training.state.clone(), placement)
    oracle = PythonTraining(training.form, training.state, placement)
    gradients = random_gradients(training.form, samples, seed=seed)
    for start in range(0, samples, batch):
        decay = CLEAR if widths.velocity_bits == 0 else rng.choice([CLEAR, 1, 3, 14, KEEP])
        frozen = [index for index in range(len(shapes)) if rng.random() < 0.2]
        x = training.x[start : start + batch]
        words = net.forward(x)
        results = net.backward_batch(
            x, words, gradients[start : start + batch],
            decay=decay, frozen=frozen, input_gradient=True,
        )  # fmt: skip
        for sample, result in enumerate(results):
            inputs = [
                (
                    words[index - 1].output.words[sample] if index else x[sample],
                    *(stage.words[sample] for stage in words[index].stages),
                )
                for index in range(len(shapes))
            ]
            expected = oracle.backward(
                inputs, gradients[start + sample].tolist(),
                decay if sample == 0 else KEEP, sample == batch - 1, frozen,
            )  # fmt: skip
            for index, (layer, words_of_layer) in enumerate(
                zip(result.layers, expected, strict=True)
            ):
                found = [stage.words for stage in layer.stages[:0:-1]]
                found.append(layer.input.words if index else result.input_gradient)
                for tensor, dictionary in zip(found, words_of_layer, strict=True):
                    assert tensor.numel() == len(dictionary)
                    assert all(int(tensor[k]) == value for k, value in dictionary.items())
        for layer, weights, velocities in zip(
            net.state.layers, oracle.weights, oracle.velocity, strict=True
        ):
            for tensors, dictionaries in ((layer.masters, weights), (layer.velocities, velocities)):
                for tensor, dictionary in zip(tensors, dictionaries, strict=True):
                    assert all(int(tensor[w]) == value for w, value in dictionary.items())
        assert [layer.bias.tolist() for layer in net.state.layers] == oracle.bias
        assert [layer.bias_velocity.tolist() for layer in net.state.layers] == oracle.bias_velocity
        assert net.state.lfsr.tolist() == oracle.lfsr


def test_papers_example_by_hand():
    vector = paper_training_example()
    net = FixedTrainingNet(vector.form, vector.state.clone())
    words = net.forward(vector.x[None])
    assert words[0].output.words.tolist() == [[0, 0, 170, 239]]
    result = net.backward(vector.x[None], words, vector.gradient, input_gradient=True)
    layer = result.layers[0]
    assert layer.output.sums.equal(vector.output_sums)
    assert layer.output.words.equal(vector.middle_gradient)
    assert layer.middle.sums.equal(vector.middle_sums)
    assert layer.middle.words.equal(vector.input_gradient)
    assert result.input_gradient.equal(vector.input_sums)
    assert net.state.differences(vector.after) == []
    assert net.state == vector.after and net.state != vector.state
    # Of 4 + 4 + 4 gradients; 14 is the one that does not fit 4 bits.
    assert result.counts() == Counts(
        gradients=12, zero_gradients=4, negative_gradients=4, saturated_gradients=1,
        weights=28, changed_weights=17, saturated_weights=4,
    )  # fmt: skip


def test_operands_are_the_forward_pass():
    training, _ = make(master_bits=23, weight_bits=12)
    net = FixedTrainingNet(training.form, training.state)
    operands = net.operands()
    assert isinstance(operands, QuantisedNet)
    assert operands.layers[1].middle_weight.equal(training.state.layers[1].masters[1] >> 11)
    for left, right in zip(
        net.forward(training.x), operands.layer_words(training.x), strict=True
    ):
        assert left.output.acc.equal(right.output.acc)
    assert net.outputs(net.forward(training.x)).equal(
        operands.dequantise_output(operands.forward_words(training.x))
    )


def test_a_batch_is_its_samples_one_by_one():
    training, gradients = make(velocity_bits=32)
    one, other = (FixedTrainingNet(training.form, training.state.clone()) for _ in range(2))
    words = one.forward(training.x)
    whole = one.backward_batch(training.x, words, gradients, decay=3)
    assert len(whole) == 4
    for sample in range(4):
        x = training.x[sample : sample + 1]
        single = other.backward(
            x, other.forward(x), gradients[sample],
            decay=3 if sample == 0 else KEEP, apply=sample == 3,
        )  # fmt: skip
        assert single.counts() == whole[sample].counts()
        unchanged = not other.state.layers[0].masters[0].equal(training.state.layers[0].masters[0])
        assert unchanged == (sample == 3)
    assert one.state == other.state


def test_momentum_differs_from_none():
    states = []
    for decay in (CLEAR, 3):
        training, gradients = make(velocity_bits=36)
        net = FixedTrainingNet(training.form, training.state.clone())
        for _ in range(2):
            net.backward_batch(training.x, net.forward(training.x), gradients, decay=decay)
        states.append(net.state)
    assert len(states[0].differences(states[1])) >= 14  # All but, perhaps, the LFSRs.
    assert states[0].lfsr.equal(states[1].lfsr)


@pytest.mark.parametrize("frozen", [(), (0,), (1,), (0, 1)])
def test_frozen_layers_stay_and_pass_gradients_on(frozen):
    training, gradients = make(velocity_bits=32, pes=2)
    net = FixedTrainingNet(
        training.form, training.state.clone(), random_placement(random.Random(0),
        training.form.shapes, 2),
    )  # fmt: skip
    result = net.backward_batch(
        training.x, net.forward(training.x), gradients, frozen=frozen, input_gradient=True
    )[-1]
    changed = {name.split(".")[1] for name in net.state.differences(training.state) if "." in name}
    assert changed == {str(index) for index in (0, 1) if index not in frozen}
    assert net.state.lfsr.equal(training.state.lfsr) == (frozen == (0, 1))
    assert result.input_gradient is not None and result.input_gradient.any()
    for index in frozen:
        assert result.layers[index].bias is None and result.layers[index].middle.update is None
    assert result.counts().weights == sum(
        shape.parameters + shape.out_features
        for index, shape in enumerate(training.form.shapes)
        if index not in frozen
    )


def test_input_gradient_only_on_request():
    training, gradients = make()
    net = FixedTrainingNet(training.form, training.state)
    result = net.backward(training.x, net.forward(training.x), gradients[0])
    assert result.input_gradient is None and result.layers[1].input.sums is not None


def test_random_training_meets_every_case():
    """What a comparison of implementations wants to have seen."""
    total = Counts()
    for seed in range(6):
        training, gradients = make(
            ((20, 16, 4, 4, 4), (16, 9, 4, 3, 3)), seed=seed, velocity_bits=(0, 16, 32)[seed % 3]
        )
        net = FixedTrainingNet(training.form, training.state.clone())
        for sample in range(4):
            x = training.x[sample : sample + 1]
            total += net.backward(x, net.forward(x), gradients[sample]).counts()
        moved = [
            not torch.equal(a, b)
            for left, right in zip(net.state.layers, training.state.layers, strict=True)
            for a, b in zip(left.masters, right.masters, strict=True)
        ]
        assert all(moved)
    assert total.changed_weights > 0.25 * total.weights
    for name in ("zero_gradients", "negative_gradients", "saturated_gradients"):
        assert getattr(total, name) > 0.01 * total.gradients, name
    assert total.saturated_weights > 0.002 * total.weights
    assert total.saturated_velocities > 0.01 * total.weights


def exact_training():
    """Small whole weights, and words so wide that nothing is rounded, saturated or masked."""
    generator = torch.Generator().manual_seed(0)
    shapes = (ClosShape(7, 6, 3, 2, 2), ClosShape(6, 5, 2, 3, 2))
    form = TrainingFormat(
        tuple(
            LayerFormat(shape, index == 0, (0, 0, 0, 0), (0, 0, 0), (0, 0, 0))
            for index, shape in enumerate(shapes)
        ),
        act_bits=18, weight_bits=18, master_bits=18, grad_bits=18, velocity_bits=48, bias_bits=40,
    )  # fmt: skip
    model = ClosNet(shapes, generator=generator).double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randint(-2, 3, parameter.shape, generator=generator).double())
    x = torch.randint(-2, 3, (3, 7), generator=generator).double()
    return form, model, x, torch.randint(-2, 3, (3, 5), generator=generator).double()


def test_gradients_equal_autograd_where_nothing_is_rounded():
    form, model, x, dy = exact_training()
    net = FixedTrainingNet(form, initial_state(model, form))
    x.requires_grad_()
    y = model(x)
    y.backward(dy)
    words = net.forward(x.detach().long())
    assert net.outputs(words).equal(y.detach())
    result = net.backward_batch(x.detach().long(), words, dy.long(), input_gradient=True)
    assert [sample.input_gradient.tolist() for sample in result] == x.grad.tolist()
    assert y.detach().abs().max() > 10 and x.grad.abs().max() > 10
    for layer, state in zip(model.layers, net.state.layers, strict=True):
        parameters = (layer.input_weight, layer.middle_weight, layer.output_weight, layer.bias)
        for parameter, words_after in zip(parameters, (*state.masters, state.bias), strict=True):
            assert words_after.double().equal((parameter - parameter.grad).detach())


def test_quantised_gradients_are_words_that_must_fit():
    training, _ = make(grad_bits=8)
    net = FixedTrainingNet(training.form, training.state)
    resolution = 2.0**-training.form.gradient_fraction_bits
    gradient = resolution * torch.tensor([[-128.0, 127.4, 0.5, 1.5, -0.2]])
    assert net.quantise_gradient(gradient).tolist() == [[-128, 127, 0, 2, 0]]
    with pytest.raises(ModelError, match="times the learning rate, must be .* to fit 8 bits"):
        net.quantise_gradient(2.0 * gradient)
    with pytest.raises(ModelError, match="finite"):
        net.quantise_gradient(gradient * float("nan"))


@pytest.mark.parametrize(
    ("gradients", "options", "error", "message"),
    [
        (lambda g: g[:, :4], {}, ShapeError, r"gradients must be int64 \[4, 5\], .* \[4, 4\]"),
        (lambda g: g[:2], {}, ShapeError, r"gradients must be int64 \[4, 5\], .* \[2, 5\]"),
        (lambda g: g.double(), {}, ShapeError, "not torch.float64"),
        (
            lambda g: g + (torch.arange(4) == 3)[:, None] * (1 << 16),
            {},
            ModelError,
            "gradients must fit grad_bits = 16 bits, but need 1[78]",
        ),
        (lambda g: g, {"decay": 16}, ModelError, r"0 \(keep\), 15 \(clear\) or 1 to 14, not 16"),
        (lambda g: g, {"frozen": (2,)}, ModelError, "a frozen layer must be 0 to 1, not 2"),
    ],
)
def test_bad_steps_are_refused_and_change_nothing(gradients, options, error, message):
    training, good = make(velocity_bits=32)
    net = FixedTrainingNet(training.form, training.state.clone())
    words = net.forward(training.x)
    with pytest.raises(error, match=message):
        net.backward_batch(training.x, words, gradients(good), **options)
    assert net.state == training.state


def test_batches_and_momentum_need_accumulators():
    training, gradients = make(velocity_bits=0)
    net = FixedTrainingNet(training.form, training.state.clone())
    words = net.forward(training.x)
    with pytest.raises(ModelError, match="need velocity_bits of at least 16, not 0"):
        net.backward_batch(training.x, words, gradients)
    with pytest.raises(ModelError, match="need velocity_bits of at least 16, not 0"):
        net.backward(training.x, words, gradients[0], decay=3)
    assert net.state == training.state


def test_nets_that_do_not_fit_are_refused():
    training, _ = make(pes=2)
    form, state = training.form, training.state
    placement = Placement(2, Placement.one_pe(form.shapes).layers)
    FixedTrainingNet(form, state, placement)
    with pytest.raises(ShapeError, match=r"lfsr must be int64 \[1\], not torch.int64 \[2\]"):
        FixedTrainingNet(form, state)
    with pytest.raises(ShapeError, match="placement must be of 2 layers, not of 1"):
        FixedTrainingNet(form, state, Placement(2, placement.layers[:1]))
    swapped = Placement(2, placement.layers[::-1])
    with pytest.raises(ShapeError, match="placement of layer 0, input stage: pe must be int64"):
        FixedTrainingNet(form, state, swapped)
    first = placement.layers[0][0]
    late = dataclasses.replace(first, visits=first.visits - 1)
    with pytest.raises(ModelError, match="input stage: visit must be 0 to 16, not 0 to 17"):
        FixedTrainingNet(
            form, state, Placement(2, ((late, *placement.layers[0][1:]), placement.layers[1]))
        )
    for name, value, message in (
        ("masters", tuple(w + (1 << 23) for w in state.layers[0].masters), "must fit 24 bits"),
        ("bias", state.layers[0].bias + (1 << 60), "layer 0: bias must fit"),
        ("bias", state.layers[0].bias[:3], r"bias must be int64 \[7\]"),
    ):
        wrong = state.clone()
        setattr(wrong.layers[0], name, value)
        with pytest.raises((ModelError, ShapeError), match=message):
            FixedTrainingNet(form, wrong, placement)
    wrong = state.clone()
    wrong.lfsr[1] = 0
    with pytest.raises(ModelError, match="lfsr must be 1 to 4294967295, not 0 to"):
        FixedTrainingNet(form, wrong, placement)
    with pytest.raises(ModelError, match="the model's layers"):
        initial_state(ClosNet(form.shapes[:1]), form)


def test_state_goes_through_a_dict():
    training, _ = make(velocity_bits=32)
    state = training.state.state_dict()
    assert len(state) == 2 * 8 + 1
    assert TrainingState.from_state_dict(state, 2) == training.state
    copy = training.state.clone()
    copy.layers[1].velocities[2][0, 0] += 1
    assert copy.differences(training.state) == ["layers.1.output_velocity"]
    assert training.state.layers[1].velocities[2][0, 0] == 0
    del state["lfsr"]
    with pytest.raises(ValueError, match="must hold the words of 2 layers: lfsr"):
        TrainingState.from_state_dict(state, 2)
