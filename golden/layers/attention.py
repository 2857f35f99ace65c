"""Attention of several heads whose projections are Clos layers."""

from typing import Any, cast

import torch
from torch import nn

from golden.arguments import instance, real_number, shown, whole_number
from golden.clos.layer import ClosLinear
from golden.errors import ShapeError
from golden.layers.attention_base import HeadsAttention, dense_parts
from golden.tensors.dense import keep_frozen

__all__ = ["ClosMultiheadAttention"]


class ClosMultiheadAttention(HeadsAttention):
    """A drop-in for `nn.MultiheadAttention`, whose four projections are `ClosLinear`.

    Parameters
    ----------
    embed_dim, num_heads
        Features E of queries and outputs, and heads, a divisor of E.
    reduction
        Weights of a dense projection for each of these: `ClosShape.from_budget`.
    dropout
        Part of the attention weights that is dropped in training.
    bias
        Whether the projections have biases, which start at 0.
    add_bias_kv, add_zero_attn
        Must be False: there are no further keys.
    kdim, vdim
        Features of keys and values; E by default.
    batch_first
        Whether inputs and outputs are [N, L, E] rather than [L, N, E].
    device, dtype
        Of the parameters.

    Attributes
    ----------
    q_proj, k_proj, v_proj, out_proj : ClosLinear
        The projections, each to E.

    Raises
    ------
    ShapeError
        If a size makes no layer, `reduction` is too large, or inputs or masks do not fit.
    """

    in_proj_bias = None  # `nn.TransformerEncoderLayer` asks: without one it calls this layer.
    _qkv_same_embed_dim = False

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        *,
        reduction: float,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        """Make the projections; see the class."""
        super().__init__()
        for name, value in {"add_bias_kv": add_bias_kv, "add_zero_attn": add_zero_attn}.items():
            if value:
                raise ShapeError(f"{name} must be False, not {shown(value)}: no key is added here")
        self.embed_dim = whole_number("embed_dim", embed_dim, 1)
        self.num_heads = whole_number("num_heads", num_heads, 1)
        self.kdim = self.embed_dim if kdim is None else whole_number("kdim", kdim, 1)
        self.vdim = self.embed_dim if vdim is None else whole_number("vdim", vdim, 1)
        if self.embed_dim % self.num_heads:
            raise ShapeError(f"num_heads must divide embed_dim ({embed_dim}), not {num_heads}")
        self.head_dim = self.embed_dim // self.num_heads
        self.dropout = real_number("dropout", dropout)
        if not 0 <= self.dropout < 1:
            raise ShapeError(f"dropout must be at least 0 and below 1, not {dropout}")
        self.batch_first = instance("batch_first", batch_first, bool)

        def projection(features: int) -> ClosLinear:
            return ClosLinear.from_budget(
                features, self.embed_dim, reduction=reduction, bias=bias, device=device, dtype=dtype
            )

        self.q_proj, self.k_proj, self.v_proj, self.out_proj = (
            projection(size) for size in (self.embed_dim, self.kdim, self.vdim, self.embed_dim)
        )

    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """Draw all weights anew, and set the biases to 0."""
        for one in self.projections():
            one.reset_parameters(generator)

    @classmethod
    @torch.no_grad()
    def from_dense(
        cls,
        layer: nn.MultiheadAttention,
        *,
        reduction: float,
        sweeps: int = 200,
        generator: torch.Generator | None = None,
    ) -> "ClosMultiheadAttention":
        """Make a layer whose projections are near those of `layer`; see `fit_clos`."""
        whole = cast(Any, instance("layer", layer, nn.MultiheadAttention))
        if whole.bias_k is not None or whole.add_zero_attn:
            raise ShapeError("layer must have neither add_bias_kv nor add_zero_attn")
        weight = whole.out_proj.weight
        new = cls(
            whole.embed_dim,
            whole.num_heads,
            reduction=reduction,
            dropout=whole.dropout,
            bias=whole.in_proj_bias is not None,
            kdim=whole.kdim,
            vdim=whole.vdim,
            batch_first=whole.batch_first,
            device=weight.device,
            dtype=weight.dtype,
        )
        for (matrix, offset), one in zip(dense_parts(layer), new.projections(), strict=True):
            dense = nn.Linear(matrix.shape[1], matrix.shape[0], offset is not None).to(matrix)
            dense.weight.copy_(matrix)
            if offset is not None:
                dense.bias.copy_(offset)
            near = ClosLinear.from_dense(dense, one.shape, sweeps=sweeps, generator=generator)
            one.load_state_dict(near.state_dict())
            first = one is not new.out_proj
            joined = whole.in_proj_weight if first else whole.out_proj.weight
            source = matrix if joined is None else joined
            keep_frozen(one, source, whole.in_proj_bias if first else whole.out_proj.bias)
        return new.train(whole.training)

    def projections(self) -> tuple[ClosLinear, ...]:
        """Return the layers of queries, keys, values and outputs."""
        return self.q_proj, self.k_proj, self.v_proj, self.out_proj
