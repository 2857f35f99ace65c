"""What a layer of an existing model can be replaced by."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Protocol, cast

import torch
from torch import Tensor, nn

from golden.arguments import items, real_number, seed_number, shown, whole_number
from golden.clos.fit import MOST_SWEEPS
from golden.clos.layer import ClosLinear
from golden.clos.shape import ClosShape
from golden.errors import ModelError, ShapeError
from golden.layers import (
    ClosConv2d,
    ClosGRU,
    ClosLSTM,
    LowRankLinear,
    SparseCascade,
    SparseRandomConv2d,
    live_channels,
)
from golden.tensors.dense import dense_bias, dense_weight, keep_frozen

__all__ = ["CascadeSpec", "ClosSpec", "LayerSpec", "LowRankSpec", "SparseSpec"]


class LayerSpec(Protocol):
    """What a layer is to be replaced by."""

    def replacement(self, layer: nn.Module) -> nn.Module | None:
        """Return what replaces `layer`, which stays as it is; None where nothing here can."""
        ...


@dataclasses.dataclass(frozen=True)
class ClosSpec:
    """Clos layers near the dense ones: of `nn.Linear`, `nn.Conv2d`, `nn.LSTM` and `nn.GRU`.

    Parameters
    ----------
    reduction
        Dense weights for each one: `ClosShape.from_budget`, `ClosConv2d.from_budget`.
    routers
        Instead of `reduction`: (Ri, Rm, Ro), of linear layers and convolutions.
    sweeps
        Of the fit to the dense weights (`golden.clos.fit.fit_clos`).
    """

    reduction: float | None = None
    routers: tuple[int, int, int] | None = None
    sweeps: int = 200

    def __post_init__(self) -> None:
        """Refuse both sizes, or none; see the class."""
        if (self.reduction is None) == (self.routers is None):
            raise ModelError(
                "a ClosSpec must have either reduction or routers, "
                f"not {shown(self.reduction)} and {shown(self.routers)}"
            )
        if self.reduction is not None:
            _set(self, "reduction", _reduction(self.reduction))
        if self.routers is not None:
            routers = items("routers", self.routers, 3, error=ModelError)
            numbers = [whole_number("routers", one, 1, error=ModelError) for one in routers]
            _set(self, "routers", tuple(numbers))
        _set(self, "sweeps", whole_number("sweeps", self.sweeps, 1, MOST_SWEEPS, error=ModelError))

    def replacement(self, layer: nn.Module) -> nn.Module | None:
        """Return the Clos layer near `layer`."""
        if type(layer) is nn.Linear:
            return ClosLinear.from_dense(layer, self._shape(layer), sweeps=self.sweeps)
        if type(layer) is nn.Conv2d:
            return self._convolution(layer)
        if type(layer) in (nn.LSTM, nn.GRU):
            if self.reduction is None:
                raise ModelError(f"reduction must be given for {layer}, not routers")
            kind = ClosLSTM if isinstance(layer, nn.LSTM) else ClosGRU
            return kind.from_dense(
                cast(nn.GRU, layer),  # pyright: ignore[reportArgumentType]
                reduction=self.reduction,
                sweeps=self.sweeps,
            )
        return None

    def _shape(self, layer: nn.Linear) -> ClosShape:
        if self.routers is not None:
            return ClosShape(layer.in_features, layer.out_features, *self.routers)
        return ClosShape.from_budget(
            layer.in_features, layer.out_features, reduction=self.reduction or 0
        )

    def _convolution(self, layer: nn.Conv2d) -> ClosConv2d:
        routers = self.routers
        if routers is None:
            routers = ClosConv2d.from_budget(
                layer.in_channels,
                layer.out_channels,
                reduction=self.reduction or 0,
                kernel_size=layer.kernel_size,
                groups=layer.groups,
                device="meta",
            ).routers
        return ClosConv2d.from_dense(layer, routers, sweeps=self.sweeps)


@dataclasses.dataclass(frozen=True)
class LowRankSpec:
    """Low-rank layers nearest to `nn.Linear`: `LowRankLinear`.

    Parameters
    ----------
    reduction
        Dense weights for each one.
    """

    reduction: float

    def __post_init__(self) -> None:
        """Refuse what is no positive number."""
        _set(self, "reduction", _reduction(self.reduction))

    def replacement(self, layer: nn.Module) -> nn.Module | None:
        """Return the low-rank layer nearest to `layer`."""
        if type(layer) is not nn.Linear:
            return None
        rank = LowRankLinear.from_budget(
            layer.in_features, layer.out_features, reduction=self.reduction
        ).rank
        return LowRankLinear.from_dense(layer, rank)


@dataclasses.dataclass(frozen=True)
class SparseSpec:
    """Randomly sparse layers of the dense weights that are kept: of `nn.Linear` and `nn.Conv2d`.

    Parameters
    ----------
    alpha
        Fraction of the connections kept; see `SparseRandomConv2d` and `live_channels`.
    seed
        Of their choice.
    """

    alpha: float
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse numbers out of range."""
        alpha = real_number("alpha", self.alpha, error=ModelError)
        if not 0 < alpha <= 1:
            raise ModelError(f"alpha must be above 0 and at most 1, not {self.alpha}")
        _set(self, "alpha", alpha)
        _set(self, "seed", seed_number(self.seed, error=ModelError))

    @torch.no_grad()
    def replacement(self, layer: nn.Module) -> nn.Module | None:
        """Return `layer` with the kept connections only."""
        generator = torch.Generator().manual_seed(self.seed)
        if type(layer) is nn.Linear:
            channels = live_channels(layer.in_features, layer.out_features, self.alpha, generator)
            mask = torch.zeros(layer.weight.shape, dtype=torch.bool).scatter_(1, channels, True)
            return _masked(layer, [mask], None, keep=True)
        if type(layer) is nn.Conv2d:
            plain = (layer.groups, set(layer.dilation), layer.padding_mode) == (1, {1}, "zeros")
            sizes = (layer.kernel_size, layer.stride, layer.padding)
            if not plain or any(isinstance(s, str) or len(set(s)) != 1 for s in sizes):
                raise ModelError(
                    "layer must be a square convolution in one group, not dilated and padded by a "
                    f"number of zeros, not {layer}"
                )
            weight, bias = dense_weight(layer, 4), dense_bias(layer)
            new = SparseRandomConv2d(
                layer.in_channels,
                layer.out_channels,
                layer.kernel_size[0],
                alpha=self.alpha,
                stride=layer.stride[0],
                padding=int(layer.padding[0]),
                bias=bias is not None,
                generator=generator,
                device=weight.device,
                dtype=weight.dtype,
            )
            index = new.channels[:, :, None, None].expand_as(new.weight)
            new.weight.copy_(weight.gather(1, index))
            if new.bias is not None and bias is not None:
                new.bias.copy_(bias)
            keep_frozen(new, weight, bias)
            return new
        return None


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

    def replacement(self, layer: nn.Module) -> nn.Module | None:
        """Return a cascade of the sizes of `layer`, with its bias."""
        if type(layer) is not nn.Linear:
            return None
        return _masked(layer, self.masks, self.constants, keep=False)


def _reduction(value: object) -> float:
    reduction = real_number("reduction", value, error=ModelError)
    if not 0 < reduction < math.inf:
        raise ModelError(f"reduction must be above 0 and finite, not {value}")
    return reduction


def _set(spec: object, name: str, value: object) -> None:
    """Set a field of a frozen spec to what it stands for."""
    object.__setattr__(spec, name, value)


@torch.no_grad()
def _masked(
    layer: nn.Linear, masks: Sequence[Tensor], constants: Sequence[Tensor] | None, *, keep: bool
) -> SparseCascade:
    weight, bias = dense_weight(layer, 2), dense_bias(layer)
    new = SparseCascade(
        masks, constants, bias is not None, device=weight.device, dtype=weight.dtype
    )
    if (new.out_features, new.in_features) != tuple(weight.shape):
        raise ModelError(
            f"masks must make {layer.in_features} inputs and {layer.out_features} outputs, "
            f"not {new.in_features} and {new.out_features}"
        )
    if keep:
        stage = new.parts[0]
        stage.weight.copy_(weight[stage.edges[0], stage.edges[1]])
    if new.bias is not None and bias is not None:
        new.bias.copy_(bias)
    keep_frozen(new, weight, bias)
    return new
