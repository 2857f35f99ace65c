"""Attention whose projections are any layers: what replaces `nn.MultiheadAttention`."""

from typing import Any, cast

import torch
from torch import Tensor, nn

from golden.arguments import instance, real_number, whole_number
from golden.errors import ShapeError
from golden.layers.attention_base import HeadsAttention

__all__ = ["MAPS", "ProjectedAttention"]

MAPS = ("query_map", "key_map", "value_map", "out_proj")


class ProjectedAttention(HeadsAttention):
    """A drop-in for `nn.MultiheadAttention`, whose four projections are layers of their own.

    `nn.TransformerEncoderLayer` and its fast path take it: `in_proj_weight` and `in_proj_bias` are
    those of the projections multiplied out, read-only.

    Parameters
    ----------
    query_map, key_map, value_map, out_proj
        Layers with `in_features`, `out_features`, `weight` and `bias` such as `ClosLinear`. The
        first three have E outputs, and the last one has E inputs and outputs.
    num_heads
        Heads, a divisor of E.
    dropout
        Part of the attention that is dropped in training.
    batch_first
        Whether inputs and outputs are [N, L, E] rather than [L, N, E].

    Raises
    ------
    ShapeError
        If the sizes make no attention, or `forward` gets inputs that do not fit.
    """

    bias_k = None
    bias_v = None
    add_zero_attn = False

    def __init__(
        self,
        query_map: nn.Module,
        key_map: nn.Module,
        value_map: nn.Module,
        out_proj: nn.Module,
        num_heads: int,
        *,
        dropout: float = 0.0,
        batch_first: bool = False,
    ) -> None:
        """Keep the layers; see the class."""
        super().__init__()
        maps: list[Any] = [query_map, key_map, value_map, out_proj]
        self.num_heads = whole_number("num_heads", num_heads, 1)
        self.dropout = real_number("dropout", dropout)
        if not 0 <= self.dropout <= 1:
            raise ShapeError(f"dropout must be from 0 to 1, not {dropout}")
        self.batch_first = instance("batch_first", batch_first, bool)
        for name, one in zip(MAPS, maps, strict=True):
            setattr(self, name, instance(name, one, nn.Module))
            whole_number(f"out_features of {name}", getattr(one, "out_features", None), 1)
        self.embed_dim, self.kdim, self.vdim = (int(one.in_features) for one in maps[:3])
        sizes = [int(one.out_features) for one in maps] + [int(out_proj.in_features)]  # pyright: ignore[reportArgumentType]
        if set(sizes) != {self.embed_dim}:
            raise ShapeError(
                f"all projections must make {self.embed_dim} features, those of the queries, "
                f"not {sizes}"
            )
        if self.embed_dim % self.num_heads:
            raise ShapeError(
                f"num_heads must divide the {self.embed_dim} features, not be {num_heads}"
            )
        if len({getattr(one, "bias", None) is None for one in maps}) > 1:
            raise ShapeError("all projections must have a bias, or none, as in PyTorch's layer")
        self.head_dim = self.embed_dim // self.num_heads
        self._qkv_same_embed_dim = self.kdim == self.vdim == self.embed_dim

    @property
    def in_proj_weight(self) -> Tensor | None:
        """[3 E, E] of the first three projections; None where their inputs differ in size."""
        if not self._qkv_same_embed_dim:
            return None
        return torch.cat([cast(Tensor, one.weight) for one in self.projections()[:3]])

    @property
    def in_proj_bias(self) -> Tensor | None:
        """[3 E] of the first three projections, if they have biases.

        None too where a projection is several layers, as `golden.export.to_2d` makes it: PyTorch
        then takes no fast path, which would multiply them out each time.
        """
        if any(isinstance(one, nn.Sequential) for one in self.projections()):
            return None
        found = [cast(Tensor | None, one.bias) for one in self.projections()[:3]]
        return None if found[0] is None else torch.cat(cast(list[Tensor], found))

    def merge_masks(
        self, attn_mask: Tensor | None, key_padding_mask: Tensor | None, query: Tensor
    ) -> tuple[Tensor | None, int | None]:
        """Merge masks as the fast path of `nn.TransformerEncoderLayer` has them."""
        merge = cast(Any, nn.MultiheadAttention.merge_masks)
        return merge(self, attn_mask, key_padding_mask, query)

    def projections(self) -> tuple[Any, ...]:
        """Return the layers of queries, keys, values and outputs."""
        return tuple(getattr(self, name) for name in MAPS)
