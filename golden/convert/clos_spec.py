"""Clos layers in the place of dense ones."""

import dataclasses
import warnings
from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor, nn

from golden.arguments import items, shown, whole_number
from golden.clos.fit import MOST_SWEEPS
from golden.clos.layer import ClosLinear
from golden.clos.shape import ClosShape
from golden.convert.attention_plan import attention_plan
from golden.convert.build import arguments_of, built
from golden.convert.dense_forms import pointwise_form, weight_count
from golden.convert.plan import Initialise, Plan, check_initialise, planned
from golden.convert.sizes import check_depthwise, check_recurrent, checked_reduction
from golden.errors import ModelError
from golden.layers import ClosConv1d, ClosConv2d, ClosGRU, ClosLSTM

__all__ = ["ClosSpec"]


@dataclasses.dataclass(frozen=True)
class ClosSpec:
    """Clos layers near the dense ones: of `nn.Linear`, convolutions, recurrent ones, attention.

    Parameters
    ----------
    reduction
        Dense weights for each one: `ClosShape.from_budget`, `ClosConv2d.from_budget`.
    routers
        Instead of `reduction`: (Ri, Rm, Ro), of linear layers and convolutions.
    sweeps
        Of the fit to the dense weights (`golden.clos.fit.fit_clos`).
    initialise
        "fit" for weights near the dense ones, "new" for weights drawn as the layer draws them. A
        bias of a linear layer or convolution is kept either way.
    """

    reduction: float | None = None
    routers: tuple[int, int, int] | None = None
    sweeps: int = 200
    initialise: Initialise = "fit"

    def __post_init__(self) -> None:
        """Refuse both sizes, or none; see the class."""
        if (self.reduction is None) == (self.routers is None):
            raise ModelError(
                "a ClosSpec must have either reduction or routers, "
                f"not {shown(self.reduction)} and {shown(self.routers)}"
            )
        if self.reduction is not None:
            object.__setattr__(self, "reduction", checked_reduction(self.reduction))
        if self.routers is not None:
            routers = items("routers", self.routers, 3, error=ModelError)
            numbers = [whole_number("routers", one, 1, error=ModelError) for one in routers]
            object.__setattr__(self, "routers", tuple(numbers))
        sweeps = whole_number("sweeps", self.sweeps, 1, MOST_SWEEPS, error=ModelError)
        object.__setattr__(self, "sweeps", sweeps)
        check_initialise(self.initialise)

    def plan(self, layer: nn.Module) -> Plan | None:
        """Return what replaces `layer`; see `LayerSpec`."""
        if type(layer) is nn.Linear:
            return self._linear(layer)
        if type(layer) in (nn.Conv1d, nn.Conv2d):
            return self._convolution(cast(nn.Conv2d, layer))
        if type(layer) is nn.MultiheadAttention:
            return attention_plan(layer, self)
        if type(layer) in (nn.LSTM, nn.GRU):
            return self._recurrent(cast(nn.GRU, layer))
        return None

    def _linear(self, layer: nn.Linear) -> Plan:
        inputs, outputs = layer.in_features, layer.out_features
        if self.routers is not None:
            shape = ClosShape(inputs, outputs, *self.routers)
        else:
            shape = ClosShape.from_budget(inputs, outputs, reduction=self.reduction or 0)
        arguments: dict[str, object] = {
            "in_features": inputs,
            "out_features": outputs,
            "routers": list(shape.as_tuple()[2:]),
            "bias": cast(Any, layer.bias) is not None,
        }

        def fit(given: Tensor | None) -> nn.Module:
            return self._near(layer, shape, given)

        return self._plan(layer, arguments, shape.parameters, fit, ClosLinear)

    def _near(self, layer: nn.Linear, shape: ClosShape, given: Tensor | None) -> ClosLinear:
        """Return the fit to `layer`, weighted by its inputs [N, I] if they are given."""
        weighted: dict[str, Any] = {} if given is None else {"inputs": given}
        return ClosLinear.from_dense(layer, shape, sweeps=self.sweeps, **weighted)

    def _convolution(self, layer: nn.Conv1d | nn.Conv2d) -> Plan:
        check_depthwise(layer)
        kind: Any = ClosConv1d if isinstance(layer, nn.Conv1d) else ClosConv2d
        names = ("kernel_size", "stride", "padding", "dilation", "groups", "padding_mode")
        sizes: dict[str, Any] = {name: getattr(layer, name) for name in names}
        sizes |= {"bias": cast(Any, layer.bias) is not None, "device": "meta"}
        channels = layer.in_channels, layer.out_channels
        with warnings.catch_warnings():  # The layer itself warns if it is larger.
            warnings.simplefilter("ignore")
            if self.routers is None:
                chosen = kind.from_budget(*channels, reduction=self.reduction or 0, **sizes)
            else:
                chosen = kind(*channels, self.routers, **sizes)
        routers, arguments = chosen.routers, arguments_of(chosen)

        def fit(given: Tensor | None) -> nn.Module:
            linear = pointwise_form(layer)
            if given is None or linear is None:
                return kind.from_dense(layer, routers, sweeps=self.sweeps)
            weight = layer.weight
            made: Any = built(kind.__name__, arguments, weight.device, weight.dtype)
            made.parts[0] = self._near(linear, chosen.shape, given)
            return made

        return self._plan(layer, arguments, weight_count(chosen), fit, kind)

    def _recurrent(self, layer: nn.LSTM | nn.GRU) -> Plan:
        if self.reduction is None:
            raise ModelError(f"reduction must be given for {layer}, not routers")
        reduction = self.reduction
        check_recurrent(layer)
        kind = ClosLSTM if isinstance(layer, nn.LSTM) else ClosGRU
        arguments: dict[str, object] = {
            "input_size": layer.input_size,
            "hidden_size": layer.hidden_size,
            "reduction": reduction,
            "num_layers": layer.num_layers,
            "bias": layer.bias,
            "batch_first": layer.batch_first,
            "dropout": layer.dropout,
            "bidirectional": layer.bidirectional,
        }
        whole = built(kind.__name__, arguments, torch.device("meta"), torch.float32)

        def fit(given: Tensor | None) -> nn.Module:
            dense = cast(Any, layer)
            return cast(Any, kind).from_dense(dense, reduction=reduction, sweeps=self.sweeps)

        return self._plan(layer, arguments, weight_count(whole), fit, kind)

    def _plan(
        self,
        layer: nn.Module,
        arguments: dict[str, object],
        weights: int,
        fit: Callable[[Tensor | None], nn.Module],
        kind: type[nn.Module],
    ) -> Plan:
        return planned(kind.__name__, arguments, weights, layer, fit, self.initialise)
