"""Named and random quantised nets that every implementation is tested against."""

import dataclasses
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from golden.arguments import instance, items, seed_number, whole_number
from golden.clos.shape import ClosShape
from golden.fixed.dense import QuantisedDense
from golden.fixed.layer import QuantisedLayer
from golden.fixed.quantised import QuantisedNet
from golden.fixed.words import check_word_bits
from golden.layers.dense import DenseShape, LayerShape

__all__ = ["TestVector", "paper_example", "random_finishes", "random_net", "random_words"]


@dataclasses.dataclass(frozen=True, eq=False)
class TestVector:
    """A net, its input words, and every intermediate that it must produce, worked out by hand.

    Parameters
    ----------
    net
        A net of one layer.
    x
        [N, I] int64 input words.
    input_stage
        [N, Ri, Rm] results of the input stage: [n, r, m] is output m of input router r.
    middle_stage
        [N, Ro, Rm] results of the middle stage: [n, o, m] is output o of middle router m.
    y
        [N, O] output words.
    """

    __test__ = False  # The name is not that of a pytest class.

    net: QuantisedNet
    x: Tensor
    input_stage: Tensor
    middle_stage: Tensor
    y: Tensor


def paper_example() -> TestVector:
    """Return the papers' own network, (4, 4, 2, 2, 2): ClosNets, section III, figures 4 and 5.

    The paper gives the shape and the data flow but no numbers; these are small enough to follow by
    hand. No weight equals another of its stage, so a swapped connection shows. The output stage
    adds a bias, halves (341/2 rounds to the even 170, 63/2 to the even 32) and has a ReLU.
    """
    layer = QuantisedLayer(
        shape=ClosShape(4, 4, 2, 2, 2),
        input_weight=torch.tensor([[1, 2], [3, -1], [-2, 5], [4, 6]]),
        middle_weight=torch.tensor([[[1, -2], [3, 4]], [[2, 5], [-1, -3]]]),
        output_weight=torch.tensor([[1, 2], [-1, 3], [4, -2], [5, -3]]),
        bias=torch.tensor([5, 2, 3, -3]),
        relu=True,
        activation_fraction_bits=(0, 0, 0, 0),
        weight_fraction_bits=(0, 0, 1),
    )
    return TestVector(
        net=QuantisedNet((layer,), act_bits=16, weight_bits=16),
        x=torch.tensor([[1, 2, 3, 4], [-1, 0, 2, -3]]),
        input_stage=torch.tensor([[[7, 0], [10, 39]], [[-1, -2], [-16, -8]]]),
        middle_stage=torch.tensor([[[37, -39], [26, -117]], [[-49, 4], [-62, 14]]]),
        y=torch.tensor([[0, 0, 170, 239], [0, 32, 0, 0]]),
    )


def random_net(
    shapes: Sequence[LayerShape],
    *,
    seed: int,
    act_bits: int = 16,
    weight_bits: int = 16,
) -> QuantisedNet:
    """Draw a net of random full-range weights, for comparing implementations word by word.

    Every layer but the last has a ReLU. Shifts are chosen so that results use the whole range of a
    word and some of them saturate, so that no wrong bit hides. The same arguments give the same
    net.

    Parameters
    ----------
    shapes
        The layers; each takes the outputs of the one before.
    seed
        Of the weights, biases and shifts.
    act_bits, weight_bits
        Width of an activation and of a weight, 4 to 18 bits.
    """
    shapes = [
        shape if isinstance(shape, DenseShape) else ClosShape.of(shape)
        for shape in items("shapes", shapes)
    ]
    check_word_bits("act_bits", act_bits)
    check_word_bits("weight_bits", weight_bits)
    generator = torch.Generator().manual_seed(seed_number(seed))

    def draw(bits: int, *size: int) -> Tensor:
        return torch.randint(-(1 << (bits - 1)), 1 << (bits - 1), size, generator=generator)

    def draw_shift(fan_in: int) -> int:
        # A sum of n random products is about sqrt(n) products large. The smaller of the two shifts
        # saturates up to a third of the results, the larger hardly any.
        growth = (fan_in.bit_length() - 1) // 2
        return weight_bits - 2 + growth + int(torch.randint(2, (1,), generator=generator))

    layers: list[QuantisedLayer | QuantisedDense] = []
    for index, shape in enumerate(shapes):
        relu = index < len(shapes) - 1
        if isinstance(shape, DenseShape):
            layers.append(_random_dense(shape, draw, draw_shift, act_bits, weight_bits, relu=relu))
            continue
        inputs, outputs, ri, rm, ro = shape.as_tuple()
        shifts = tuple(draw_shift(fan_in) for fan_in in shape.fan_ins)
        layers.append(
            QuantisedLayer(
                shape=shape,
                input_weight=draw(weight_bits, inputs, rm),
                middle_weight=draw(weight_bits, rm, ri, ro),
                output_weight=draw(weight_bits, outputs, rm),
                bias=draw(weight_bits + act_bits - 1, outputs),
                relu=relu,
                activation_fraction_bits=(0, 0, 0, 0),
                weight_fraction_bits=(shifts[0], shifts[1], shifts[2]),
            )
        )
    return QuantisedNet(tuple(layers), act_bits, weight_bits)


def random_finishes(
    net: QuantisedNet, *, seed: int, leaky: bool = True, bounded: bool = True
) -> QuantisedNet:
    """Return the net with nothing, a ReLU, a leak, bounds or both behind its layers, in turn.

    Six layers in a row, or six nets of following seeds, hold every kind that is asked for.

    Parameters
    ----------
    net
        The net; its weights and shifts stay.
    seed
        Of the first layer's kind, and of the leaks and bounds that are drawn.
    leaky, bounded
        Whether there are leaks of 2**-1 to 2**-4, and bounds.
    """
    generator = torch.Generator().manual_seed(seed_number(seed))
    limit = 1 << (net.act_bits - 1)

    def drawn(low: int, high: int) -> int:
        return int(torch.randint(low, high, (1,), generator=generator))

    # Whether a ReLU, a leak and bounds stand there.
    kinds = [(False, False, False), (True, False, False)]
    kinds += [(False, leak, bounds) for leak, bounds in ((True, False), (False, True), (True, True))
              if leak <= leaky and bounds <= bounded]
    layers: list[QuantisedLayer | QuantisedDense] = []
    for position, layer in enumerate(net.layers):
        relu, leak, bounds = kinds[(seed + position) % len(kinds)]
        low, high = sorted((drawn(-limit, limit), drawn(-limit, limit)))
        layers.append(dataclasses.replace(layer, relu=relu, leak_shift=drawn(1, 5) if leak else 0,
                                          bounds=(low, high) if bounds else None))
    return QuantisedNet(tuple(layers), net.act_bits, net.weight_bits)


def random_words(net: QuantisedNet, samples: int, *, seed: int) -> Tensor:
    """Draw input words [samples, I] int64 for `net`, over the whole range of `act_bits`.

    Every second sample holds nothing but the two extremes of a word.
    """
    net = instance("net", net, QuantisedNet)
    generator = torch.Generator().manual_seed(seed_number(seed))
    low, high = -(1 << (net.act_bits - 1)), (1 << (net.act_bits - 1)) - 1
    size = (whole_number("samples", samples, 0, 1 << 24), net.shapes[0].in_features)
    words = torch.randint(low, high + 1, size, generator=generator)
    extremes = torch.where(words < 0, low, high)
    return torch.where(torch.arange(samples)[:, None] % 2 == 1, extremes, words)


def _random_dense(
    shape: DenseShape,
    draw: Callable[..., Tensor],
    draw_shift: Callable[[int], int],
    act_bits: int,
    weight_bits: int,
    *,
    relu: bool,
) -> QuantisedDense:
    """Draw a dense layer as `random_net` draws a Clos layer."""
    inputs, outputs = shape.as_tuple()
    first = draw_shift(shape.fan_ins[0])
    words, weights = (0, 0), (first,)
    if shape.cuts:
        # Partial sums times 2**m, and a shift of m or one more: a sum of words saturates often.
        more = draw_shift(1) % 2
        words, weights = (0, more, 0), (first + more, weight_bits - 2 - more)
    return QuantisedDense(
        shape=shape,
        weight=draw(weight_bits, outputs, inputs),
        bias=draw(weight_bits + act_bits - 1, outputs),
        relu=relu,
        activation_fraction_bits=words,
        weight_fraction_bits=weights,
    )
