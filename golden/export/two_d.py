"""A model whose layers multiply by matrices of two dimensions alone, for other programs."""

import copy
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.utils import prune
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm

from golden.arguments import instance, shown
from golden.clos.layer import ClosLinear
from golden.clos.net import ClosNet
from golden.errors import ModelError
from golden.export.plain import Applied, PlainStages, clos_stages, map_of
from golden.layers.cascade import SparseCascade
from golden.layers.channel_conv import SparseRandomConv2d
from golden.layers.conv import ClosConv2d
from golden.layers.conv1d import ClosConv1d
from golden.layers.low_rank import LowRankLinear
from golden.layers.low_rank_conv import LowRankConv2d
from golden.layers.recurrent import ClosGRU, ClosLSTM
from golden.layers.sparse import SparseStage
from golden.layers.stages import ClosStages

__all__ = ["FORMS", "to_2d"]

FORMS = ("block-diagonal", "blocks")
"""What a stage of a Clos layer becomes: one matrix with zeros, or a matrix for every router."""

_KINDS = (
    ClosLinear,
    ClosNet,
    LowRankLinear,
    SparseCascade,
    ClosConv1d,
    ClosConv2d,
    LowRankConv2d,
    SparseRandomConv2d,
    ClosStages,
    ClosLSTM,
    ClosGRU,
)

_COMPUTING = (prune.BasePruningMethod, WeightNorm, SpectralNorm)
_HOOKS = ("_forward_pre_hooks", "_forward_hooks", "_backward_pre_hooks", "_backward_hooks")


@torch.no_grad()
def to_2d(model: nn.Module, *, form: str = "block-diagonal") -> nn.Module:
    """Copy a model, with layers of PyTorch's in the place of the sparse ones; results are equal.

    Some programs that read models take no weights of three dimensions, which `bmm` multiplies by,
    or read them wrongly. What this returns has `nn.Linear`, convolutions and recurrent layers of
    PyTorch's, and for "blocks" also slices, concatenations and permutations.

    Parameters
    ----------
    model
        A layer, or a model that holds some. It stays as it is.
    form
        "block-diagonal": each stage of a Clos layer is one matrix, which holds zeros outside of its
        blocks: Ri I Rm + Ri Ro Rm^2 + Ro O Rm numbers instead of the layer's weights. "blocks": a
        product for each router, with the layer's weights alone. Stages of a `SparseCascade` become
        whole matrices in both. A Clos convolution becomes PyTorch's with the kernel multiplied out,
        and a recurrent layer PyTorch's with such maps. Attention stays, with other projections:
        PyTorch's takes `is_causal` for a hint, and would need a mask.

    Returns
    -------
    A model in the same mode, for inference: the new layers' parameters have no gradients. Weights
    keep their type and device.

    Raises
    ------
    ModelError
        If `form` is none of these, or a layer has a hook, which its replacement would not have.
    """
    model = instance("model", model, nn.Module, error=ModelError)
    if not isinstance(cast(object, form), str) or form not in FORMS:
        raise ModelError(f"form must be one of {', '.join(FORMS)}, not {shown(form)}")
    replaced: dict[int, Any] = {}
    modules: list[tuple[str, nn.Module]] = list(cast(Any, model.named_modules)())
    inside = ""
    for path, module in modules:
        if inside and path.startswith(inside):
            continue  # A part of a layer that was replaced.
        if isinstance(module, SparseStage):
            raise ModelError(
                f"{path or 'model'}: a SparseStage takes columns, for which PyTorch has no layer: "
                "export the SparseCascade that holds it"
            )
        if not isinstance(module, _KINDS):
            continue
        inside = f"{path}." if path else "."
        for one in module.modules():
            _check_hooks(path or "model", one)
        if id(module) not in replaced:
            replaced[id(module)] = _plain(module, form).train(module.training)
        if not path:
            break
    try:
        return copy.deepcopy(model, replaced)
    except RuntimeError as error:
        raise ModelError(f"model cannot be copied: {error}") from error


def _check_hooks(path: str, layer: nn.Module) -> None:
    """Refuse hooks, except those that compute the layer's weights, which are run."""
    for attribute in _HOOKS:
        for hook in list(getattr(layer, attribute).values()):
            if not isinstance(hook, _COMPUTING):
                raise ModelError(
                    f"{path}: the layer has a hook ({shown(hook)}), which its replacement would "
                    "not have: remove it first"
                )
            cast(Any, hook)(layer, None)


def _plain(layer: nn.Module, form: str) -> nn.Module:
    if isinstance(layer, ClosLinear):
        return _plain_linear(layer, form)
    if isinstance(layer, ClosStages):
        return _plain_stages(layer, form)
    if isinstance(layer, ClosNet):
        return _plain_net(layer, form)
    if isinstance(layer, LowRankLinear):
        return PlainStages(map_of(layer.input_weight), map_of(layer.output_weight, layer.bias))
    if isinstance(layer, SparseCascade):
        *others, last = [stage.to_dense() for stage in layer.parts]
        return PlainStages(*map(map_of, others), map_of(last, layer.bias))
    if isinstance(layer, LowRankConv2d):
        parts = [copy.deepcopy(one) for one in (layer.narrow, layer.widen)]
        return PlainStages(*parts).requires_grad_(False)
    if isinstance(layer, ClosConv1d | ClosConv2d | SparseRandomConv2d):
        return _convolution(layer)
    return cast(ClosLSTM | ClosGRU, layer).to_dense().requires_grad_(False)


def _plain_linear(layer: ClosLinear, form: str) -> nn.Sequential:
    return PlainStages(*clos_stages(layer.shape, layer.weights, (None, None, layer.bias), form))


def _plain_stages(layer: ClosStages, form: str) -> nn.Sequential:
    between: list[nn.Module] = []
    if isinstance(layer.activation, nn.Module):
        between.append(layer.activation)
    elif layer.activation is not None:
        between.append(Applied(layer.activation))
    if layer.dropout:
        between.append(nn.Dropout(layer.dropout))
    weights = layer.input_weight, layer.middle_weight, layer.output_weight
    biases = layer.input_bias, layer.middle_bias, layer.bias
    return clos_stages(layer.shape, weights, biases, form, between)


def _plain_net(net: ClosNet, form: str) -> nn.Sequential:
    parts: list[nn.Module] = []
    for index, layer in enumerate(net.layers):
        if index:
            parts.append(nn.ReLU())
        part = net.dropout[min(index, 1)]
        if part:
            parts.append(nn.Dropout(part))
        parts += _plain_linear(cast(ClosLinear, layer), form)
    return nn.Sequential(*parts)


def _convolution(layer: ClosConv1d | ClosConv2d | SparseRandomConv2d) -> nn.Module:
    """Return PyTorch's convolution with the same kernel."""
    given: Any = layer
    weight, bias = layer.to_dense(), _bias_of(layer)
    groups = int(getattr(given, "groups", 1))
    new: nn.Conv2d = cast(Any, nn.utils).skip_init(
        nn.Conv1d if isinstance(layer, ClosConv1d) else nn.Conv2d,
        weight.shape[1] * groups,
        weight.shape[0],
        tuple(weight.shape[2:]),
        stride=given.stride,
        padding=given.padding,
        dilation=getattr(given, "dilation", 1),
        groups=groups,
        bias=bias is not None,
        padding_mode=getattr(given, "padding_mode", "zeros"),
        device=weight.device,
        dtype=weight.dtype,
    )
    new.weight.copy_(weight)
    if new.bias is not None and bias is not None:
        new.bias.copy_(bias)
    return new.requires_grad_(False)


def _bias_of(layer: nn.Module) -> Tensor | None:
    """Return the bias of a convolution, of which a Clos one has a part in each of its layers."""
    own: dict[str, Tensor] = dict(layer.named_parameters(recurse=False))
    found = [own["bias"]] if "bias" in own else []
    inner = [one.bias for one in layer.modules() if isinstance(one, ClosLinear)]
    parts: list[Tensor] = found or [one for one in inner if one is not None]
    return torch.cat(parts) if parts else None
