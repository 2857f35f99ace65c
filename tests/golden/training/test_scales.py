"""Ranges, the fraction bits proposed for them, the float twin, and the errors of words."""

import dataclasses

import pytest
import torch

import golden.training.ranges
from golden import (
    DIGITS_SHAPES,
    ClosNet,
    ClosShape,
    FixedTrainingNet,
    FloatTwin,
    ModelError,
    ShapeError,
    TrainingWidths,
    accuracy,
    initial_state,
    mean_squared_error,
    propose_format,
    softmax_cross_entropy,
)
from golden.data.datasets import load_digits_split
from golden.fixed.format import CLEAR, TrainingFormat
from golden.fixed.layer_format import LayerFormat
from golden.studies.step_errors import error_table, step_errors
from golden.studies.step_errors_digits import errors_on_digits
from golden.training.ranges import Magnitudes, profile_ranges, range_table
from golden.training.scales import Headroom, format_for

SHAPES = (ClosShape(12, 10, 3, 4, 2), ClosShape(10, 6, 2, 3, 3))


def make(seed=0, samples=40, shapes=SHAPES):
    generator = torch.Generator().manual_seed(seed)
    model = ClosNet(shapes, generator=generator)
    x = torch.rand(samples, shapes[0].in_features, generator=generator)
    return model, x, torch.randint(shapes[-1].out_features, (samples,), generator=generator)


def test_twin_is_pytorchs_sgd():
    model, x, labels = make()
    twin = FloatTwin.of_model(model)
    model.double()
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.875)
    for start in range(0, 40, 4):
        batch = slice(start, start + 4)
        optimiser.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(x[batch].double()), labels[batch])
        loss.backward()
        optimiser.step()
        reals = twin.forward(x[batch])
        value = softmax_cross_entropy(reals[-1].output, labels[batch])
        assert value.loss == pytest.approx(loss.item(), rel=1e-10)
        twin.update(twin.gradients(x[batch], reals, value.gradient * 0.1), 0.875)
    for layer, mine in zip(model.layers, twin.layers, strict=True):
        for name, found in zip(
            ("input_weight", "middle_weight", "output_weight", "bias"),
            (*mine.weights, mine.bias),
            strict=True,
        ):
            torch.testing.assert_close(found, getattr(layer, name).detach(), rtol=1e-9, atol=1e-12)


def test_frozen_layers_of_the_twin_stay():
    model, x, labels = make()
    twin = FloatTwin.of_model(model)
    before = [layer.weights[1] for layer in twin.layers]
    reals = twin.forward(x)
    gradient = softmax_cross_entropy(reals[-1].output, labels).gradient
    twin.update(twin.gradients(x, reals, gradient), frozen=(0,))
    assert twin.layers[0].weights[1].equal(before[0])
    assert not twin.layers[1].weights[1].equal(before[1])


def test_magnitudes_count_by_powers_of_two():
    found = Magnitudes()
    found.add(torch.tensor([0.0, 1.0, -1.5, 0.25]))
    found.add(torch.tensor([[-4.0]]))
    assert found.largest == 4.0 and found.values == 5
    shares = [found.share_of_at_least(exponent) for exponent in (-80, -2, -1, 0, 1, 2, 3, 80)]
    assert shares == [0.8, 0.8, 0.6, 0.6, 0.2, 0.2, 0.0, 0.0]
    found.reserve(8.0)
    found.reserve(float("inf"))
    assert found.largest == 8.0 and found.share_of_at_least(3) == 0.0


def test_profile_meets_what_training_meets():
    """The ranges are those of SGD, recorded here by hand for one pass."""
    model, x, labels = make()
    ranges = profile_ranges(
        model, x, labels, softmax_cross_entropy, 0.1, batch_size=4, momentum=0.5
    )
    twin = FloatTwin.of_model(model)
    largest = 0.0
    order = torch.randperm(40, generator=torch.Generator().manual_seed(0))
    for batch in order.split(4):
        reals = twin.forward(x[batch])
        value = softmax_cross_entropy(reals[-1].output, labels[batch])
        gradients = twin.gradients(x[batch], reals, value.gradient * 0.1)
        twin.update(gradients, 0.5)
        largest = max(largest, float(gradients[0].results[1].abs().max()))
    assert ranges.layers[0].gradients[1].largest == largest
    assert ranges.layers[1].gradients[2].largest == 0.1 / 4
    assert ranges.layers[1].weights[0].largest >= float(twin.layers[1].weights[0].abs().max())
    before = ClosNet(SHAPES, generator=torch.Generator().manual_seed(0))
    assert all(a.equal(b) for a, b in zip(model.parameters(), before.parameters(), strict=True))


@pytest.mark.parametrize("learning_rate", [1e-4, 0.05, 0.5])
@pytest.mark.parametrize("widths", [
    TrainingWidths(), TrainingWidths(velocity_bits=40), TrainingWidths(18, 18, 36, 18),
    TrainingWidths(12, 10, 16, 12),
])  # fmt: skip
def test_nothing_saturates_in_a_proposed_format(learning_rate, widths):
    model, x, labels = make()
    ranges = profile_ranges(model, x, labels, softmax_cross_entropy, learning_rate)
    form = format_for(model, ranges, widths=widths)
    lines = range_table(ranges, form)
    assert len(lines) == 2 * (14 if widths.velocity_bits else 11)
    assert all(line.largest <= line.limit and line.saturated == 0.0 for line in lines)
    for shifts in form.shifts:
        assert all(0 <= shift <= 32 for shift in shifts.update) and shifts.bias >= 0


def test_wider_gradients_and_headroom_move_the_fraction_bits():
    model, x, labels = make()
    ranges = profile_ranges(model, x, labels, softmax_cross_entropy, 0.05)

    def gradients(headroom=None, **widths):
        form = format_for(model, ranges, widths=TrainingWidths(**widths), headroom=headroom)
        return [bits for layer in form.layers for bits in layer.gradient_fraction_bits]

    default = gradients()
    assert gradients(grad_bits=12) == [bits - 4 for bits in default]
    free = gradients(Headroom(gradients=2))
    assert free == [*(bits - 2 for bits in default[:-1]), default[-1]]


def test_the_table_names_what_saturates():
    model, x, labels = make()
    ranges = profile_ranges(model, x, labels, softmax_cross_entropy, 0.05)
    form = format_for(model, ranges)
    layers = list(form.layers)
    d1, d2, dy = layers[1].gradient_fraction_bits
    layers[1] = dataclasses.replace(layers[1], gradient_fraction_bits=(d1, d2 + 2, dy))
    narrow = dataclasses.replace(form, layers=tuple(layers))
    saturated = [line for line in range_table(ranges, narrow) if line.saturated > 0.0]
    assert [line.name for line in saturated] == ["layer 1 middle gradient"]
    assert 0.0 < saturated[0].saturated < 0.5
    assert saturated[0].largest > saturated[0].limit


@pytest.mark.parametrize(
    ("learning_rate", "message"),
    [
        (0.0, "learning_rate must be positive and finite, not 0.0"),
        (float("nan"), "learning_rate must be positive and finite, not nan"),
        (1e-12, "learning_rate must be larger than 1e-12: .* gradient .* no shift represents it"),
        (1e60, r"learning_rate must be one with which .* converges, not 1e\+60"),
    ],
)
def test_learning_rates_that_cannot_be_represented(learning_rate, message):
    model, x, labels = make()
    with pytest.raises(ModelError, match=message):
        propose_format(model, x, labels, softmax_cross_entropy, learning_rate)


def test_masters_that_no_update_reaches_are_refused():
    model, x, labels = make()
    with pytest.raises(ModelError, match="learning_rate must be another than 0.05: .* widths"):
        propose_format(
            model, x, labels, softmax_cross_entropy, 0.05, widths=TrainingWidths(6, 6, 30, 6)
        )


def test_calibration_that_does_not_fit_is_refused():
    model, x, labels = make()
    for bad_x, bad_labels in ((x[:, :5], labels), (x[:0], labels[:0]), (x, labels[:3])):
        with pytest.raises(ShapeError, match=r"calibration data must be \[N, 12\]"):
            profile_ranges(model, bad_x, bad_labels, softmax_cross_entropy, 0.05)
    with pytest.raises(ModelError, match="x must be finite, but holds NaN"):
        profile_ranges(model, x / 0.0, labels, softmax_cross_entropy, 0.05)


def good_format(**changes):
    layer = LayerFormat(SHAPES[1], False, (11, 11, 10, 9), (21, 21, 21), (18, 18, 19))
    widths = {
        "act_bits": 16, "weight_bits": 16, "master_bits": 24, "grad_bits": 16,
        "velocity_bits": 0, "bias_bits": 40,
    }  # fmt: skip
    fields = {name: changes.pop(name) for name in tuple(changes) if name in widths}
    return TrainingFormat((dataclasses.replace(layer, **changes),), **(widths | fields))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"act_bits": 3}, "act_bits must be 4 to 18, not 3"),
        ({"master_bits": 15}, "master_bits must be 16 to 36, not 15"),
        ({"master_bits": 37}, "master_bits must be 16 to 36, not 37"),
        ({"grad_bits": 19}, "grad_bits must be 4 to 18, not 19"),
        ({"velocity_bits": 8}, r"velocity_bits must be 0 \(none\), or 16 to 48, not 8"),
        ({"bias_bits": 61}, "bias_bits must be 2 to 60, not 61"),
        (
            {"gradient_fraction_bits": (9, 18, 19)},
            "layer 0: the input stage's update shift must be 0 to 32, not -1",
        ),
        (
            {"gradient_fraction_bits": (18, 33, 19)},
            "layer 0: the output stage's gradient shift must be 0 to 62, not -1",
        ),
        (
            {"gradient_fraction_bits": (18, 18, 24)},
            "layer 0: the bias shift must be 0 to 40, not -1",
        ),
        (
            {"activation_fraction_bits": (11, 25, 10, 9)},
            "layer 0: the input stage's forward shift must be 0 to 62, not -1",
        ),
    ],
)
def test_formats_that_cannot_work_are_refused(changes, message):
    assert good_format().shifts[0].update == (8, 8, 8)
    with pytest.raises(ModelError, match=message):
        good_format(**changes)


def test_layers_must_chain():
    layer = good_format().layers[0]
    with pytest.raises(ShapeError, match="layer 1: in_features must be 6.*not 10"):
        dataclasses.replace(good_format(), layers=(layer, layer))
    with pytest.raises(ModelError, match="layers must hold at least one layer"):
        dataclasses.replace(good_format(), layers=())
    other = dataclasses.replace(layer, shape=ClosShape(6, 3, 2, 2, 2))
    with pytest.raises(ModelError, match="its input must have 9 fraction bits.*not 11"):
        dataclasses.replace(good_format(), layers=(layer, other))


def error_bounds(form, state, x, dy):
    """Bounds on what rounding does to each layer's gradients, from the words' resolutions alone.

    Every product is off by at most |a| db + |b| da + da db, every result by half its last place
    more; an operand is cut off, so it is off by less than its last place. A ReLU that may be either
    way lets through either gradient.
    """
    twin = FloatTwin.of_state(form, state)
    reals = twin.forward(x)
    gradients = twin.gradients(x, reals, dy)
    step_w = [[2.0**-bits for bits in form.operand_fraction_bits(i)] for i in range(len(reals))]

    def sums(method, stage, weight, weight_error, value, error):
        ones = torch.full_like(weight, weight_error)
        return (
            method(stage, weight.abs() + ones, error) + method(stage, ones, value.abs())
        )

    forward_errors, value = [], x
    error = torch.full_like(x, 2.0 ** -form.input_fraction_bits / 2)
    for index, (layer, real) in enumerate(zip(twin.layers, reals, strict=True)):
        fractions = form.layers[index].activation_fraction_bits
        for stage, result in enumerate(real.results):
            error = sums(
                layer.routing.sums, stage, layer.weights[stage], step_w[index][stage], value, error
            )
            error, value = error + 2.0 ** -fractions[stage + 1] / 2, result
        forward_errors.append(error)
    bounds = []
    error = torch.full_like(dy, 2.0**-form.gradient_fraction_bits / 2)
    for index in reversed(range(len(reals))):
        layer, found = twin.layers[index], gradients[index]
        fractions = form.layers[index].gradient_fraction_bits
        bound = {2: error}
        for stage, value in ((2, found.results[2]), (1, found.results[1])):
            error = sums(
                layer.routing.transposed, stage, layer.weights[stage], step_w[index][stage],
                value, error,
            ) + 2.0 ** -fractions[stage - 1] / 2  # fmt: skip
            bound[stage - 1] = error
        bounds.append((bound[0], bound[1], bound[2]))
        if index > 0:
            error = sums(
                layer.routing.transposed, 0, layer.weights[0], step_w[index][0],
                found.results[0], error,
            ) + 2.0 ** -form.layers[index - 1].gradient_fraction_bits[2] / 2
            unmasked = layer.routing.transposed(0, layer.weights[0], found.results[0]).abs()
            below = twin.layers[index - 1]
            before_relu = below.routing.sums(2, below.weights[2], reals[index - 1].results[1])
            either_way = (before_relu + below.bias).abs() <= forward_errors[index - 1]
            error = torch.where(either_way, error + unmasked, error)
    return gradients, bounds[::-1]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("widths", [TrainingWidths(18, 18, 30, 18), TrainingWidths()])
def test_gradients_are_within_the_quantisation_bound(seed, widths):
    """Of the float twin, which is autograd's: `test_twin_is_pytorchs_sgd`."""
    model, x, labels = make(seed)
    form = propose_format(model, x, labels, softmax_cross_entropy, 0.05, widths=widths)
    net = FixedTrainingNet(form, initial_state(model, form))
    x = x[:1].double()
    dy = 0.05 * softmax_cross_entropy(model(x.float()).double(), labels[:1]).gradient
    exact, bounds = error_bounds(form, net.state, x, dy)
    words = net.operands().quantise_input(x)
    result = net.backward(words, net.forward(words), net.quantise_gradient(dy)[0])
    assert result.counts().saturated_gradients == 0
    for index, layer in enumerate(result.layers):
        real = exact[index]
        for stage, value, bound, fraction in zip(
            layer.stages, real.results, bounds[index],
            form.layers[index].gradient_fraction_bits, strict=True,
        ):  # fmt: skip
            error = (stage.gradient.double() * 2.0**-fraction - value[0]).abs()
            assert (error <= bound[0]).all()
            assert bound.max() < 0.02 * value.abs().max()
            assert error.max() > 0.0


@pytest.mark.parametrize("decay", [CLEAR, 3])
@pytest.mark.parametrize("loss", [softmax_cross_entropy, mean_squared_error])
def test_errors_of_a_step_are_small_and_shrink_with_wider_words(decay, loss):
    model, x, labels = make()
    targets = labels if loss is softmax_cross_entropy else torch.eye(6)[labels]
    tables = []
    for widths in (TrainingWidths(10, 10, 16, 10, 48), TrainingWidths(16, 16, 24, 16, 48)):
        form = propose_format(
            model, x, targets, loss, 0.05, widths=widths, headroom=Headroom(outputs=1),
            batch_size=4, momentum=0.875,
        )  # fmt: skip
        net = FixedTrainingNet(form, initial_state(model, form))
        for start in (0, 4):
            batch = slice(start, start + 4)
            tables.append(step_errors(net, x[batch], targets[batch], loss, 0.05, decay=decay))
    coarse, fine = tables[1], tables[3]
    assert len(fine) == 2 * 11 and fine[1].name == "layer 0 input result"
    assert all(line.relative < 0.01 for line in fine)
    assert all(a.rms_error > 8.0 * b.rms_error > 0.0 for a, b in zip(coarse, fine, strict=True))
    assert len(error_table(fine).splitlines()) == 2 + 22


def test_errors_on_digits_are_small():
    lines = errors_on_digits(3, samples=60)
    assert len(lines) == 22
    assert all(line.rms > 0.0 and line.relative < 0.01 for line in lines)


def test_default_format_learns_the_digits_as_float_does():
    """400 steps of batch 1 from scratch, beside the twin; `golden.studies.training_widths` does
    it all.
    """
    split = load_digits_split()
    x, labels = torch.as_tensor(split.train_x)[:400], torch.as_tensor(split.train_y)[:400]
    model = ClosNet(DIGITS_SHAPES, generator=torch.Generator().manual_seed(0))
    form = propose_format(model, x, labels, softmax_cross_entropy, 0.03)
    net = FixedTrainingNet(form, initial_state(model, form))
    twin = FloatTwin.of_model(model)
    words = net.operands().quantise_input(x)
    for n in range(400):
        one = slice(n, n + 1)
        results, reals = net.forward(words[one]), twin.forward(x[one])
        value = softmax_cross_entropy(net.outputs(results), labels[one])
        net.backward(words[one], results, net.quantise_gradient(value.gradient * 0.03)[0])
        value = softmax_cross_entropy(reals[-1].output, labels[one])
        twin.update(twin.gradients(x[one], reals, value.gradient * 0.03))
    test_x, test_labels = torch.as_tensor(split.test_x), torch.as_tensor(split.test_y)
    fixed = accuracy(net.operands().infer(test_x), test_labels)
    reference = accuracy(twin.forward(test_x)[-1].output, test_labels)
    assert fixed > 0.5 and abs(fixed - reference) < 0.03


def test_a_long_training_is_counted_in_part(monkeypatch):
    """The largest values, which words are laid out by, are those of all steps."""
    model, x, labels = make(samples=64)
    def profile():
        return profile_ranges(model, x, labels, softmax_cross_entropy, 0.05, epochs=2)

    whole = profile()
    monkeypatch.setattr(golden.training.ranges, "_COUNTED_STEPS", 8)
    part = profile()
    assert format_for(model, part) == format_for(model, whole)
    for name in ("activations", "weights", "gradients", "velocities"):
        for one, other in zip(getattr(part.layers[1], name), getattr(whole.layers[1], name),
                              strict=True):
            assert one.largest == other.largest
            assert one.values * 128 == other.values * (8 + 7)
