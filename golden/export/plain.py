"""The stages of a Clos layer as PyTorch's own layers, whose weights have two dimensions."""

import itertools
from collections.abc import Callable, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from golden.clos.shape import ClosShape

__all__ = ["Applied", "Blocks", "Permuted", "PlainStages", "clos_stages", "map_of"]

_block_diag = cast(Any, torch).block_diag  # It comes without types.


class Blocks(nn.Module):
    """Maps of neighbouring parts of the values, each by a layer of its own: a block diagonal.

    Parameters
    ----------
    maps
        A layer for every part.
    sizes
        Values of every part.
    """

    def __init__(self, maps: Sequence[nn.Module], sizes: Sequence[int]) -> None:
        """Keep the layers; see the class."""
        super().__init__()
        self.maps, self.sizes = nn.ModuleList(maps), list(sizes)

    def forward(self, x: Tensor) -> Tensor:
        """Compute [..., I] to [..., O]."""
        ends = itertools.accumulate(self.sizes)
        parts = [x[..., end - size : end] for size, end in zip(self.sizes, ends, strict=True)]
        return torch.cat([one(part) for one, part in zip(self.maps, parts, strict=True)], -1)

    def extra_repr(self) -> str:
        """Describe where the values are cut."""
        return f"sizes={self.sizes}"


class Permuted(nn.Module):
    """The values in another order.

    Parameters
    ----------
    order
        Int64: the place that each value comes from.
    """

    order: Tensor

    def __init__(self, order: Tensor) -> None:
        """Keep the order; see the class."""
        super().__init__()
        self.register_buffer("order", order)

    def forward(self, x: Tensor) -> Tensor:
        """Put [..., I] in order."""
        return torch.index_select(x, -1, self.order)

    def extra_repr(self) -> str:
        """Say how many values there are."""
        return f"{self.order.numel()}"


class PlainStages(nn.Sequential):
    """Plain layers in a row that stand for one dense layer, whose weight and bias they say.

    Both are computed each time, for code that reads those of an `nn.Linear` or `nn.Conv2d`, such as
    `nn.TransformerEncoderLayer` in evaluation.
    """

    @property
    def weight(self) -> Tensor:
        """[O, I], or [k, c, f, g] of two convolutions."""
        first, last = self[0], self[len(self) - 1]
        if isinstance(first, nn.Conv2d) and isinstance(last, nn.Conv2d):
            matrix = last.weight.flatten(1) @ first.weight.flatten(1)
            return matrix.reshape(-1, *first.weight.shape[1:])
        held = next(self.parameters())
        whole = self(torch.eye(self.in_features, dtype=held.dtype, device=held.device))
        bias = self.bias
        return (whole if bias is None else whole - bias).T

    @property
    def bias(self) -> Tensor | None:
        """[O], that of the last layer, if it has one."""
        last = self[len(self) - 1]
        parts = list(last.maps) if isinstance(last, Blocks) else [last]
        biases = [cast(Tensor | None, one.bias) for one in parts]
        found = [one for one in biases if one is not None]
        return torch.cat(found) if found else None

    @property
    def in_features(self) -> int:
        """Inputs I; of convolutions their channels."""
        return _sizes(self[0])[0]

    @property
    def out_features(self) -> int:
        """Outputs O; of convolutions their channels."""
        return _sizes(self[len(self) - 1])[1]


def _sizes(layer: nn.Module) -> tuple[int, int]:
    parts: list[Any] = list(layer.maps) if isinstance(layer, Blocks) else [layer]
    if isinstance(layer, nn.Conv2d):
        return layer.in_channels, layer.out_channels
    return sum(int(one.in_features) for one in parts), sum(int(one.out_features) for one in parts)


def map_of(weight: Tensor, bias: Tensor | None = None) -> nn.Linear:
    """Make the `nn.Linear` of a weight [O, I] and a bias [O], which are copied."""
    new: nn.Linear = cast(Any, nn.utils).skip_init(
        nn.Linear,
        weight.shape[1],
        weight.shape[0],
        bias=bias is not None,
        device=weight.device,
        dtype=weight.dtype,
    )
    with torch.no_grad():
        new.weight.copy_(weight)
        if bias is not None:
            new.bias.copy_(bias)
    return new.requires_grad_(False)


class Applied(nn.Module):
    """A function as a module.

    Parameters
    ----------
    function
        Of a tensor, element by element.
    """

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        """Keep the function; see the class."""
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        """Apply it."""
        return self.function(x)


def clos_stages(
    shape: ClosShape,
    weights: Sequence[Tensor],
    biases: Sequence[Tensor | None],
    form: str,
    between: Sequence[nn.Module] = (),
) -> nn.Sequential:
    """Return the stages of a layer as plain layers: of one matrix, or of one for each router.

    Parameters
    ----------
    shape
        Of the layer.
    weights
        Of its stages: [I, Rm], [Rm, Ri, Ro] and [O, Rm].
    biases
        The same: [Ri, Rm], [Rm, Ro] and [O], or None.
    form
        "block-diagonal": three matrices with zeros outside of the blocks, in which the wiring
        between the stages is part of the matrices. "blocks": a matrix for each router, without
        zeros, and the wiring as two permutations.
    between
        What follows the first and the second stage, element by element.
    """
    _, _, ri, rm, ro = shape.as_tuple()
    first, middle, last = (weight.detach() for weight in weights)
    inputs = [first[start:stop].T for start, stop in shape.input_blocks]
    outputs = [last[start:stop] for start, stop in shape.output_blocks]
    of_first, of_middle, of_last = biases
    if form == "block-diagonal":
        whole = middle.new_zeros(ro, rm, ri, rm)
        paths = torch.arange(rm, device=middle.device)
        whole[:, paths, :, paths] = middle.transpose(1, 2)
        return nn.Sequential(
            map_of(_block_diag(*inputs), None if of_first is None else of_first.flatten()),
            *between,
            map_of(
                whole.reshape(ro * rm, ri * rm),
                None if of_middle is None else of_middle.T.flatten(),
            ),
            *between,
            map_of(_block_diag(*outputs), of_last),
        )

    def swapped(rows: int, columns: int) -> Permuted:
        places = torch.arange(rows * columns, device=middle.device)
        return Permuted(places.view(rows, columns).T.flatten())

    def maps(matrices: Sequence[Tensor], parts: Sequence[Tensor | None]) -> Blocks:
        made = [map_of(one, part) for one, part in zip(matrices, parts, strict=True)]
        return Blocks(made, [one.shape[1] for one in matrices])

    last_parts = [None if of_last is None else of_last[a:b] for a, b in shape.output_blocks]
    return nn.Sequential(
        maps(inputs, [None] * ri if of_first is None else list(of_first)),
        *between,
        swapped(ri, rm),
        maps([one.T for one in middle], [None] * rm if of_middle is None else list(of_middle)),
        *between,
        swapped(rm, ro),
        maps(outputs, last_parts),
    )
