"""A converted model made again from what its layers were replaced by: nothing is fitted."""

import copy
from collections.abc import Mapping
from typing import Any, cast

from torch import nn

from golden.arguments import mapping, shown
from golden.convert.build import KINDS, built
from golden.convert.dense_forms import dense_form
from golden.errors import GoldenError, ModelError
from golden.tensors.dense import keep_frozen

__all__ = ["rebuild", "record_of"]

FORMAT = 1

_SIZES = ("in_features", "out_features", "in_channels", "out_channels", "input_size",
          "hidden_size", "num_layers", "bidirectional", "embed_dim", "num_heads", "bias",
          "kernel_size", "stride", "padding", "dilation", "groups", "padding_mode",
          "batch_first")  # fmt: skip

_FOR: dict[type, tuple[str, ...]] = {
    nn.Linear: ("ClosLinear", "LowRankLinear", "SparseCascade"),
    nn.Conv1d: ("ClosConv1d",),
    nn.Conv2d: ("ClosConv2d", "LowRankConv2d", "SparseRandomConv2d"),
    nn.LSTM: ("ClosLSTM",),
    nn.GRU: ("ClosGRU",),
    nn.MultiheadAttention: ("ProjectedAttention",),
}


def record_of(layers: Mapping[str, tuple[str, dict[str, object]]]) -> dict[str, Any]:
    """Return the record of layers, each by its name: a kind, and the arguments of its class."""
    found = {
        name: {"kind": kind, "arguments": arguments}
        for name, (kind, arguments) in layers.items()
    }
    return {"format": FORMAT, "layers": found}


def rebuild(
    model: nn.Module, record: Mapping[str, Any], *, in_place: bool = False
) -> nn.Module:
    """Give a dense model the layers that `convert_report` gave to another one of its kind.

    Their weights are new: load those of the converted model with `load_state_dict`. Nothing is
    fitted, and a model on the meta device stays there; then load with `assign=True`.

    Parameters
    ----------
    model
        The model as it was before the conversion, with any weights.
    record
        `ConversionReport.record`, also after `json.dumps` and `json.loads`.
    in_place
        Whether `model` itself is changed, as in the constructor of a class, rather than a copy. A
        model that is itself the layer to replace is returned as a new one either way.

    Raises
    ------
    ModelError
        If the record is none, or names a layer that the model does not have, or one of other
        sizes; the message names the layer. The model is then as it was.
    """
    if not isinstance(cast(object, model), nn.Module):
        raise ModelError(f"model must be a module, not {shown(model)}")
    if not isinstance(cast(object, in_place), bool):
        raise ModelError(f"in_place must be True or False, not {shown(in_place)}")
    held = mapping("record", record, error=ModelError)
    if type(held.get("format")) is not int or held["format"] != FORMAT:
        raise ModelError(f"format of the record must be {FORMAT}, not {shown(held.get('format'))}")
    layers = mapping("layers of the record", held.get("layers"), error=ModelError)
    walk = cast(Any, model.named_modules)(remove_duplicate=False)
    named: dict[str, nn.Module] = dict(walk)
    new: dict[int, nn.Module] = {}
    for name, entry in layers.items():
        try:
            if name not in named:
                raise ModelError("the model must have this layer, as that before the conversion")
            new[id(named[name])] = _layer(named[name], entry)
        except GoldenError as error:
            raise ModelError(f"record, layer {shown(name)}: {error}") from error
    if not in_place:
        try:
            return copy.deepcopy(model, memo=dict(new))
        except (RuntimeError, TypeError) as error:
            reason = str(error).partition("\n")[0]
            raise ModelError(f"model must be one that copy.deepcopy can copy: {reason}") from error
    for name, module in named.items():
        if id(module) in new and name:
            parent, _, own = name.rpartition(".")
            setattr(named[parent], own, new[id(module)])
    return new.get(id(model), model)


def _layer(old: nn.Module, entry: object) -> nn.Module:
    """Make the layer of an entry, where `old` is and of its type and mode."""
    held = mapping("the entry", entry, error=ModelError)
    kind = held.get("kind")
    arguments = mapping("arguments", held.get("arguments"), error=ModelError)
    if not isinstance(kind, str) or kind not in KINDS:
        raise ModelError(f"kind must be one of {', '.join(KINDS)}, not {shown(kind)}")
    fitting = _FOR.get(type(dense_form(old, {})))
    if fitting is not None and kind not in fitting:
        raise ModelError(
            f"kind must be one of {', '.join(fitting)} for a {type(old).__name__}, not {kind!r}"
        )
    first = next(iter(old.parameters()), None)
    if first is None or not first.is_floating_point():
        raise ModelError(f"the model must have a dense layer there, not {shown(old)}")
    _check_sizes(old, arguments)
    new = built(kind, arguments, first.device, first.dtype)
    _check_sizes(old, new)
    _freeze(new, dense_form(old, {}) or old)
    return new.train(old.training)


def _freeze(new: nn.Module, dense: nn.Module) -> None:
    """Let be trained what was of the dense layer: where it has one weight, its bias by itself."""
    weight, bias = (dense.__dict__["_parameters"].get(name) for name in ("weight", "bias"))
    if weight is not None:
        keep_frozen(new, weight, bias)
    elif not any(parameter.requires_grad for parameter in dense.parameters()):
        new.requires_grad_(False)


def _check_sizes(old: nn.Module, given: Mapping[str, Any] | nn.Module) -> None:
    """Refuse other sizes and options than those of `old`, also before any room is made for them."""
    dense = dense_form(old, {})
    for name in _SIZES if dense is not None else ():
        wanted = _option(dense, name)
        found = _option(given, name)
        if wanted is not None and found is not None and not _is(found, wanted):
            raise ModelError(
                f"{name} must be {wanted}, as that of the model, not {shown(found)}"
            )


def _option(held: Any, name: str) -> Any:
    """Return an option of a layer, or of arguments; None where there is none of this name."""
    if isinstance(held, Mapping):
        return cast(Mapping[str, Any], held).get(name)
    found = getattr(held, name, None)
    if name == "bias" and not isinstance(found, bool):
        return found is not None
    return found


def _is(found: object, wanted: object) -> bool:
    """Whether options are equal: a number stands for as many as there are, a list for a tuple."""
    if isinstance(wanted, bool):
        return found is wanted
    if isinstance(wanted, tuple):
        many = cast(tuple[object, ...], wanted)
        if isinstance(found, int) and not isinstance(found, bool):
            return all(one == found for one in many)
        return isinstance(found, list | tuple) and tuple(cast(list[object], found)) == many
    return found == wanted
