"""The compiled golden model against the definition in PyTorch: every word, over random runs."""

import pickle

import pytest
import torch
from torch import nn

from golden import (
    DIGITS_SHAPES,
    ClosLinear,
    ClosNet,
    FixedTrainingNet,
    GoldenError,
    ModelError,
    TrainingWidths,
    initial_state,
    propose_format,
    softmax_cross_entropy,
)
from golden.compiled.training import CompiledTrainingNet
from golden.data.datasets import load_digits_split
from golden.fixed.format import CLEAR, KEEP
from golden.fixed.visits import Placement, StagePlacement, weight_sizes
from golden.fixed.words import to_words
from golden.studies.population import Population
from golden.vectors.steps import paper_training_example
from tests.support.training_cases import golden_run, random_case, random_state

RATE = 0.05


def random_placement(shapes, pes, generator):
    """Weights anywhere, some on the same visit, and visits of padding."""
    def place(size):
        visits = torch.Size(size).numel() // pes + 3
        pe, visit = (torch.randint(limit, size, generator=generator) for limit in (pes, visits))
        return StagePlacement(pe, visit, visits)

    return Placement(pes, tuple(tuple(map(place, weight_sizes(shape))) for shape in shapes))


def compiled_run(form, state, x, gradients, *, placement=None, batches=False, momentum=None,
                 frozen=(), input_gradient=False):
    """Do as `golden_run`: return outputs, input gradients and the net."""
    net = CompiledTrainingNet(form, state, placement)
    size = len(x) if batches else 1
    first = CLEAR if momentum is None else momentum
    outputs, sums = [], []
    for number, (one, gradient) in enumerate(zip(x.split(1), gradients, strict=True)):
        outputs.append(net.forward_words(one)[0])
        sums.append(net.backward(
            one, gradient, decay=KEEP if number % size else first,
            apply=number % size == size - 1, frozen=frozen, input_gradient=input_gradient))
    return torch.stack(outputs), torch.stack(sums) if input_gradient else None, net


def check_equal(form, state, x, gradients, **options):
    expected = golden_run(form, state, x, gradients, **options)
    outputs, sums, net = compiled_run(form, state, x, gradients, **options)
    assert outputs.equal(expected.outputs)
    assert net.state.differences(expected.state) == []
    assert expected.input_gradients is None or sums.equal(expected.input_gradients)
    return expected


def check_case(seed, pes):
    case = random_case(seed)
    options = {name: value for name, value in case.options.items() if name != "host_bits"}
    generator = torch.Generator().manual_seed(seed)
    placement = random_placement(case.form.shapes, pes, generator)
    check_equal(case.form, random_state(case.form, 1, pes, seed), case.x, case.gradients,
                placement=placement, **options)


@pytest.mark.parametrize("seed", range(10))
def test_random_runs_are_equal(seed):
    check_case(seed, pes=1 + seed % 5)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10, 150))
def test_many_random_runs_are_equal(seed):
    check_case(seed, pes=1 + seed % 17)


def mixed(cuts, velocity_bits=0, widths=None):
    """A chain of dense and Clos layers, its format and state, and samples."""
    torch.manual_seed(5)
    model = nn.Sequential(
        nn.Linear(10, 9), nn.ReLU(), ClosLinear(9, 8, (3, 4, 2)), nn.ReLU(), nn.Linear(8, 5))
    x, labels = torch.rand(40, 10) * 2 - 1, torch.randint(5, (40,))
    widths = widths or TrainingWidths(velocity_bits=velocity_bits)
    form = propose_format(model, x, labels, softmax_cross_entropy, RATE, widths=widths,
                          dense_cuts=cuts)
    words = to_words(x, form.input_fraction_bits, form.act_bits)
    return form, initial_state(model, form, seed=2), words, labels


@pytest.mark.parametrize("options", [
    {"input_gradient": True}, {"frozen": [0]}, {"frozen": [1, 2]},
    {"batches": True, "momentum": 3}, {"momentum": 1},
], ids=str)
@pytest.mark.parametrize("cuts", [None, [(0, 3, 7), (0, 2)]])
def test_dense_layers_are_equal(cuts, options):
    form, state, x, _ = mixed(cuts, velocity_bits=36 if "momentum" in options else 0)
    generator = torch.Generator().manual_seed(1)
    gradients = torch.randint(-900, 900, (6, 5), generator=generator)
    before = state.clone()
    expected = check_equal(form, state, x[:6], gradients, **options)
    assert state == before and expected.state != before


def test_papers_example_by_hand():
    vector = paper_training_example()
    net = CompiledTrainingNet(vector.form, vector.state)
    assert net.forward_words(vector.x[None]).tolist() == [[0, 0, 170, 239]]
    sums = net.backward(vector.x[None], vector.gradient, input_gradient=True)
    assert sums.equal(vector.input_sums)
    assert net.state == vector.after


def learn_by_torch(net, x, labels, rate, size, decay, frozen):
    """The same samples by the definition, one after the other."""
    outputs, gradients = [], []
    for number, (one, label) in enumerate(zip(x.split(1), labels.split(1), strict=True)):
        words = net.forward(one)
        loss = softmax_cross_entropy(net.outputs(words), label)
        gradient = net.quantise_gradient(loss.gradient * rate)[0]
        outputs.append(words[-1].output.words[0])
        gradients.append(gradient)
        net.backward(one, words, gradient, decay=KEEP if number % size else decay,
                     apply=number % size == size - 1, frozen=frozen)
    return torch.stack(outputs), torch.stack(gradients)


@pytest.mark.parametrize("size, decay, frozen", [(1, CLEAR, ()), (4, CLEAR, ()), (4, 3, (1,))])
def test_cross_entropy_is_that_of_pytorch(size, decay, frozen):
    split = load_digits_split()
    x, labels = (torch.as_tensor(part[:60]) for part in (split.train_x, split.train_y))
    model = ClosNet(DIGITS_SHAPES, generator=torch.Generator().manual_seed(1))
    form = propose_format(model, x, labels, softmax_cross_entropy, RATE,
                          widths=TrainingWidths(velocity_bits=36))
    state = initial_state(model, form)
    words = to_words(x, form.input_fraction_bits, form.act_bits)
    by_torch, net = FixedTrainingNet(form, state.clone()), CompiledTrainingNet(form, state)
    outputs, gradients = learn_by_torch(by_torch, words, labels, RATE, size, decay, frozen)
    how = {"size": size, "decay": decay, "frozen": frozen}
    # In two calls, the second of which begins within a batch.
    parts = [net.learn(words[:30], labels[:30], RATE, **how),
             net.learn(words[30:], labels[30:], RATE, first=30 % size, **how)]
    assert torch.cat([part.outputs for part in parts]).equal(outputs)
    assert torch.cat([part.gradients for part in parts]).equal(gradients)
    assert net.state == by_torch.state and net.state != state


def test_what_could_be_rounded_otherwise_is_left_to_the_caller():
    """All outputs are 0, so every gradient is 0.2 or -0.8 of the rate: ties, or too large."""
    form, state, x, labels = mixed(None)
    for layer in state.layers:
        for words in (*layer.masters, layer.bias):
            words.zero_()
    net = CompiledTrainingNet(form, state)
    unit = 2.0 ** -form.gradient_fraction_bits
    for rate in (2.5 * unit, unit * 2.0 ** form.grad_bits, 1e300, float("nan"), float("inf")):
        assert len(net.learn(x, labels, rate).outputs) == 0
        assert net.state == state
    assert len(net.learn(x[:3], labels[:3], 2.4 * unit).outputs) == 3
    assert net.state != state


def test_a_placement_with_too_many_visits_is_refused():
    form, state, _, _ = mixed(None)
    first, *others = Placement.one_pe(form.shapes).layers
    (stage,) = first
    padded = Placement(1, ((StagePlacement(stage.pe, stage.visit, 1 << 28),), *others))
    with pytest.raises(ModelError, match="fewer than 268435456 visits .*, not 268435456 of 1 PEs"):
        CompiledTrainingNet(form, state, padded)


def test_a_copy_has_a_state_of_its_own():
    form, state, x, labels = mixed(None)
    net = CompiledTrainingNet(form, state)
    copy = pickle.loads(pickle.dumps(net))
    net.learn(x, labels, RATE)
    assert copy.state == state and net.state != state
    copy.learn(x, labels, RATE)
    assert copy.state == net.state
    net.write_state(state)
    assert net.state == state


def test_wrong_arguments_are_refused_as_by_the_definition():
    form, state, x, labels = mixed(None)
    net, by_torch = CompiledTrainingNet(form, state), FixedTrainingNet(form, state.clone())
    words, gradient = by_torch.forward(x[:1]), torch.zeros(5, dtype=torch.int64)
    for options in ({"decay": 16}, {"decay": KEEP}, {"apply": False}, {"frozen": [3]},
                    {"frozen": ["0"]}):
        with pytest.raises(GoldenError) as wanted:
            by_torch.backward(x[:1], words, gradient, **options)
        with pytest.raises(GoldenError) as found:
            net.backward(x[:1], gradient, **options)
        assert str(found.value) == str(wanted.value)
    for wrong in (x[:, :3], x.double(), x * 0 + (1 << 20)):
        with pytest.raises(GoldenError) as wanted:
            by_torch.forward(wrong)
        with pytest.raises(GoldenError) as found:
            net.forward_words(wrong)
        assert str(found.value) == str(wanted.value)
    for act, message in (
        (lambda: net.backward(x[:2], gradient), "x must be of one sample, not of 2"),
        (lambda: net.backward(x[:1], gradient[:2]), "gradient must be int64"),
        (lambda: net.backward(x[:1], gradient + (1 << 20)), "gradients must fit grad_bits"),
        (lambda: net.learn(x, labels[:2], RATE), r"labels must be int64 \[40\]"),
        (lambda: net.learn(x, labels + 1, RATE), "labels must be 0 to 4, the outputs, not 1 to 5"),
        (lambda: net.learn(x, labels, "fast"), "rate must be a number"),
        (lambda: net.learn(x, labels, RATE, size=0), "size must be"),
        (lambda: net.learn(x, labels, RATE, first=1), "first must be"),
        (lambda: net.learn(x, labels, RATE, size=2), "batches and momentum need velocity_bits"),
        (lambda: net.write_state(random_state(form, 1, 2, 0)), r"lfsr must be int64 \[1\]"),
        (lambda: CompiledTrainingNet(form, random_state(form, 1, 2, 0)), "lfsr must be int64"),
    ):
        with pytest.raises(GoldenError, match=message):
            act()
    assert net.state == state


def test_rounding_to_nearest_is_that_of_the_study():
    """Updates half up, and LFSRs that go on: as the definition in PyTorch has it."""
    shapes = [(12, 8, 3, 2, 4), (8, 5, 2, 3, 5)]
    net = ClosNet(shapes, generator=torch.Generator().manual_seed(3))
    generator = torch.Generator().manual_seed(4)
    x = torch.rand(30, 12, generator=generator)
    labels = torch.randint(5, (30,), generator=generator)
    form = propose_format(net, x, labels, softmax_cross_entropy, RATE,
                          widths=TrainingWidths(weight_bits=10, master_bits=10,
                                                velocity_bits=36))
    words, state = to_words(x, form.input_fraction_bits, form.act_bits), initial_state(net, form)
    runs = Population([form] * 2, [state] * 2, ["nearest", "lfsr"], seed=0)
    nets = [CompiledTrainingNet(form, state, rounding=rounding)
            for rounding in ("nearest", "stochastic")]
    for sample in range(len(x)):
        runs.step(words[None, sample].expand(2, -1), int(labels[sample]), RATE, decay=CLEAR,
                  apply=True)
        for one in nets:
            done = one.learn(words[sample:sample + 1], labels[sample:sample + 1], RATE)
            assert len(done.outputs) == 1
    for number, one in enumerate(nets):
        assert one.state.differences(runs.state(number)) == []
        assert pickle.loads(pickle.dumps(one)).state == one.state
    assert nets[0].state.differences(nets[1].state) != []
    assert nets[0].state.lfsr.equal(nets[1].state.lfsr)


def test_an_unknown_rounding_is_refused():
    vector = paper_training_example()
    with pytest.raises(ModelError, match="rounding must be stochastic or nearest, not 'up'"):
        CompiledTrainingNet(vector.form, vector.state, rounding="up")
