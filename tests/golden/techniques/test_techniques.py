"""Growing, calcifying and masking layers while they are trained."""

import copy
import io

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from golden import CheckpointError, ClosLinear, ClosNet, ClosShape, ModelError, ShapeError
from golden.layers import SparseCascade, SparseRandomConv2d, SparseStage
from golden.techniques import (
    Calcification,
    Densification,
    Masking,
    carry_optimiser,
    gradual_pruning,
    grow,
    masks_from,
)
from golden.techniques.growth import growable, size_of
from tests.support.golden_strategies import clos_shapes


def sparse_mask(outputs, inputs, each):
    mask = torch.zeros(outputs, inputs, dtype=torch.bool)
    for row in mask:
        row[torch.randperm(inputs)[:each]] = True
    return mask


def make(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(
        SparseRandomConv2d(4, 8, 3, alpha=0.25),
        nn.ReLU(),
        nn.Flatten(),
        SparseCascade([sparse_mask(12, 72, 3), sparse_mask(10, 12, 2)]),
        nn.ReLU(),
        ClosLinear(10, 6, (3, 1, 2)),
    )


def train(model, optimiser, steps, *others, seed=0, start=0):
    for step in range(start, start + steps):
        generator = torch.Generator().manual_seed(1000 * seed + step)
        x = torch.randn(5, 4, 5, 5, generator=generator)
        optimiser.zero_grad()
        model(x).square().sum().backward()
        optimiser.step()
        for other in others:
            other()


@settings(deadline=None, max_examples=40)
@given(clos_shapes(12), st.integers(0, 6), st.integers(0, 100))
def test_s6_clos_layer_grown_with_zeros_keeps_the_function_and_learns(shape, more, seed):
    torch.manual_seed(seed)
    layer = ClosLinear.of_shape(shape, dtype=torch.float64)
    before = layer.to_dense().detach()
    growths = grow("", layer, shape.middle_routers + more)
    torch.testing.assert_close(layer.to_dense().detach(), before)
    assert layer.shape.middle_routers == shape.middle_routers + more
    assert sum(p.numel() for p in layer.weights) == layer.shape.parameters
    assert [g.name for g in growths] == (
        ["input_weight", "middle_weight", "output_weight"] if more else []
    )
    for growth in growths:
        assert growth.new.flatten()[growth.places.flatten()].equal(growth.old.flatten())
    if more:
        layer(torch.randn(3, shape.in_features, dtype=torch.float64)).sum().backward()
        assert bool((layer.output_weight.grad[:, -more:] != 0).any())


@pytest.mark.parametrize("new_values", ["zero", "initial"])
def test_s6_all_layers_keep_the_function_with_zeros_only(new_values):
    model = make().double()
    x = torch.randn(3, 4, 5, 5, dtype=torch.float64)
    for name, layer in growable(model):
        before, old = model(x), size_of(layer)
        bits = [p.detach().clone() for p in layer.parameters()]
        (growth, *_) = grow(name, layer, old + 2, new_values)
        assert size_of(layer) == old + 2
        assert growth.name.startswith(f"{name}.") and growth.new is model.get_parameter(growth.name)
        assert growth.new.flatten()[growth.places.flatten()].equal(bits[0].flatten())
        assert torch.allclose(model(x), before) == (new_values == "zero")


def test_s6_growth_ends_where_all_connections_are_there():
    torch.manual_seed(0)
    eye = torch.eye(3, dtype=torch.bool)
    stage = SparseStage(eye, eye.roll(1, 0) * 1.0)
    before = stage.to_dense().detach()
    grow("", stage, 100)
    # The three constant ones stay what they are.
    assert stage.weight.numel() == 6 and not bool(stage.mask[eye.roll(1, 0)].any())
    assert stage.to_dense().equal(before)
    assert grow("", stage, 100) == []
    convolution = SparseRandomConv2d(5, 3, 1, alpha=0.4)
    grow("", convolution, 100)
    assert sorted(convolution.channels[1].tolist()) == [0, 1, 2, 3, 4]
    with pytest.raises(ShapeError, match="size must be at least 5, what it is, not 4"):
        grow("", convolution, 4)
    with pytest.raises(ShapeError, match="one of zero, initial, not 'one'"):
        grow("", convolution, 6, "one")


@pytest.mark.parametrize("kind", [torch.optim.Adam, torch.optim.SGD])
def test_s6_optimiser_keeps_what_it_knew(kind):
    model = make()
    keywords = {"momentum": 0.9} if kind is torch.optim.SGD else {}
    optimiser = kind(model.parameters(), lr=0.01, **keywords)
    train(model, optimiser, 3)
    twin = copy.deepcopy((model, optimiser))
    growths = [g for name, layer in growable(model) for g in grow(name, layer, size_of(layer) + 1)]
    carry_optimiser(optimiser, growths)
    assert {id(p) for g in optimiser.param_groups for p in g["params"]} == {
        id(p) for p in model.parameters()
    }
    key = "momentum_buffer" if kind is torch.optim.SGD else "exp_avg"
    for growth in growths:
        state = optimiser.state[growth.new][key].flatten()
        old = twin[1].state[twin[0].get_parameter(growth.name)][key].flatten()
        places = growth.places.flatten()
        assert state[places].equal(old) and bool(old.any())
        assert int((state != 0).sum()) == int((old != 0).sum())
    # Old weights now take the very step that they would have taken without the growth, where the
    # gradient does not see the new ones: that of the last layer's old output weights.
    train(model, optimiser, 1, start=3)
    train(*twin, 1, start=3)
    torch.testing.assert_close(model[5].output_weight[:, :1], twin[0][5].output_weight)


@pytest.mark.parametrize("new_values", ["zero", "initial"])
def test_s6_schedule_doubles_and_goes_on_from_a_checkpoint(new_values):
    def start():
        model = make()
        optimiser = torch.optim.Adam(model.parameters(), lr=0.01)
        schedule = Densification(
            model, optimiser, every_steps=4, density=0.9, new_values=new_values, seed=5
        )
        return model, optimiser, schedule

    model, optimiser, schedule = start()
    sizes = [size_of(layer) for _, layer in growable(model)]
    train(model, optimiser, 6, schedule.step)
    assert [size_of(layer) for _, layer in growable(model)] == [2 * size for size in sizes]
    file = io.BytesIO()
    torch.save([each.state_dict() for each in (schedule, model, optimiser)], file)
    train(model, optimiser, 10, schedule.step, start=6)
    assert all(layer.density <= 0.9 for _, layer in growable(model) if layer is not model[5])

    again = start()
    file.seek(0)
    states = torch.load(file, weights_only=True)
    for each, state in zip((again[2], again[0], again[1]), states, strict=True):
        each.load_state_dict(state)
    train(again[0], again[1], 10, again[2].step, start=6)
    for name, value in model.state_dict().items():
        assert value.equal(again[0].state_dict()[name]), name
    with pytest.raises(CheckpointError, match="a densification of this model"):
        again[2].load_state_dict(states[0])  # It is larger by now.
    with pytest.raises(CheckpointError, match="a densification of this model"):
        start()[2].load_state_dict({"steps": 3})


def test_s6_schedule_refuses_what_is_none():
    model = make()
    optimiser = torch.optim.SGD(model.parameters(), lr=0.01)
    for keywords, message in [
        ({"every_steps": 0}, "every_steps must be a whole number of at least 1"),
        ({"factor": 1.0}, "factor must be above 1"),
        ({"density": 0.0}, "density must be above 0"),
        ({"new_values": "one"}, "one of zero, initial"),
    ]:
        with pytest.raises(ModelError, match=message):
            Densification(model, optimiser, **{"every_steps": 4, **keywords})
    with pytest.raises(ModelError, match="which can grow, but holds none"):
        Densification(nn.Linear(2, 2), optimiser, every_steps=4)


def test_n30_calcified_weights_keep_their_bits_and_the_new_ones_learn():
    model = make()
    optimiser = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.1)
    schedule = Densification(model, optimiser, every_steps=5)
    calcification = Calcification(model, optimiser, age_steps=5)

    def after():
        calcification.grow(schedule.step())

    train(model, optimiser, 4, after)
    assert calcification.frozen_fraction == 0
    start = {n: p.detach().clone() for n, p in model.named_parameters()}
    train(model, optimiser, 1, after, start=4)
    assert all(not start[n].equal(p) for n, p in model.named_parameters() if n not in
               {g for g in start if start[g].shape != model.get_parameter(g).shape})
    old = {n: (p.detach().clone(), calcification.frozen(n)) for n, p in model.named_parameters()}
    assert 0 < calcification.frozen_fraction < 1
    train(model, optimiser, 4, after, start=5)
    for name, parameter in model.named_parameters():
        values, frozen = old[name]
        assert parameter[frozen].equal(values[frozen]), name
        if name.endswith("weight") and not bool(frozen.all()):
            assert bool((parameter[~frozen] != values[~frozen]).any()), name
    calcification.remove()
    train(model, optimiser, 1, start=9)
    assert any(
        not model.get_parameter(n)[frozen].equal(v[frozen])
        for n, (v, frozen) in old.items()
        if model.get_parameter(n).shape == v.shape
    )


def test_n30_calcification_goes_on_from_a_checkpoint():
    def start():
        model = make()
        optimiser = torch.optim.SGD(model.parameters(), lr=0.01)
        return model, optimiser, Calcification(model, optimiser, age_steps=4)

    model, optimiser, calcification = start()
    train(model, optimiser, 3)
    again = start()
    again[0].load_state_dict(model.state_dict())
    again[2].load_state_dict(calcification.state_dict())
    for m, o, c in ((model, optimiser, calcification), again):
        train(m, o, 3, start=3)
        assert c.steps == 6 and c.frozen_fraction == 1
    for name, value in model.state_dict().items():
        assert value.equal(again[0].state_dict()[name])
    state = calcification.state_dict()
    for bad, message in [
        ({"steps": 1}, "calcification of this model"),
        ({**state, "births": {**state["births"], "5.bias": torch.zeros(2)}}, r"shape \[6\]"),
    ]:
        with pytest.raises(CheckpointError, match=message):
            calcification.load_state_dict(bad)
    with pytest.raises(ModelError, match="age_steps must be a whole number of at least 1, not 0"):
        Calcification(model, optimiser, age_steps=0)


def linear(kind=torch.optim.AdamW):
    torch.manual_seed(0)
    model = nn.Linear(8, 6)
    return model, kind(model.parameters(), lr=0.05)


def learn(model, optimiser, steps):
    for _ in range(steps):
        optimiser.zero_grad()
        model(torch.randn(4, 8)).square().sum().backward()
        optimiser.step()


def test_t1_masks_hold_after_every_update_and_change_when_the_schedule_says():
    model, optimiser = linear()
    first, second = sparse_mask(6, 8, 2), sparse_mask(6, 8, 5)
    masking = Masking(model, optimiser, masks_from({0: {"weight": first}, 3: {"weight": second}}))
    assert bool((model.weight[~first] == 0).all())
    learn(model, optimiser, 2)
    assert (model.weight != 0).equal(first) and masking.density() == 2 / 8
    learn(model, optimiser, 1)
    assert (model.weight != 0).equal(first & second)
    learn(model, optimiser, 1)
    assert (model.weight != 0).equal(second) and bool((model.bias != 0).all())
    state = masking.state_dict()
    again, other = linear()
    fresh = Masking(again, other, masks_from({0: {"weight": first}}))
    fresh.load_state_dict(state)
    assert fresh.steps == 4 and fresh.masks["weight"].equal(second)
    masking.remove()
    learn(model, optimiser, 1)
    assert bool((model.weight != 0).all())


def test_masking_by_magnitude_removes_the_smallest_little_by_little():
    model, optimiser = linear(torch.optim.SGD)
    schedule = gradual_pruning(
        ("weight",), density=0.25, first_step=2, last_step=10, every_steps=2
    )
    masking = Masking(model, optimiser, schedule)
    densities = []
    for _ in range(12):
        before = masking.masks["weight"]
        learn(model, optimiser, 1)
        after = masking.masks["weight"]
        assert bool((after <= before).all())
        densities.append(masking.density())
    last = schedule.mask(10, "weight", torch.arange(-20.25, 27).view(6, 8))
    assert last.flatten().nonzero().flatten().tolist() == [0, 1, 2, *range(39, 48)]
    expected = [1 - 0.75 * (1 - (1 - t / 8) ** 3) for t in (2, 4, 6, 8)]
    assert densities[:2] == [1, 1] and densities[-1] == 0.25
    assert [densities[step] for step in (3, 5, 7, 9)] == pytest.approx(expected, abs=1 / 48)


def test_masking_refuses_what_masks_nothing():
    model, optimiser = linear()
    mask = sparse_mask(6, 8, 2)
    for masks, message in [
        ({0: {"weight": mask}, 5: {"wait": mask}}, "of the model, bias, weight, not 'wait'"),
        ({0: {}, 5: {"weight": mask}}, "at least one parameter"),
        ({0: {"weight": mask.T}}, r"mask of weight must be bool \[6, 8\]"),
        ({0: {"weight": mask.float()}}, "not torch.float32"),
        ({1: {"weight": mask}}, "must begin at step 0, not at 1"),
        ({}, "not at None"),
    ]:
        with pytest.raises(ModelError, match=message):
            Masking(model, optimiser, masks_from(masks))
    masking = Masking(model, optimiser, masks_from({0: {"weight": mask}}))
    with pytest.raises(CheckpointError, match="a masking of this model"):
        masking.load_state_dict({"steps": 2, "masks": {"weight": mask.T}})
    good = {"density": 0.5, "first_step": 0, "last_step": 9, "every_steps": 1}
    for change, message in [
        ({"density": 1.5}, "density must be"),
        ({"first_step": 9}, "below last_step"),
        ({"every_steps": 0}, "every_steps must be"),
    ]:
        with pytest.raises(ModelError, match=message):
            gradual_pruning(("weight",), **{**good, **change})


def test_t11_dropout_of_inputs_and_hidden_values_is_in_training_only():
    shapes = [ClosShape(50, 60, 5, 4, 6), ClosShape(60, 4, 6, 4, 2)]
    torch.manual_seed(0)
    net = ClosNet(shapes, dropout=(0.2, 0.5))
    plain = ClosNet(shapes)
    plain.load_state_dict(net.state_dict())
    x = torch.ones(400, 50)
    seen = []
    for layer in net.layers:
        layer.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].detach()))
    net(x)
    assert set(seen[0].unique().tolist()) == {0.0, 1.25}
    assert float((seen[0] == 0).double().mean()) == pytest.approx(0.2, abs=0.01)
    active = seen[1][:, (plain.layers[0](x)[0] > 0.2)]
    assert float((active == 0).double().mean()) == pytest.approx(0.5, abs=0.1)
    assert net.eval()(x).equal(plain(x))
    assert plain(x).equal(plain.eval()(x))
    with pytest.raises(ShapeError, match=r"dropout must be two numbers in \[0, 1\), not \(0, 1\)"):
        ClosNet(shapes, dropout=(0, 1))
