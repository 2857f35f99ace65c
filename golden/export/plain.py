"""The stages of a Clos layer as PyTorch's own layers, whose weights have two dimensions."""

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from golden.clos.layer import ClosLinear

__all__ = ["Blocks", "Permuted", "clos_stages", "map_of", "pixel_map_of"]


class Blocks(nn.Module):
    """Maps of neighbouring parts of the values, each by a layer of its own: a block diagonal.

    Parameters
    ----------
    maps
        A layer for every part.
    sizes
        Values of every part.
    dim
        The dimension that is cut: -1 of features, -3 of images.
    """

    def __init__(self, maps: Sequence[nn.Module], sizes: Sequence[int], dim: int) -> None:
        """Keep the layers; see the class."""
        super().__init__()
        self.maps, self.sizes, self.dim = nn.ModuleList(maps), list(sizes), dim

    def forward(self, x: Tensor) -> Tensor:
        """Compute [..., I] to [..., O], or the same of images."""
        parts = torch.split(x, self.sizes, self.dim)
        return torch.cat([one(part) for one, part in zip(self.maps, parts, strict=True)], self.dim)

    def extra_repr(self) -> str:
        """Describe where the values are cut."""
        return f"sizes={self.sizes}, dim={self.dim}"


class Permuted(nn.Module):
    """The values in another order.

    Parameters
    ----------
    order
        Int64: the place that each value comes from.
    dim
        The dimension that is put in order.
    """

    order: Tensor

    def __init__(self, order: Tensor, dim: int) -> None:
        """Keep the order; see the class."""
        super().__init__()
        self.register_buffer("order", order)
        self.dim = dim

    def forward(self, x: Tensor) -> Tensor:
        """Put [..., I] or images in order."""
        return torch.index_select(x, self.dim, self.order)

    def extra_repr(self) -> str:
        """Describe the dimension."""
        return f"{self.order.numel()}, dim={self.dim}"


def map_of(weight: Tensor, bias: Tensor | None = None) -> nn.Module:
    """Make the `nn.Linear` of a weight [O, I] and a bias [O], which are copied."""
    new = nn.utils.skip_init(
        nn.Linear,
        weight.shape[1],
        weight.shape[0],
        bias=bias is not None,
        device=weight.device,
        dtype=weight.dtype,
    )
    return _filled(new, weight, bias)


def pixel_map_of(weight: Tensor, bias: Tensor | None = None) -> nn.Module:
    """Make the `nn.Conv2d` that computes the map of `map_of` at every pixel."""
    new = nn.utils.skip_init(
        nn.Conv2d,
        weight.shape[1],
        weight.shape[0],
        1,
        bias=bias is not None,
        device=weight.device,
        dtype=weight.dtype,
    )
    return _filled(new, weight[:, :, None, None], bias)


def _filled(new: nn.Module, weight: Tensor, bias: Tensor | None) -> nn.Module:
    with torch.no_grad():
        cast(Tensor, new.weight).copy_(weight)
        if bias is not None:
            cast(Tensor, new.bias).copy_(bias)
    return new.requires_grad_(False)


def clos_stages(layer: ClosLinear, form: str, *, images: bool = False) -> nn.Sequential:
    """Return the stages of a layer as plain layers: of one matrix, or of one for each router.

    Parameters
    ----------
    layer
        The layer.
    form
        "block-diagonal": three matrices with zeros outside of the blocks, in which the wiring
        between the stages is part of the matrices. "blocks": a matrix for each router, without
        zeros, and the wiring as two permutations.
    images
        Whether the values are the channels of images, which 1 x 1 convolutions map.
    """
    make, dim = (pixel_map_of, -3) if images else (map_of, -1)
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
            torch.block_diag(*cast(Any, inputs)),
            whole.reshape(ro * rm, ri * rm),
            torch.block_diag(*cast(Any, outputs)),
        ]
        parts = [make(matrix) for matrix in matrices[:2]]
        return nn.Sequential(*parts, make(matrices[2], bias))
    biases = [None] * ro if bias is None else [bias[a:b] for a, b in shape.output_blocks]
    last_maps = [make(weight, one) for weight, one in zip(outputs, biases, strict=True)]

    def swapped(rows: int, columns: int) -> Permuted:
        places = torch.arange(rows * columns, device=middle.device)
        return Permuted(places.view(rows, columns).T.flatten(), dim)

    return nn.Sequential(
        Blocks([make(one) for one in inputs], [one.shape[1] for one in inputs], dim),
        swapped(ri, rm),
        Blocks([make(one.T) for one in middle], [ri] * rm, dim),
        swapped(rm, ro),
        Blocks(last_maps, [rm] * ro, dim),
    )
