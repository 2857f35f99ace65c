"""The stages of a Clos layer as PyTorch's own layers, whose weights have two dimensions."""

import itertools
from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from golden.clos.layer import ClosLinear

__all__ = ["Blocks", "Permuted", "clos_stages", "map_of"]

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


def clos_stages(layer: ClosLinear, form: str) -> nn.Sequential:
    """Return the stages of a layer as plain layers: of one matrix, or of one for each router.

    Parameters
    ----------
    layer
        The layer.
    form
        "block-diagonal": three matrices with zeros outside of the blocks, in which the wiring
        between the stages is part of the matrices. "blocks": a matrix for each router, without
        zeros, and the wiring as two permutations.
    """
    shape = layer.shape
    _, _, ri, rm, ro = shape.as_tuple()
    first, middle, last = (weight.detach() for weight in layer.weights)
    inputs = [first[start:stop].T for start, stop in shape.input_blocks]
    outputs = [last[start:stop] for start, stop in shape.output_blocks]
    bias = None if layer.bias is None else layer.bias.detach()
    if form == "block-diagonal":
        whole = middle.new_zeros(ro, rm, ri, rm)
        paths = torch.arange(rm, device=middle.device)
        whole[:, paths, :, paths] = middle.transpose(1, 2)
        matrices: list[Tensor] = [
            _block_diag(*inputs),
            whole.reshape(ro * rm, ri * rm),
            _block_diag(*outputs),
        ]
        parts = [map_of(matrix) for matrix in matrices[:2]]
        return nn.Sequential(*parts, map_of(matrices[2], bias))
    biases = [None] * ro if bias is None else [bias[a:b] for a, b in shape.output_blocks]
    last_maps = [map_of(weight, one) for weight, one in zip(outputs, biases, strict=True)]

    def swapped(rows: int, columns: int) -> Permuted:
        places = torch.arange(rows * columns, device=middle.device)
        return Permuted(places.view(rows, columns).T.flatten())

    return nn.Sequential(
        Blocks([map_of(one) for one in inputs], [one.shape[1] for one in inputs]),
        swapped(ri, rm),
        Blocks([map_of(one.T) for one in middle], [ri] * rm),
        swapped(rm, ro),
        Blocks(last_maps, [rm] * ro),
    )
