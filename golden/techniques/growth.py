"""Growing layers: new connections in a layer that is being trained."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any, cast

import torch
from torch import Tensor, nn

from golden.arguments import check_generator, instance, shown, whole_number
from golden.clos.layer import ClosLinear
from golden.clos.shape import ClosShape
from golden.errors import GoldenError, ShapeError
from golden.layers.channel_conv import SparseRandomConv2d
from golden.layers.conv_forms import ClosPatches
from golden.layers.sparse import SparseStage

__all__ = [
    "NEW_VALUES",
    "Growable",
    "Growth",
    "check_new_values",
    "check_own",
    "grow",
    "growable",
    "size_of",
]

Growable = ClosLinear | SparseRandomConv2d | SparseStage
"""What can grow; `SparseCascade` by its stages."""

_CLOS_WEIGHTS = ("input_weight", "middle_weight", "output_weight")

NEW_VALUES = ("zero", "initial")
"""What new connections may start with: 0, or values drawn as those of a new layer."""


@dataclasses.dataclass(frozen=True, eq=False)
class Growth:
    """A parameter that was replaced by a larger one.

    Parameters
    ----------
    name
        Of the parameter, in the model.
    old, new
        Both parameters.
    places
        Int64, of the shape of `old`: where each of its elements is in `new`, flattened.
    """

    name: str
    old: nn.Parameter
    new: nn.Parameter
    places: Tensor


def growable(model: nn.Module) -> Iterator[tuple[str, Growable]]:
    """Yield what `grow` can grow in a model, by name."""
    modules: list[tuple[str, nn.Module]] = list(cast(Any, model.named_modules)())
    for name, module in modules:
        if isinstance(module, Growable):
            yield name, module


def size_of(layer: Growable) -> int:
    """What `grow` counts: middle routers, channels a filter sees, or connections of a stage."""
    if isinstance(layer, ClosLinear):
        return layer.shape.middle_routers
    return layer.degree if isinstance(layer, SparseRandomConv2d) else layer.weight.numel()


@torch.no_grad()
def grow(
    name: str,
    layer: Growable,
    size: int,
    new_values: str = "zero",
    generator: torch.Generator | None = None,
) -> list[Growth]:
    """Add connections to a layer until `size_of` is `size`, or there is none left to add.

    Power of Sparsity, section 3.2.1, does not say what new connections start with. With "zero" the
    layer goes on computing the same function. A Clos layer grows by middle routers, that is by
    paths; its new routers get initial weights in the first two stages and, with "zero", 0 in the
    last, so that they learn at once. With "initial" the function changes.

    Parameters
    ----------
    name
        Of the layer in its model; it names the parameters in the result.
    layer
        One that `growable` yields; changed in place. Its parameters are then other objects, for
        which `carry_optimiser` is.
    size
        At least what it is.
    new_values
        "zero" or "initial".
    generator
        Of new connections and values; PyTorch's global one by default.

    Returns
    -------
    The parameters that were replaced; none if no connection was added.

    Raises
    ------
    ShapeError
        If an argument is not as said here.
    """
    name = instance("name", name, str)
    if not isinstance(layer, Growable):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ShapeError(
            "layer must be a ClosLinear, SparseRandomConv2d or SparseStage, "
            f"not {shown(cast(object, layer))}"
        )
    size = whole_number("size", size)
    if size < size_of(layer):
        raise ShapeError(f"size must be at least {size_of(layer)}, what it is, not {size}")
    check_new_values(new_values, ShapeError)
    check_generator(generator)
    check_own(layer)
    zero = new_values == "zero"
    if isinstance(layer, ClosLinear):
        grown = _grow_clos(layer, size, zero, generator)
    elif isinstance(layer, SparseRandomConv2d):
        grown = _grow_convolution(layer, size, zero, generator)
    else:
        grown = _grow_stage(layer, size, zero, generator)
    prefix = f"{name}." if name else ""
    return [dataclasses.replace(one, name=prefix + one.name) for one in grown]


def check_new_values(new_values: object, error: type[GoldenError]) -> None:
    """Refuse what is none of `NEW_VALUES`, as `error`."""
    if not isinstance(new_values, str) or new_values not in NEW_VALUES:
        raise error(f"new_values must be one of {', '.join(NEW_VALUES)}, not {shown(new_values)}")


def check_own(layer: Growable) -> None:
    """Refuse a layer whose weights are computed from others, which would not grow.

    Raises
    ------
    ShapeError
        If they are.
    """
    names = _CLOS_WEIGHTS if isinstance(layer, ClosLinear) else ("weight",)
    own = {name for name, _ in cast(Any, layer.named_parameters)(recurse=False)}
    for name in names:
        if name not in own:
            raise ShapeError(
                f"{name} must be a parameter of the layer, not computed from others: end that "
                "first, with parametrize.remove_parametrizations, prune.remove or "
                "remove_weight_norm"
            )


def _replaced(
    layer: nn.Module, name: str, old: nn.Parameter, new: Tensor, places: Tensor
) -> Growth:
    """Put a parameter with the values of `new`, and of `old` at their places, into the layer."""
    new.view(-1)[places.flatten()] = old.flatten()
    parameter = nn.Parameter(new, requires_grad=old.requires_grad)
    setattr(layer, name, parameter)
    return Growth(name, old, parameter, places)


def _places(old: Tensor, new: Tensor) -> Tensor:
    """Where each element of `old` is in `new`, if every dimension grew at its end."""
    places = torch.arange(new.numel(), device=new.device).view(new.shape)
    return places[tuple(slice(size) for size in old.shape)]


def _grow_clos(
    layer: ClosLinear, paths: int, zero: bool, generator: torch.Generator | None
) -> list[Growth]:
    inputs, outputs, ri, rm, ro = layer.shape.as_tuple()
    if paths == rm:
        return []
    kind = ClosPatches if isinstance(layer, ClosPatches) else ClosLinear
    larger = kind.of_shape(
        ClosShape(inputs, outputs, ri, paths, ro),
        False,
        layer.input_weight.device,
        layer.input_weight.dtype,
        gain=layer.gain,
    )
    if isinstance(layer, ClosPatches) and isinstance(larger, ClosPatches):
        larger.window = layer.window
    larger.reset_parameters(generator)
    if zero:
        larger.output_weight.zero_()
    layer.shape = larger.shape
    return [
        _replaced(layer, name, old, new.detach(), _places(old, new))
        for name, new in zip(_CLOS_WEIGHTS, larger.weights, strict=True)
        for old in (layer.get_parameter(name),)
    ]


def _grow_convolution(
    layer: SparseRandomConv2d, degree: int, zero: bool, generator: torch.Generator | None
) -> list[Growth]:
    degree = min(degree, layer.in_channels)
    if degree == layer.degree:
        return []
    order = torch.rand(layer.out_channels, layer.in_channels, generator=generator)
    order.scatter_(1, layer.channels.cpu(), 2.0)  # Those that exist come last.
    added = order.argsort(dim=1)[:, : degree - layer.degree]
    layer.channels = torch.cat([layer.channels, added.to(layer.channels.device)], dim=1)
    old = layer.weight
    new = old.new_empty(layer.out_channels, degree, *old.shape[2:])
    _fill(new, layer.draw_, zero, generator)
    return [_replaced(layer, "weight", old, new, _places(old, new))]


def _grow_stage(
    layer: SparseStage, size: int, zero: bool, generator: torch.Generator | None
) -> list[Growth]:
    mask = layer.mask
    free = ~mask
    free[layer.constant_edges[0], layer.constant_edges[1]] = False
    candidates = free.nonzero().cpu()
    edges = layer.weight.numel()
    wanted = min(size - edges, len(candidates))
    if wanted == 0:
        return []
    chosen = candidates[torch.randperm(len(candidates), generator=generator)[:wanted]]
    mask[chosen[:, 0].to(mask.device), chosen[:, 1].to(mask.device)] = True
    numbers = torch.zeros(mask.shape, dtype=torch.long, device=mask.device)
    numbers[mask] = torch.arange(edges + wanted, device=mask.device)
    places = numbers[layer.edges[0], layer.edges[1]]
    layer.connect(mask.nonzero().T.contiguous())
    old = layer.weight
    # The draw reads the number of weights, so the new parameter must be in place.
    layer.weight = nn.Parameter(old.new_empty(edges + wanted), old.requires_grad)
    new = layer.weight.detach().clone()
    _fill(new, layer.draw_, zero, generator)
    return [_replaced(layer, "weight", old, new, places)]


def _fill(
    weight: Tensor,
    draw: Callable[[Tensor, torch.Generator | None], Tensor],
    zero: bool,
    generator: torch.Generator | None,
) -> None:
    if zero:
        weight.zero_()
    else:
        draw(weight, generator)
