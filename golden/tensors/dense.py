"""The dense layers that sparse ones are made from, and what of them could not be kept."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from golden.arguments import shown
from golden.errors import ModelError, ShapeError

__all__ = [
    "check_replaceable",
    "dense_bias",
    "dense_weight",
    "is_parametrised",
    "keep_frozen",
    "owners_of",
]

_DENSE = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.LSTM, nn.GRU)

_HOOKS = {
    "_forward_pre_hooks": "forward pre-hook",
    "_forward_hooks": "forward hook",
    "_backward_pre_hooks": "backward pre-hook",
    "_backward_hooks": "backward hook",
    "_state_dict_pre_hooks": "state-dict pre-hook",
    "_state_dict_hooks": "state-dict hook",
    "_load_state_dict_pre_hooks": "load-state-dict pre-hook",
    "_load_state_dict_post_hooks": "load-state-dict post-hook",
}


def dense_weight(layer: object, dimensions: int) -> Tensor:
    """Return the weight of a layer such as `nn.Linear` (of 2 dimensions) or `nn.Conv2d` (of 4).

    Raises
    ------
    ShapeError
        If it has no such weight, or one that is not of finite real numbers.
    """
    weight = getattr(layer, "weight", None)
    if not isinstance(layer, nn.Module) or not isinstance(weight, Tensor):
        raise ShapeError(f"layer must be a layer with a weight, not {shown(layer)}")
    if weight.ndim != dimensions or 0 in weight.shape:
        raise ShapeError(
            f"layer must have a weight of {dimensions} dimensions, none of them 0, "
            f"not {list(weight.shape)}"
        )
    if not weight.is_floating_point():
        raise ShapeError(f"the layer's weight must be of real numbers, not {weight.dtype}")
    if weight.is_meta:
        raise ShapeError("the layer's weight must hold numbers, but is on the meta device")
    if not bool(torch.isfinite(weight).all()):
        raise ShapeError("the layer's weight must be finite, but holds NaN or infinity")
    return weight


def dense_bias(layer: nn.Module) -> Tensor | None:
    """Return the bias of a dense layer, if it has one."""
    return cast(Tensor | None, getattr(layer, "bias", None))


def keep_frozen(new: nn.Module, weight: Tensor, bias: Tensor | None) -> None:
    """Let the parameters of `new` be trained if those are that they were made from."""
    for name, parameter in new.named_parameters():
        source = bias if name.rpartition(".")[2] == "bias" else weight
        if source is not None:
            parameter.requires_grad_(source.requires_grad)


def owners_of(model: nn.Module) -> dict[int, list[tuple[nn.Module, str]]]:
    """Return by the identity of every parameter the modules that hold it, and its full names."""
    found: dict[int, list[tuple[nn.Module, str]]] = {}
    modules: list[tuple[str, nn.Module]] = list(cast(Any, model.named_modules)())
    for path, module in modules:
        for name, parameter in _parameters(module):
            full = f"{path}.{name}" if path else name
            found.setdefault(id(parameter), []).append((module, full))
    return found


def check_replaceable(
    layer: nn.Module, owners: Mapping[int, list[tuple[nn.Module, str]]]
) -> None:
    """Check that `layer` holds nothing that another layer in its place would not hold.

    Raises
    ------
    ModelError
        If its weight is computed by a parametrisation or pruning, it has a hook or a `forward` of
        its own, or another module holds a parameter of it too.
    """
    held = dict(_parameters(layer))
    wanted: list[str] = []
    if isinstance(layer, nn.RNNBase):
        wanted = cast(list[str], cast(Any, layer)._flat_weights_names)
    elif isinstance(layer, _DENSE):
        wanted = ["weight"]
    for name in wanted:
        if name not in held:
            raise ModelError(
                f"{name} must be a parameter of the layer, not computed from others: end that "
                "first, with parametrize.remove_parametrizations, prune.remove or "
                "remove_weight_norm"
            )
    if "forward" in vars(layer):
        raise ModelError(
            "the layer has a forward of its own, which its replacement would not have: delete that "
            "attribute first"
        )
    inside = set(layer.modules())
    for part in inside:
        for attribute, kind in _HOOKS.items():
            if getattr(part, attribute, None):
                raise ModelError(
                    f"the layer has a {kind}, which its replacement would not have: remove it "
                    "first, and register it on the new model"
                )
        for name, parameter in _parameters(part):
            _check_parameter(name, parameter, inside, owners)


def _check_parameter(
    name: str,
    parameter: nn.Parameter,
    inside: set[nn.Module],
    owners: Mapping[int, list[tuple[nn.Module, str]]],
) -> None:
    if getattr(parameter, "_backward_hooks", None) or getattr(
        parameter, "_post_accumulate_grad_hooks", None
    ):
        raise ModelError(
            f"its {name} has a hook, which its replacement would not have: remove it first"
        )
    for other, full in owners.get(id(parameter), []):
        if other not in inside:
            raise ModelError(
                f"its {name} is also {full}, which a sparse layer cannot share: untie them "
                "first, by a clone of the parameter"
            )


def is_parametrised(layer: nn.Module) -> bool:
    """Say whether this is a dense layer with parametrisations, whose class is then another one."""
    return isinstance(layer, _DENSE) and parametrize.is_parametrized(layer)


def _parameters(module: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    yield from cast(Any, module).named_parameters(recurse=False, remove_duplicate=False)
