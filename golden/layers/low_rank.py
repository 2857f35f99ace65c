"""A linear layer of low rank: the narrowest cascade there is."""

import torch
from torch import Tensor, nn

from golden.arguments import empty_parameter, real_number, whole_number
from golden.clos.initialise import sparse_xavier_
from golden.errors import ShapeError
from golden.layers.algebra import svd
from golden.tensors.dense import dense_bias, dense_weight, keep_frozen
from golden.tensors.inputs import check_features

__all__ = ["LowRankLinear", "budget_rank"]


class LowRankLinear(nn.Module):
    """A drop-in for `nn.Linear` whose matrix is a product U V of rank at most `rank`.

    The low-rank network that ClosNets, fig 3, and NeuroFabric, fig 3, compare with. Its bandwidth
    is its rank.

    Parameters
    ----------
    in_features, out_features
        Inputs I and outputs O.
    rank
        Neurons between the two maps: 1 to min(I, O).
    bias
        Whether to add a learned bias [O], which starts at 0.
    device, dtype
        Of the parameters, as for `nn.Linear`.

    Attributes
    ----------
    input_weight, output_weight : Parameter
        V [rank, I] and U [O, rank].
    bias : Parameter or None
        [O].

    Raises
    ------
    ShapeError
        If a size is below 1, the rank is above min(I, O), or `forward` gets another last dimension.
    """

    bias: nn.Parameter | None

    def __init__(
        self,
        in_features: int,
        out_features: int,
        rank: int,
        bias: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        """Make the parameters and draw them; see the class."""
        super().__init__()
        in_features = whole_number("in_features", in_features, 1)
        out_features = whole_number("out_features", out_features, 1)
        rank = whole_number("rank", rank)
        if not 1 <= rank <= min(in_features, out_features):
            raise ShapeError(
                f"rank must be 1 to {min(in_features, out_features)}, the smaller of the layer's "
                f"sizes, not {rank}"
            )
        self.in_features, self.out_features, self.rank = in_features, out_features, rank
        self.input_weight = empty_parameter((rank, in_features), device, dtype)
        self.output_weight = empty_parameter((out_features, rank), device, dtype)
        offset = empty_parameter((out_features,), device, dtype) if bias else None
        self.register_parameter("bias", offset)
        self.reset_parameters()

    @classmethod
    def from_budget(
        cls, in_features: int, out_features: int, *, reduction: float, bias: bool = True
    ) -> "LowRankLinear":
        """Make the layer of most rank with at most I O / `reduction` weights.

        Raises
        ------
        ShapeError
            If not even rank 1 has so few weights, or `reduction` is not above 0.
        """
        in_features = whole_number("in_features", in_features, 1)
        out_features = whole_number("out_features", out_features, 1)
        rank = budget_rank(in_features, out_features, reduction)
        return cls(in_features, out_features, rank, bias)

    @classmethod
    @torch.no_grad()
    def from_dense(cls, layer: nn.Linear, rank: int) -> "LowRankLinear":
        """Make the nearest layer of this rank to `layer` in L2: its largest singular values."""
        weight, bias = dense_weight(layer, 2), dense_bias(layer)
        outputs, inputs = weight.shape
        rank = whole_number("rank", rank)
        new = cls(inputs, outputs, rank, bias is not None, weight.device, weight.dtype)
        u, s, v = svd(weight.double())
        root = s[:rank].sqrt()
        new.input_weight.copy_(root[:, None] * v[:rank])
        new.output_weight.copy_(u[:, :rank] * root)
        if new.bias is not None and bias is not None:
            new.bias.copy_(bias)
        keep_frozen(new, weight, bias)
        return new

    @property
    def weight(self) -> Tensor:
        """The equivalent weight [O, I], `to_dense()`, for code that reads that of an `nn.Linear`.

        It is computed each time, so that a change of it changes nothing.
        """
        return self.to_dense()

    @torch.no_grad()
    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """Draw both matrices from Xavier's range, and set the bias to 0."""
        sparse_xavier_(self.input_weight, self.in_features + self.rank, generator)
        sparse_xavier_(self.output_weight, self.rank + self.out_features, generator)
        if self.bias is not None:
            self.bias.zero_()

    def forward(self, x: Tensor) -> Tensor:
        """Compute [..., I] to [..., O]."""
        check_features(x, self.in_features)
        inner = nn.functional.linear(x, self.input_weight)
        return nn.functional.linear(inner, self.output_weight, self.bias)

    def to_dense(self) -> Tensor:
        """Multiply out to the equivalent weight [O, I] of an `nn.Linear`; differentiable."""
        return self.output_weight @ self.input_weight

    def extra_repr(self) -> str:
        """Describe the layer as `nn.Linear` does, and its rank."""
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, "
            f"rank={self.rank}, bias={self.bias is not None}"
        )


def budget_rank(inputs: int, outputs: int, reduction: float) -> int:
    """Return the most rank with at most `inputs` x `outputs` / `reduction` weights.

    Raises
    ------
    ShapeError
        If not even rank 1 has so few weights, or `reduction` is not above 0.
    """
    reduction = real_number("reduction", reduction)
    largest = inputs * outputs / (inputs + outputs)
    if not 0 < reduction <= largest:
        raise ShapeError(
            f"reduction must be above 0 and at most {largest:.4g}, that of rank 1, not {reduction}"
        )
    return int(min(largest / reduction, inputs, outputs))
