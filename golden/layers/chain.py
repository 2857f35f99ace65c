"""Which layers a model chains, where a torus could compute it."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

import torch
from torch import nn
from torch.nn.utils import parametrize, prune

from golden.clos.layer import ClosLinear
from golden.clos.net import ClosNet
from golden.errors import ModelError, ShapeError
from golden.layers.conv import ClosConv2d

__all__ = ["ActivatedLayer", "AnyLayer", "clos_chain", "read_chain"]

AnyLayer = ClosLinear | nn.Linear
"""A sparse layer, or a dense one."""

_Layer = TypeVar("_Layer", bound=ClosLinear | nn.Linear)

_KNOWN = (ClosNet, ClosLinear, ClosConv2d, nn.Linear, nn.Sequential, nn.ReLU)
_IGNORED = (nn.Dropout, nn.Identity, nn.Flatten)
_HOOKS = ("_forward_hooks", "_forward_pre_hooks")
_BACKWARD_HOOKS = ("_backward_hooks", "_backward_pre_hooks")


@dataclasses.dataclass
class ActivatedLayer(Generic[_Layer]):
    """A layer and its place in the model; whether a ReLU follows, and if its samples are pixels.

    `layer` is a view of the model's: a `ClosLinear`, or an `nn.Linear` for a dense layer, of its
    own with the weights that the model computes with, masked or normalised where it has them so.
    """

    position: str
    layer: _Layer
    relu: bool = False
    pixels: bool = False


def clos_chain(model: nn.Module, *, training: bool = False) -> list[ActivatedLayer[ClosLinear]]:
    """Return what `read_chain` does, of a model without dense layers; errors as there."""
    found: list[ActivatedLayer[ClosLinear]] = []
    for item in read_chain(model, training=training):
        layer = item.layer
        if not isinstance(layer, ClosLinear):
            raise ModelError(
                f"layer {item.position} is a Linear, which is not supported; supported "
                "are ClosNet, ClosLinear, pointwise ClosConv2d, ReLU and Sequential, and Dropout, "
                "Identity and Flatten are skipped"
            )
        found.append(ActivatedLayer(item.position, layer, item.relu, item.pixels))
    return found


def read_chain(model: nn.Module, *, training: bool = False) -> list[ActivatedLayer[AnyLayer]]:
    """Return the layers of a model in the order in which a sample passes them.

    A module that occurs twice is there twice.

    Parameters
    ----------
    model
        What `golden.quantise` takes.
    training
        Whether the layers are to be trained. Weights that two places share, that are masked or
        computed from others, and hooks on gradients are then refused: a torus has one weight in
        one place, and changes all of them.

    Raises
    ------
    ModelError
        If the model holds a module that is not supported, or one that computes something else than
        its kind does, with a forward or with hooks of its own; the message names it.
    ShapeError
        If the layers do not fit together.
    """
    if not isinstance(model, nn.Module):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ModelError(
            "model must be a torch module, such as a ClosNet or what load_model(path) returns, "
            f"not a {type(model).__name__}"
        )
    chain: list[ActivatedLayer[AnyLayer]] = []
    seen: dict[int, str] = {}
    after_layer = False
    for position, module in _flat(model, "", training):
        if isinstance(module, ClosLinear | nn.Linear):
            if training:
                _check_trainable(position, module, seen)
            chain.append(ActivatedLayer(position, _plain(module)))
            after_layer = True
        elif isinstance(module, ClosConv2d):
            pointwise = _pointwise(position, module, training)
            if training:
                _check_trainable(position, pointwise, seen)
            chain.append(ActivatedLayer(position, _plain(pointwise), pixels=True))
            after_layer = True
        elif isinstance(module, nn.ReLU):
            if not after_layer:
                raise ModelError(
                    f"layer {position}: a ReLU must directly follow a ClosLinear, "
                    "for it is a part of that layer's output stage"
                )
            chain[-1].relu = True
            after_layer = False
        elif isinstance(module, nn.Flatten):
            _check_flatten(position, module, behind_pixels=bool(chain) and chain[-1].pixels)
        elif not isinstance(module, _IGNORED):
            raise ModelError(
                f"layer {position} is a {type(module).__name__}, which is not supported; supported "
                "are ClosNet, ClosLinear, pointwise ClosConv2d, ReLU and Sequential, and Dropout, "
                "Identity and Flatten are skipped"
            )
    if not chain:
        raise ModelError("the model must hold at least one ClosLinear, but holds none")
    _check_chain(chain)
    return chain


def _check_chain(chain: list[ActivatedLayer[AnyLayer]]) -> None:
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
            if not parameter.is_floating_point():
                raise ModelError(
                    f"layer {item.position}: {name} must be of real numbers, not {parameter.dtype}"
                )
            if not bool(torch.isfinite(parameter).all()):
                raise ModelError(
                    f"layer {item.position}: {name} must be finite, but holds NaN or infinity"
                )


def _pointwise(position: str, module: ClosConv2d, training: bool) -> ClosLinear:
    if module.depthwise_weight is not None or module.stride != 1:
        raise ModelError(
            f"layer {position} is a ClosConv2d with kernel_size {module.kernel_size} and stride "
            f"{module.stride}, which is not supported; only pointwise ones are, with 1 and 1"
        )
    _check_as_its_kind(f"{position}.pointwise", module.pointwise, training)
    return module.pointwise


def _check_flatten(position: str, module: nn.Flatten, *, behind_pixels: bool) -> None:
    if behind_pixels:
        raise ModelError(
            f"layer {position} is a Flatten behind a convolution, which is not supported: it "
            "would join the pixels, each of which is a sample"
        )
    if module.start_dim not in (1, -1):
        raise ModelError(
            f"layer {position} is a Flatten from dimension {module.start_dim} on, which is not "
            "supported: from dimension 1 on it leaves samples [N, I] as they are"
        )


def _plain(layer: AnyLayer) -> AnyLayer:
    """Return a layer with the weights that `layer` infers with; it shares their memory."""
    has_bias = layer.bias is not None  # pyright: ignore[reportUnnecessaryComparison]
    if isinstance(layer, ClosLinear):
        plain = ClosLinear.of_shape(layer.shape, has_bias, device="meta")
    else:
        plain = nn.Linear(layer.in_features, layer.out_features, has_bias, device="meta")
    training = {module: module.training for module in layer.modules()}
    layer.eval()  # Some parametrisations change at every access in training.
    try:
        for hook in _hooks(layer, "_forward_pre_hooks"):
            hook(layer, ())  # Pruning masks the weight anew before every forward.
        for name, _ in list(plain.named_parameters()):
            weight = getattr(layer, name).detach()
            setattr(plain, name, nn.Parameter(weight, requires_grad=False))
    finally:
        for module, was in training.items():
            module.training = was
    return plain


def _flat(module: nn.Module, position: str, training: bool) -> Iterator[tuple[str, nn.Module]]:
    """Yield the innermost modules with their positions, as in `named_modules`."""
    _check_as_its_kind(position or "0", module, training)
    prefix = f"{position}." if position else ""
    if isinstance(module, ClosNet):
        for index, layer in enumerate(module.layers):
            if index > 0:
                yield f"{prefix}layers.{index - 1} (ReLU)", nn.ReLU()
            _check_as_its_kind(f"{prefix}layers.{index}", layer, training)
            yield f"{prefix}layers.{index}", layer
    elif isinstance(module, nn.Sequential):
        # Not `named_children`: it leaves out a module that was there before.
        for name, child in module._modules.items():  # pyright: ignore[reportPrivateUsage]
            yield from _flat(child, f"{prefix}{name}", training)
    else:
        yield position or "0", module


def _check_as_its_kind(position: str, module: nn.Module, training: bool) -> None:
    """Refuse a module that computes something else than its kind does."""
    for known in (*_KNOWN, *_IGNORED):
        if not isinstance(module, known):
            continue
        forwards = (type(module).forward, known.forward)  # pyright: ignore[reportUnknownMemberType,reportUnknownVariableType]
        calls = (type(module).__call__, nn.Module.__call__)  # pyright: ignore[reportUnknownMemberType]
        if forwards[0] is not forwards[1] or calls[0] is not calls[1] or "forward" in vars(module):
            raise ModelError(
                f"layer {position} is a {type(module).__name__}, a {known.__name__} with a "
                "forward of its own, which is not supported"
            )
    for kind in _HOOKS + (_BACKWARD_HOOKS if training else ()):
        for hook in _hooks(module, kind):
            if not isinstance(hook, prune.BasePruningMethod):
                raise ModelError(
                    f"layer {position} has a hook of its own ({kind.strip('_')}: "
                    f"{getattr(hook, '__qualname__', type(hook).__name__)}), which no torus runs: "
                    "remove it with the handle that register_*_hook returned"
                )


def _hooks(module: nn.Module, kind: str) -> list[Callable[..., object]]:
    return list(getattr(module, kind, {}).values())


def _check_trainable(position: str, layer: AnyLayer, seen: dict[int, str]) -> None:
    """Refuse weights that a torus cannot train, as they are in another place, too, or computed."""
    if parametrize.is_parametrized(layer) or _hooks(layer, "_forward_pre_hooks"):
        raise ModelError(
            f"layer {position} has weights that are masked or computed from others, which a torus "
            "cannot train: it changes every weight; make them plain first, with "
            "torch.nn.utils.prune.remove or parametrize.remove_parametrizations"
        )
    for name, parameter in layer.named_parameters():
        place = f"{name} of layer {position}"
        if id(parameter) in seen:
            raise ModelError(
                f"{place} is {seen[id(parameter)]}, too, and a torus cannot train weights that "
                "two places share: give each place a layer of its own"
            )
        seen[id(parameter)] = place
