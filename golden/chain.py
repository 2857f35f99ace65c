"""Which layers a model chains, where a torus could compute it."""

import dataclasses
from collections.abc import Iterator

import torch
from torch import nn

from golden.clos import ClosLinear
from golden.errors import ModelError, ShapeError
from golden.layers.conv import ClosConv2d
from golden.net import ClosNet

__all__ = ["ActivatedLayer", "clos_chain"]

_IGNORED = (nn.Dropout, nn.Identity, nn.Flatten)


@dataclasses.dataclass
class ActivatedLayer:
    """A layer and its place in the model; whether a ReLU follows, and if its samples are pixels."""

    position: str
    layer: ClosLinear
    relu: bool = False
    pixels: bool = False


def clos_chain(model: nn.Module) -> list[ActivatedLayer]:
    """Return the layers of a model in order; what is not supported is refused as in `quantise`."""
    chain: list[ActivatedLayer] = []
    after_layer = False
    for position, module in _flat(model, ""):
        if isinstance(module, ClosLinear):
            chain.append(ActivatedLayer(position, module))
            after_layer = True
        elif isinstance(module, ClosConv2d):
            chain.append(_pointwise(position, module))
            after_layer = True
        elif isinstance(module, nn.ReLU):
            if not after_layer:
                raise ModelError(
                    f"layer {position}: a ReLU must directly follow a ClosLinear, "
                    "for it is a part of that layer's output stage"
                )
            chain[-1].relu = True
            after_layer = False
        elif isinstance(module, nn.Flatten) and chain and chain[-1].pixels:
            raise ModelError(
                f"layer {position} is a Flatten behind a convolution, which is not supported: it "
                "would join the pixels, each of which is a sample"
            )
        elif not isinstance(module, _IGNORED):
            raise ModelError(
                f"layer {position} is a {type(module).__name__}, which is not supported; supported "
                "are ClosNet, ClosLinear, pointwise ClosConv2d, ReLU and Sequential, and Dropout, "
                "Identity and Flatten are skipped"
            )
    if not chain:
        raise ModelError("the model must hold at least one ClosLinear, but holds none")
    for left, right in zip(chain, chain[1:], strict=False):
        if right.layer.in_features != left.layer.out_features:
            raise ShapeError(
                f"layer {right.position}: in_features must be {left.layer.out_features}, the "
                f"outputs of layer {left.position}, not {right.layer.in_features}"
            )
        if right.pixels != left.pixels:
            raise ModelError(
                f"layer {right.position}: a model must be all ClosLinear or all ClosConv2d, for "
                f"the samples of layer {left.position} are other ones"
            )
    for item in chain:
        for name, parameter in item.layer.named_parameters():
            if not bool(torch.isfinite(parameter).all()):
                raise ModelError(
                    f"layer {item.position}: {name} must be finite, but holds NaN or infinity"
                )
    return chain


def _pointwise(position: str, module: ClosConv2d) -> ActivatedLayer:
    if module.depthwise_weight is not None or module.stride != 1:
        raise ModelError(
            f"layer {position} is a ClosConv2d with kernel_size {module.kernel_size} and stride "
            f"{module.stride}, which is not supported; only pointwise ones are, with 1 and 1"
        )
    return ActivatedLayer(position, module.pointwise, pixels=True)


def _flat(module: nn.Module, position: str) -> Iterator[tuple[str, nn.Module]]:
    """Yield the innermost modules with their positions, as in `named_modules`."""
    for known in (ClosNet, ClosLinear, ClosConv2d, nn.Sequential, nn.ReLU):
        forwards = (type(module).forward, known.forward)  # pyright: ignore[reportUnknownMemberType,reportUnknownVariableType]
        if isinstance(module, known) and forwards[0] is not forwards[1]:
            raise ModelError(
                f"layer {position or '0'} is a {type(module).__name__}, a {known.__name__} with a "
                "forward of its own, which is not supported"
            )
    prefix = f"{position}." if position else ""
    if isinstance(module, ClosNet):
        for index, layer in enumerate(module.layers):
            if index > 0:
                yield f"{prefix}layers.{index - 1} (ReLU)", nn.ReLU()
            yield f"{prefix}layers.{index}", layer
    elif isinstance(module, nn.Sequential):
        for name, child in module.named_children():
            yield from _flat(child, f"{prefix}{name}")
    else:
        yield position or "0", module
