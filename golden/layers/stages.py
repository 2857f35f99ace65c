"""A Clos layer with more than products in it: biases, activations and dropout between its stages.

It is a layer of its own, since no dense layer is equal to it.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from golden.arguments import empty_parameter, real_number, shown
from golden.clos.initialise import sparse_xavier_
from golden.clos.shape import ClosShape
from golden.errors import ShapeError
from golden.tensors.autocast import add_bias
from golden.tensors.inputs import check_features
from golden.tensors.tracing import records_sizes

__all__ = ["ClosStages"]

Activation = Callable[[Tensor], Tensor]

_MIXING = (
    nn.Softmax, nn.Softmin, nn.LogSoftmax, nn.Softmax2d, nn.GLU, nn.LayerNorm, nn.RMSNorm,
    nn.GroupNorm, nn.LocalResponseNorm, nn.CrossMapLRN2d, nn.Linear,
    nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.InstanceNorm1d, nn.InstanceNorm2d,
)  # fmt: skip
"""Modules that compute a value of others: the samples lie innermost between the stages."""


class ClosStages(nn.Module):
    """Three stages of routers as in `ClosLinear`, with a function between them: a small net.

    y = bias + output stage(f(middle stage(f(input stage(x))))), where f adds the stage's bias,
    applies `activation`, then drops values. With an activation no dense layer is equal to it, so
    there is no `to_dense`; without activation, dropout and biases it computes what a `ClosLinear`
    with the same weights does.

    Parameters
    ----------
    in_features, out_features
        Size I and O of the last dimension of input and output.
    routers
        Input, middle and output routers (Ri, Rm, Ro), as for `ClosLinear`.
    activation
        A module or function of a tensor that changes each value alone, such as `torch.relu`.
    dropout
        Part of the values between the stages that is dropped in training.
    stage_bias, bias
        Whether the first two stages, and the last one, have biases, which start at 0.
    gain
        What the first weights of the middle and output stage are multiplied by, to make up for the
        activation: `nn.init.calculate_gain`.
    device, dtype
        Of the parameters.

    Attributes
    ----------
    shape : ClosShape
        The layer's 5-tuple.
    input_weight, middle_weight, output_weight : Parameter
        [I, Rm], [Rm, Ri, Ro] and [O, Rm], as in `ClosLinear`.
    input_bias, middle_bias, bias : Parameter or None
        [Ri, Rm], [Rm, Ro] and [O].

    Raises
    ------
    ShapeError
        If the sizes make no Clos layer, an argument is out of range, or `forward` gets another last
        dimension than I.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        routers: tuple[int, int, int],
        *,
        activation: Activation | None = None,
        dropout: float = 0.0,
        stage_bias: bool = True,
        bias: bool = True,
        gain: float = 1.0,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        """Make the parameters and initialise them; see the class."""
        super().__init__()
        self.shape = ClosShape.of_routers(in_features, out_features, routers)
        self.dropout, self.gain = real_number("dropout", dropout), real_number("gain", gain)
        if not 0 <= self.dropout < 1:
            raise ShapeError(f"dropout must be at least 0 and below 1, not {dropout}")
        if not 0 < self.gain < float("inf"):
            raise ShapeError(f"gain must be above 0 and finite, not {gain}")
        if activation is not None and (isinstance(activation, type) or not callable(activation)):
            raise ShapeError(
                f"activation must be a module or a function, or None, not {shown(activation)}"
            )
        for one in activation.modules() if isinstance(activation, nn.Module) else ():
            if isinstance(one, _MIXING) or (isinstance(one, nn.PReLU) and one.num_parameters > 1):
                raise ShapeError(
                    f"activation must change each value alone, which a {type(one).__name__} does "
                    "not"
                )
        self.activation = activation
        inputs, outputs, ri, rm, ro = self.shape.as_tuple()
        self.input_weight = empty_parameter((inputs, rm), device, dtype)
        self.middle_weight = empty_parameter((rm, ri, ro), device, dtype)
        self.output_weight = empty_parameter((outputs, rm), device, dtype)
        self.input_bias: nn.Parameter | None
        self.middle_bias: nn.Parameter | None
        self.bias: nn.Parameter | None
        sizes = {"input_bias": (ri, rm), "middle_bias": (rm, ro), "bias": (outputs,)}
        for name, size in sizes.items():
            wanted = bias if name == "bias" else stage_bias
            self.register_parameter(name, empty_parameter(size, device, dtype) if wanted else None)
        self.reset_parameters()

    @classmethod
    def from_budget(
        cls,
        in_features: int,
        out_features: int,
        *,
        reduction: float,
        activation: Activation | None = None,
        dropout: float = 0.0,
        stage_bias: bool = True,
        bias: bool = True,
        gain: float = 1.0,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> "ClosStages":
        """Make a layer with at most I O / `reduction` weights; see `ClosShape.from_budget`."""
        shape = ClosShape.from_budget(in_features, out_features, reduction=reduction)
        return cls(
            in_features,
            out_features,
            (shape.input_routers, shape.middle_routers, shape.output_routers),
            activation=activation,
            dropout=dropout,
            stage_bias=stage_bias,
            bias=bias,
            gain=gain,
            device=device,
            dtype=dtype,
        )

    @torch.no_grad()
    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """Draw weights as `ClosLinear` does, times `gain` behind an activation; biases are 0."""
        ri, rm, ro = self.shape.input_routers, self.shape.middle_routers, self.shape.output_routers
        for start, stop in self.shape.input_blocks:
            sparse_xavier_(self.input_weight[start:stop], stop - start + rm, generator)
        sparse_xavier_(self.middle_weight, ri + ro, generator).mul_(self.gain)
        for start, stop in self.shape.output_blocks:
            part = self.output_weight[start:stop]
            sparse_xavier_(part, rm + stop - start, generator).mul_(self.gain)
        for one in (self.input_bias, self.middle_bias, self.bias):
            if one is not None:
                one.zero_()

    def forward(self, x: Tensor) -> Tensor:
        """Compute [..., I] to [..., O]."""
        shape = self.shape
        check_features(x, shape.in_features, shape)
        columns = x.reshape(-1, shape.in_features).T
        inner = torch.cat(
            [
                weight.transpose(1, 2) @ part
                for weight, part in zip(
                    _blocks(self.input_weight, shape.input_groups),
                    _blocks(columns, shape.input_groups),
                    strict=True,
                )
            ]
        )  # [Ri, Rm, N]
        inner = self._between(inner, self.input_bias).transpose(0, 1)
        outer = self.middle_weight.transpose(1, 2) @ inner  # [Rm, Ro, N]
        outer = self._between(outer, self.middle_bias).transpose(0, 1)
        rows: list[Tensor] = []
        router = 0
        for weight in _blocks(self.output_weight, shape.output_groups):
            stop = router + weight.shape[0]
            rows.append((weight @ outer[router:stop]).flatten(0, 1))
            router = stop
        y = add_bias(torch.cat(rows).T, self.bias)
        return y.reshape(x.shape[:-1] + (shape.out_features,))

    def _between(self, values: Tensor, bias: Tensor | None) -> Tensor:
        """Apply what stands behind a stage to its results [.., .., N]."""
        values = add_bias(values, None if bias is None else bias[..., None])
        if self.activation is not None:
            size = values.shape
            values = self.activation(values)
            if not records_sizes(values) and values.shape != size:
                raise ShapeError(
                    f"activation must keep the shape {list(size)} of the values between stages, "
                    f"not make {list(values.shape)} of it"
                )
        if self.dropout:
            values = nn.functional.dropout(values, self.dropout, self.training)
        return values

    def extra_repr(self) -> str:
        """Describe the layer as `ClosLinear` does."""
        return (
            f"in_features={self.shape.in_features}, out_features={self.shape.out_features}, "
            f"routers={self.shape.as_tuple()[2:]}, dropout={self.dropout}, "
            f"bias={self.bias is not None}"
        )


def _blocks(rows: Tensor, groups: tuple[tuple[int, int], ...]) -> list[Tensor]:
    """View rows [I, K] as [routers, rows a router, K], once for each group of equal routers."""
    if len(groups) == 1:
        return [rows.unflatten(0, groups[0])]
    first = groups[0][0] * groups[0][1]
    return [rows[:first].unflatten(0, groups[0]), rows[first:].unflatten(0, groups[1])]
