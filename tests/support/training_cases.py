"""Random nets in training: formats, states and samples that make something of every case happen."""

import dataclasses
import itertools
import math
from random import Random

import torch

from golden import ClosShape, GoldenError
from golden.fixed.format import CLEAR, TrainingFormat
from golden.fixed.layer_format import LayerFormat
from golden.fixed.results import Counts
from golden.fixed.state import TrainingState
from golden.fixed.training import FixedTrainingNet
from golden.fixed.visits import weight_sizes

TORI = ("1x1", "1x2", "2x1", "1x4", "4x1", "2x2", "2x3", "3x2", "3x3", "4x4", "5x3")


@dataclasses.dataclass(frozen=True, eq=False)
class Case:
    """A training run: what `compile` gets, the seed of the state, and the samples."""

    form: TrainingFormat
    torus: str
    options: dict
    seed: int
    x: torch.Tensor
    gradients: torch.Tensor

    def state(self, rows, cols):
        return random_state(self.form, rows, cols, self.seed)


@dataclasses.dataclass(frozen=True, eq=False)
class Expected:
    """What the golden model makes of a run; `counts` are those of all its samples."""

    outputs: torch.Tensor
    input_gradients: torch.Tensor | None
    state: TrainingState
    counts: Counts


def random_shapes(random, depth, most_features=14):
    """Layers of sizes that divide and sizes that do not."""
    features = [random.randint(2, most_features) for _ in range(depth + 1)]
    shapes, readers = [], None
    for inputs, outputs in itertools.pairwise(features):
        blocks = random.randint(1, min(inputs, 6))
        # Half of the time, blocks line up with those of the layer before, or divide them.
        if readers is not None and random.random() < 0.5:
            blocks = max(1, random.choice([readers, readers // 2, min(2 * readers, inputs)]))
        readers = random.randint(1, min(outputs, 6))
        shapes.append(ClosShape(inputs, outputs, blocks, random.randint(1, 5), readers))
    return shapes


def random_format(random, shapes, velocity_bits):
    """Widths, and fraction bits with which words neither all saturate nor all vanish."""
    act, weight = random.randint(6, 18), random.randint(6, 18)
    master = random.randint(max(weight, 10), 36)
    grad = random.randint(6, 18)
    fan_ins = [fan_in for shape in shapes for fan_in in shape.fan_ins]

    def near(bits, spread=1):
        return max(0, round(bits) + random.randint(-spread, spread))

    forward = [near(weight - 2 + math.log2(fan_in) / 2) for fan_in in fan_ins]
    back = [near(weight - 2 + math.log2(fan_in) / 2 - 1) for fan_in in fan_ins]
    update = [min(near(act + grad - master, 3), 31) for _ in fan_ins]
    # Fraction bits of weights such that all updates get about the shift that they should have.
    weights = [random.randint(4, 12)]
    for left, right in itertools.pairwise(range(len(fan_ins))):
        weights.append(weights[-1]
                       + (update[left] - update[right] - forward[left] + back[right]) // 2)
    acts = [random.randint(0, 8)]
    for bits, shift in zip(weights, forward, strict=True):
        acts.append(acts[-1] + bits - shift)
    dropped = master - weight
    gradients = [update[-1] + weights[-1] + dropped - acts[-2]]
    for bits, shift in zip(weights[:0:-1], back[:0:-1], strict=True):
        gradients.insert(0, gradients[0] + bits - shift)
    # Activations may all be finer, and gradients coarser for it: then biases get their shift.
    bias = min(weights[k] + acts[k] - gradients[k] for k in range(2, len(weights), 3))
    finer = -(bias // 2) + random.randint(0, 2)
    layers = [
        LayerFormat(
            shape, random.random() < 0.6 and 3 * index + 3 < len(weights),
            tuple(one + finer for one in acts[3 * index:3 * index + 4]),
            tuple(one + dropped for one in weights[3 * index:3 * index + 3]),
            tuple(one - finer for one in gradients[3 * index:3 * index + 3]),
        )
        for index, shape in enumerate(shapes)
    ]
    most = max(shape.in_features + shape.out_features for shape in shapes)
    bias_bits = weight + max(act, grad) + most.bit_length()
    return TrainingFormat(tuple(layers), act, weight, master, grad, velocity_bits, bias_bits)


def random_words(generator, size, bits):
    """Words of `bits` bits, small and large ones."""
    words = torch.randint(-(1 << (bits - 1)), 1 << (bits - 1), size, generator=generator)
    return words >> torch.randint(0, 3, size, generator=generator)


def random_state(form, rows, cols, seed):
    generator = torch.Generator().manual_seed(seed)
    layers = [
        (tuple(random_words(generator, size, form.master_bits) for size in weight_sizes(shape)),
         random_words(generator, (shape.out_features,), min(form.bias_bits, 62) - 4))
        for shape in form.shapes
    ]
    state = TrainingState.at_rest(layers, seed=seed, rows=rows, cols=cols)
    if form.velocity_bits:
        bits = min(form.velocity_bits, form.act_bits + form.grad_bits)
        for layer in state.layers:
            layer.velocities = tuple(random_words(generator, tuple(one.shape), bits)
                                     for one in layer.velocities)
            layer.bias_velocity = random_words(
                generator, tuple(layer.bias.shape), min(bits, form.grad_bits))
    return state


def random_samples(form, count, seed):
    """Input words and words of output gradients, some of them 0."""
    generator = torch.Generator().manual_seed(seed + 1)
    x = random_words(generator, (count, form.shapes[0].in_features), form.act_bits)
    size = count, form.shapes[-1].out_features
    gradients = random_words(generator, size, form.grad_bits)
    return x, gradients * (torch.rand(size, generator=generator) < 0.8)


def golden_run(form, state, x, gradients, *, placement=None, batches=False, momentum=None,
               frozen=(), input_gradient=False):
    """Train on the golden model; `state` is left as it is."""
    net = FixedTrainingNet(form, state.clone(), placement)
    how = {"decay": CLEAR if momentum is None else momentum, "frozen": frozen,
           "input_gradient": input_gradient}
    if batches:
        words = net.forward(x)
        outputs = words[-1].output.words
        samples = net.backward_batch(x, words, gradients, **how)
    else:
        outputs, samples = [], []
        for one, gradient in zip(x.split(1), gradients, strict=True):
            words = net.forward(one)
            outputs.append(words[-1].output.words[0])
            samples.append(net.backward(one, words, gradient, **how))
        outputs = torch.stack(outputs)
    counts = Counts()
    for sample in samples:
        counts = counts + sample.counts()
    sums = torch.stack([sample.input_gradient for sample in samples]) if input_gradient else None
    return Expected(outputs, sums, net.state, counts)


def changed_share(before, after, frozen=()):
    """Which part of the weights that train is another one."""
    pairs = [pair for index, layers in enumerate(zip(before.layers, after.layers, strict=True))
             if index not in frozen
             for pair in zip(layers[0].masters, layers[1].masters, strict=True)]
    changed = sum(int((left != right).sum()) for left, right in pairs)
    return changed / sum(left.numel() for left, _ in pairs)


def is_telling(counts, share):
    """Whether a run would show a mistake: weights change, and every special case comes up."""
    saturated = (counts.saturated_gradients + counts.saturated_weights
                 + counts.saturated_velocities)
    return (share >= 0.25 and saturated > 0 and counts.negative_gradients > 0
            and counts.zero_gradients > 0)


def random_case(seed, *, depth=None, torus=None, samples=None):
    """The case of a seed: the first of its tries that is telling."""
    for attempt in itertools.count():
        random = Random(f"{seed},{attempt}")
        layers = depth or random.choice([1, 1, 2, 2, 3])
        shapes = random_shapes(random, layers)
        velocity_bits = random.choice([0, 0, 16, 24, 48])
        batches = velocity_bits > 0 and random.random() < 0.6
        momentum = random.randint(1, 5) if velocity_bits > 0 and random.random() < 0.5 else None
        frozen = [random.randrange(layers)] if layers > 1 and random.random() < 0.3 else []
        count = samples or random.randint(2, 7)
        options = {"batches": batches, "momentum": momentum, "frozen": frozen,
                   "input_gradient": random.random() < 0.4}
        try:
            form = random_format(random, shapes, velocity_bits)
        except GoldenError:
            continue
        x, gradients = random_samples(form, count, seed)
        state = random_state(form, 1, 1, seed)
        expected = golden_run(form, state, x, gradients, **options)
        if is_telling(expected.counts, changed_share(state, expected.state, frozen)):
            options["host_bits"] = random.choice([32, 64, 128, 256])
            return Case(form, torus or random.choice(TORI), options, seed, x, gradients)
    return None
