"""Layers of low rank in the place of dense ones."""

import dataclasses
from typing import Any, cast

import torch
from torch import Tensor, nn

from golden.clos.fit_inputs import check_inputs
from golden.convert.attention_plan import attention_plan
from golden.convert.build import arguments_of
from golden.convert.dense_forms import weight_count
from golden.convert.plan import Initialise, Plan, check_initialise, planned
from golden.convert.sizes import check_groups, checked_reduction
from golden.layers import LowRankConv2d, LowRankLinear
from golden.layers.algebra import svd

__all__ = ["LowRankSpec"]


@dataclasses.dataclass(frozen=True)
class LowRankSpec:
    """Low-rank layers nearest to dense ones: of `nn.Linear`, `nn.Conv2d` and attention.

    Parameters
    ----------
    reduction
        Dense weights for each one.
    initialise
        "fit" for the nearest ones, the largest singular values; "new" for weights drawn as the
        layer draws them. A bias is kept either way.
    """

    reduction: float
    initialise: Initialise = "fit"

    def __post_init__(self) -> None:
        """Refuse what is no positive number."""
        object.__setattr__(self, "reduction", checked_reduction(self.reduction))
        check_initialise(self.initialise)

    def plan(self, layer: nn.Module) -> Plan | None:
        """Return what replaces `layer`; see `LayerSpec`."""
        if type(layer) is nn.MultiheadAttention:
            return attention_plan(layer, self)
        if type(layer) not in (nn.Linear, nn.Conv2d):
            return None
        dense: Any = layer
        chosen: LowRankLinear | LowRankConv2d
        with torch.device("meta"):  # Its sizes alone are wanted.
            if isinstance(layer, nn.Linear):
                chosen = LowRankLinear.from_budget(
                    layer.in_features,
                    layer.out_features,
                    reduction=self.reduction,
                    bias=dense.bias is not None,
                )
            else:
                convolution = cast(nn.Conv2d, layer)
                check_groups(convolution)
                chosen = LowRankConv2d.from_budget(
                    convolution.in_channels,
                    convolution.out_channels,
                    reduction=self.reduction,
                    kernel_size=convolution.kernel_size,
                    stride=convolution.stride,
                    padding=convolution.padding,
                    dilation=convolution.dilation,
                    padding_mode=convolution.padding_mode,
                    bias=dense.bias is not None,
                )
        kind: Any = type(chosen)
        rank = chosen.rank
        return planned(
            kind.__name__,
            arguments_of(chosen),
            weight_count(chosen),
            layer,
            lambda given: _nearest(kind.from_dense(dense, rank), dense, given),
            self.initialise,
        )


@torch.no_grad()
def _nearest(
    new: LowRankLinear | LowRankConv2d, dense: nn.Linear | nn.Conv2d, given: Tensor | None
) -> nn.Module:
    """Make what a layer of low rank computes from `given` [N, I] nearest to what `dense` does.

    For X = `given` [N, I] and W [O, I] the nearest one is U U^T W, where U has the first left
    singular vectors of W X^T: U U^T W X^T are the best outputs of this rank. A bias makes up for
    the mean of the outputs, and X is then counted from its mean.
    """
    if given is None:
        return new
    weight = dense.weight.double().flatten(1)
    samples, bias = check_inputs(given, weight.shape[1]), cast(Tensor | None, new.bias)
    mean = samples.mean(dim=0)
    if bias is not None:
        samples = samples - mean
    # The matrix has as many columns as the weight, however many samples there are.
    u = svd(weight @ _root(samples))[0][:, : new.rank]
    inner = u.T @ weight
    root = inner.square().sum(dim=1).sqrt().sqrt()
    root = torch.where(root == 0, torch.ones_like(root), root)  # Both factors of one size.
    first = new.input_weight if isinstance(new, LowRankLinear) else new.narrow.weight
    last = new.output_weight if isinstance(new, LowRankLinear) else new.widen.weight
    first.copy_((inner / root[:, None]).reshape(first.shape))
    last.copy_((u * root).reshape(last.shape))
    if bias is not None:
        bias += (weight @ mean - u @ (inner @ mean)).to(bias.dtype)
    return new


def _root(samples: Tensor) -> Tensor:
    """Return [I, I] whose product with its transpose is X^T X of `samples` [N, I]."""
    _, values, vectors = svd(samples)
    whole = samples.new_zeros(samples.shape[1], samples.shape[1])
    whole[:, : len(values)] = vectors.T * values
    return whole
