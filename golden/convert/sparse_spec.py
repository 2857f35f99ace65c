"""Layers of chosen connections in the place of dense ones: random ones, and cascades of masks."""

import dataclasses
from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from golden.arguments import real_number, seed_number
from golden.convert.attention_plan import attention_plan
from golden.convert.build import built, packed
from golden.convert.plan import Initialise, Plan, check_initialise, new_plan, planned
from golden.convert.sizes import check_convolution
from golden.errors import ModelError, ShapeError
from golden.layers import SparseCascade, SparseRandomConv2d, live_channels
from golden.tensors.dense import keep_frozen

__all__ = ["CascadeSpec", "SparseSpec"]


@dataclasses.dataclass(frozen=True)
class SparseSpec:
    """Randomly sparse layers of the dense weights kept: of linear layers, convolutions, attention.

    Parameters
    ----------
    alpha
        Fraction of the connections kept; see `SparseRandomConv2d` and `live_channels`.
    seed
        Of their choice.
    initialise
        "fit" for the dense weights of the connections kept, "new" for weights drawn as the layer
        draws them. A bias is kept either way.
    """

    alpha: float
    seed: int = 0
    initialise: Initialise = "fit"

    def __post_init__(self) -> None:
        """Refuse numbers out of range."""
        alpha = real_number("alpha", self.alpha, error=ModelError)
        if not 0 < alpha <= 1:
            raise ModelError(f"alpha must be above 0 and at most 1, not {self.alpha}")
        object.__setattr__(self, "alpha", alpha)
        object.__setattr__(self, "seed", seed_number(self.seed, error=ModelError))
        check_initialise(self.initialise)

    def plan(self, layer: nn.Module) -> Plan | None:
        """Return what replaces `layer`; see `LayerSpec`."""
        if type(layer) is nn.Linear:
            mask = self._mask(layer.in_features, layer.out_features)
            arguments = _cascade_arguments([mask], None, layer)
            return planned(
                "SparseCascade",
                arguments,
                int(mask.sum()),
                layer,
                lambda _: _kept(layer, arguments, mask),
                self.initialise,
            )
        if type(layer) is nn.Conv2d:
            return self._convolution(layer)
        if type(layer) is nn.MultiheadAttention:
            return attention_plan(layer, self)
        return None

    def _mask(self, inputs: int, outputs: int) -> Tensor:
        generator = torch.Generator().manual_seed(self.seed)
        channels = live_channels(inputs, outputs, self.alpha, generator)
        mask = torch.zeros(outputs, inputs, dtype=torch.bool)
        return mask.scatter_(1, channels, True)

    def _convolution(self, layer: nn.Conv2d) -> Plan:
        check_convolution(layer)
        mask = self._mask(layer.in_channels, layer.out_channels)
        arguments: dict[str, object] = {
            "in_channels": layer.in_channels,
            "out_channels": layer.out_channels,
            "kernel_size": layer.kernel_size[0],
            "channels": packed(mask),
            "stride": layer.stride[0],
            "padding": int(layer.padding[0]),
            "bias": cast(Any, layer.bias) is not None,
        }
        weights = int(mask.sum()) * layer.kernel_size[0] ** 2
        return planned(
            "SparseRandomConv2d",
            arguments,
            weights,
            layer,
            lambda _: _kept_channels(layer, arguments),
            self.initialise,
        )


@dataclasses.dataclass(frozen=True, eq=False)
class CascadeSpec:
    """Cascades with these masks in place of `nn.Linear`, with new weights: `SparseCascade`.

    Parameters
    ----------
    masks, constants
        As for `SparseCascade`; a `golden.topologies.Topology` has them.
    """

    masks: Sequence[Tensor]
    constants: Sequence[Tensor] | None = None

    def __post_init__(self) -> None:
        """Refuse what are no masks; see `SparseCascade`."""
        try:
            SparseCascade(self.masks, self.constants, bias=False, device="cpu")
        except ShapeError as error:
            raise ModelError(str(error)) from error

    def plan(self, layer: nn.Module) -> Plan | None:
        """Return what replaces `layer`; see `LayerSpec`."""
        if type(layer) is not nn.Linear:
            return None
        inputs, outputs = self.masks[0].shape[1], self.masks[-1].shape[0]
        if (inputs, outputs) != (layer.in_features, layer.out_features):
            raise ModelError(
                f"masks must make {layer.in_features} inputs and {layer.out_features} outputs, "
                f"not {inputs} and {outputs}"
            )
        arguments = _cascade_arguments(self.masks, self.constants, layer)
        weights = sum(int(mask.sum()) for mask in self.masks)
        return new_plan("SparseCascade", arguments, weights, layer)


def _cascade_arguments(
    masks: Sequence[Tensor], constants: Sequence[Tensor] | None, layer: nn.Linear
) -> dict[str, object]:
    found: dict[str, object] = {"masks": [packed(mask) for mask in masks]}
    if constants is not None:
        found["constants"] = [
            {"edges": packed(one != 0), "values": [float(value) for value in one[one != 0]]}
            for one in constants
        ]
    return found | {"bias": cast(Any, layer.bias) is not None}


@torch.no_grad()
def _kept(layer: nn.Linear, arguments: dict[str, object], mask: Tensor) -> nn.Module:
    """Make the cascade of one stage that has the weights of `layer` where `mask` is True."""
    weight = layer.weight
    new = cast(SparseCascade, built("SparseCascade", arguments, weight.device, weight.dtype))
    stage = new.parts[0]
    stage.weight.copy_(weight[stage.edges[0], stage.edges[1]])
    return _finished(new, layer)


@torch.no_grad()
def _kept_channels(layer: nn.Conv2d, arguments: dict[str, object]) -> nn.Module:
    """Make the convolution that has the weights of `layer` where a filter sees the channel."""
    weight = layer.weight
    made = built("SparseRandomConv2d", arguments, weight.device, weight.dtype)
    new = cast(SparseRandomConv2d, made)
    index = new.channels[:, :, None, None].expand_as(new.weight)
    new.weight.copy_(weight.gather(1, index))
    return _finished(new, layer)


def _finished(
    new: SparseCascade | SparseRandomConv2d, layer: nn.Linear | nn.Conv2d
) -> nn.Module:
    bias = cast(Tensor | None, layer.bias)
    if new.bias is not None and bias is not None:
        new.bias.copy_(bias)
    keep_frozen(new, layer.weight, bias)
    return new
