"""Random nets to train: words over their whole range, so that no wrong bit hides."""

from collections.abc import Sequence

import torch
from torch import Tensor

from golden.fixed.format import TrainingFormat
from golden.fixed.layer_format import AnyLayerFormat, DenseFormat, LayerFormat
from golden.fixed.state import TrainingState
from golden.fixed.visits import weight_sizes
from golden.layers.dense import DenseShape, LayerShape

__all__ = ["random_format", "random_gradients", "random_inputs", "random_state"]


def random_format(
    shapes: Sequence[LayerShape],
    *,
    seed: int,
    act_bits: int = 16,
    weight_bits: int = 16,
    master_bits: int = 24,
    grad_bits: int = 16,
    velocity_bits: int = 0,
) -> TrainingFormat:
    """Fraction bits with which some words saturate everywhere, and most weights change visibly."""
    generator = torch.Generator().manual_seed(seed)
    dropped = master_bits - weight_bits

    def one_of(*choices: int) -> int:
        return choices[int(torch.randint(len(choices), (1,), generator=generator))]

    def shift(terms: int) -> int:
        # Sums of n random products are about sqrt(n) products large.
        return weight_bits - 2 + (terms.bit_length() - 1) // 2 + one_of(0, 1)

    # A change of a weight is a part of its range, and the biases' scale is no coarser than that of
    # the gradients.
    update = max(act_bits + grad_bits - 2 - (master_bits - 2 - one_of(0, 1, 3)), 0)
    point = (dropped + update) // 2 + one_of(1, 2, 3)

    def dense(index: int, shape: DenseShape, above: int | None) -> tuple[AnyLayerFormat, int]:
        """As `layer`."""
        weight = shift(shape.fan_ins[0])
        dy = weight + dropped + update - point if above is None else above
        words, gain = (point, point), 0
        if shape.cuts:
            # Partial sums are so fine, and their weights so large, that the bias has its shift.
            partial = max(point + one_of(0, 1), dy - (weight_bits - 2))
            gain = max(one_of(0, 1, weight_bits - 2), dy - partial, point - partial)
            words = point, partial, point
            weight = max(weight, partial - point)
        else:
            weight = max(weight, dy - point)
        weight = min(weight, point + dy - dropped)
        dx = max(weight + dy - shift(shape.out_features), dropped - point)
        relu = index < len(shapes) - 1
        return DenseFormat(shape, relu, words, (weight + dropped,), (dy,), gain), dx

    def layer(index: int, shape: LayerShape, above: int | None) -> tuple[AnyLayerFormat, int]:
        """A layer; and the fraction bits of the gradient of its inputs."""
        if isinstance(shape, DenseShape):
            return dense(index, shape, above)
        w1, w2, w3 = (shift(fan_in) for fan_in in shape.fan_ins)
        dy = w3 + dropped + update - point if above is None else above
        # No bias is coarser than its gradient, and no weight finer than its change.
        w3 = min(max(w3, dy - point), point + dy - dropped)
        _, outputs, ri, rm, ro = shape.as_tuple()
        # No weight is so fine that gradients as fine as its change would be finer than their sums.
        w2 = min(w2, w3 + dy + point - dropped)
        d2 = max(w3 + dy - shift(-(-outputs // ro)), w2 + dropped - point)
        w1 = min(w1, w2 + d2 + point - dropped)
        d1 = max(w2 + d2 - shift(ro), w1 + dropped - point)
        dx = max(w1 + d1 - shift(rm), dropped - point)
        return LayerFormat(
            shape, index < len(shapes) - 1, (point,) * 4,
            (w1 + dropped, w2 + dropped, w3 + dropped), (d1, d2, dy)), dx

    layers: list[AnyLayerFormat] = []
    above: int | None = None
    for index in reversed(range(len(shapes))):
        found, above = layer(index, shapes[index], above)
        layers.insert(0, found)
    return TrainingFormat(
        tuple(layers), act_bits, weight_bits, master_bits, grad_bits, velocity_bits,
        bias_bits=min(60, act_bits + weight_bits + 8))


def _draw(generator: torch.Generator, bits: int, *size: int) -> Tensor:
    return torch.randint(-(1 << (bits - 1)), 1 << (bits - 1), size, generator=generator)


def random_state(form: TrainingFormat, rows: int, cols: int, *, seed: int) -> TrainingState:
    """Weights and biases over their whole range."""
    generator = torch.Generator().manual_seed(seed)
    layers = []
    for layer in form.layers:
        weights = [
            _draw(generator, form.master_bits, *size) for size in weight_sizes(layer.shape)]
        bias = _draw(generator, form.act_bits + form.weight_bits - 1, layer.shape.out_features)
        layers.append((weights, bias))
    return TrainingState.at_rest(layers, seed=seed, rows=rows, cols=cols)


def random_inputs(form: TrainingFormat, samples: int, *, seed: int) -> Tensor:
    """Input words [samples, I]; every second sample holds nothing but zeros and extremes."""
    return _with_extremes(form.act_bits, samples, form.shapes[0].in_features, seed)


def random_gradients(form: TrainingFormat, samples: int, *, seed: int) -> Tensor:
    """Words [samples, O] of the outputs' gradients; every second sample has zeros and extremes."""
    return _with_extremes(form.grad_bits, samples, form.shapes[-1].out_features, seed + 1)


def _with_extremes(bits: int, samples: int, width: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    words = _draw(generator, bits, samples, width)
    extremes = torch.tensor([-(1 << (bits - 1)), 0, (1 << (bits - 1)) - 1])
    chosen = extremes[torch.randint(3, (samples, width), generator=generator)]
    return torch.where(torch.arange(samples)[:, None] % 2 == 1, chosen, words)
