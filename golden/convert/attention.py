"""Attention whose projections are any layers: what replaces `nn.MultiheadAttention`."""

from typing import Any, cast

import torch
from torch import Tensor, nn

from golden.arguments import instance, real_number, whole_number
from golden.errors import ShapeError
from golden.tensors.inputs import check_features
from golden.tensors.tracing import records_sizes

__all__ = ["MAPS", "ProjectedAttention"]

MAPS = ("query_map", "key_map", "value_map", "out_proj")


class ProjectedAttention(nn.Module):
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
        self.head_dim = self.embed_dim // self.num_heads
        self._qkv_same_embed_dim = self.kdim == self.vdim == self.embed_dim

    @property
    def in_proj_weight(self) -> Tensor | None:
        """[3 E, E] of the first three projections; None where their inputs differ in size."""
        if not self._qkv_same_embed_dim:
            return None
        return torch.cat([cast(Tensor, one.weight) for one in self._maps()[:3]])

    @property
    def in_proj_bias(self) -> Tensor | None:
        """[3 E] of the first three projections, if they have biases."""
        found = [cast(Tensor | None, one.bias) for one in self._maps()[:3]]
        return None if found[0] is None else torch.cat(cast(list[Tensor], found))

    def merge_masks(
        self, attn_mask: Tensor | None, key_padding_mask: Tensor | None, query: Tensor
    ) -> tuple[Tensor | None, int | None]:
        """Merge masks as the fast path of `nn.TransformerEncoderLayer` has them."""
        merge = cast(Any, nn.MultiheadAttention.merge_masks)
        return merge(self, attn_mask, key_padding_mask, query)

    def _maps(self) -> list[Any]:
        return [getattr(self, name) for name in MAPS]

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """Compute [L, N, E], and the weights [N, L, S] or None, as `nn.MultiheadAttention` does."""
        if is_causal and attn_mask is None:
            raise ShapeError("attn_mask must be given where is_causal is, which is only a hint")
        for given, size in ((query, self.embed_dim), (key, self.kdim), (value, self.vdim)):
            check_features(given, size)
        if not records_sizes(query):
            self._check(query, key, value, key_padding_mask, attn_mask)
        batched = query.ndim == 3
        given = (query, key, value)
        if not batched:
            given = tuple(one[None] for one in given)
            key_padding_mask = None if key_padding_mask is None else key_padding_mask[None]
        elif not self.batch_first:
            given = tuple(one.transpose(0, 1) for one in given)
        q, k, v = (
            layer(one).unflatten(-1, (self.num_heads, self.head_dim)).transpose(1, 2)
            for layer, one in zip(self._maps(), given, strict=False)
        )  # Each [N, heads, L or S, E / heads].
        mask = self._mask(q, k, key_padding_mask, attn_mask)
        dropout = self.dropout if self.training else 0.0
        weights = None
        if need_weights:
            scores = (q * self.head_dim**-0.5) @ k.transpose(-1, -2)
            weights = torch.softmax(scores if mask is None else scores + mask, dim=-1)
            weights = nn.functional.dropout(weights, dropout)
            heads = weights @ v
            if average_attn_weights:
                weights = weights.mean(dim=1)
            weights = weights if batched else weights[0]
        else:
            heads = nn.functional.scaled_dot_product_attention(q, k, v, mask, dropout)
        y = self._maps()[3](heads.transpose(1, 2).flatten(2))
        if not batched:
            return y[0], weights
        return y if self.batch_first else y.transpose(0, 1), weights

    def _check(
        self, query: Tensor, key: Tensor, value: Tensor, padding: Tensor | None, mask: Tensor | None
    ) -> None:
        """Refuse inputs and masks of sizes that do not go together."""
        sizes = [list(one.shape[:-1]) for one in (query, key, value)]
        at = 1 if self.batch_first and query.ndim == 3 else 0  # Where the length stands.
        if query.ndim not in (2, 3) or key.ndim != query.ndim or sizes[1] != sizes[2] or (
            query.ndim == 3 and sizes[0][1 - at] != sizes[1][1 - at]
        ):
            raise ShapeError(
                "query, key and value must have shapes such as [L, N, E], [S, N, E], [S, N, E], or "
                f"[N, L, E] if batch_first, not {list(query.shape)}, {list(key.shape)}, "
                f"{list(value.shape)}"
            )
        length, keys = sizes[0][at], sizes[1][at]
        batch = sizes[0][1 - at] if query.ndim == 3 else 1
        for name, one, allowed in (
            ("key_padding_mask", padding, ([batch, keys] if query.ndim == 3 else [keys],)),
            ("attn_mask", mask, ([length, keys], [batch * self.num_heads, length, keys])),
        ):
            if one is None:
                continue
            found = instance(name, one, Tensor)
            real = found.dtype == torch.bool or found.is_floating_point()
            if list(found.shape) not in allowed or not real:
                raise ShapeError(
                    f"{name} must be bool or real, of shape {' or '.join(map(str, allowed))}, "
                    f"not {found.dtype} {list(found.shape)}"
                )

    def _mask(
        self, q: Tensor, k: Tensor, padding: Tensor | None, mask: Tensor | None
    ) -> Tensor | None:
        """Return what is added to the scores [N, heads, L, S], if anything is."""
        found: Tensor | None = None
        if padding is not None:
            found = _additive(padding, q.dtype)[:, None, None, :]
        if mask is not None:
            own = _additive(mask, q.dtype)
            if own.ndim == 3:
                own = own.reshape(q.shape[0], self.num_heads, q.shape[2], k.shape[2])
            found = own if found is None else found + own
        return found

    @torch.no_grad()
    def to_dense(self) -> nn.MultiheadAttention:
        """Multiply the projections out to the equal `nn.MultiheadAttention`."""
        maps = self._maps()
        weight = cast(Tensor, maps[3].weight)
        whole: Any = nn.MultiheadAttention(
            self.embed_dim, self.num_heads, self.dropout, maps[0].bias is not None,
            kdim=self.kdim, vdim=self.vdim, batch_first=self.batch_first,
            device=weight.device, dtype=weight.dtype,
        )  # fmt: skip
        if self._qkv_same_embed_dim:
            whole.in_proj_weight.copy_(self.in_proj_weight)
        else:
            for name, one in zip("qkv", maps, strict=False):
                getattr(whole, f"{name}_proj_weight").copy_(one.weight)
        whole.out_proj.weight.copy_(weight)
        if whole.in_proj_bias is not None:
            whole.in_proj_bias.copy_(self.in_proj_bias)
            whole.out_proj.bias.copy_(maps[3].bias)
        return whole

    def extra_repr(self) -> str:
        """Describe the attention by its sizes."""
        return f"embed_dim={self.embed_dim}, num_heads={self.num_heads}"


def _additive(mask: Tensor, dtype: torch.dtype) -> Tensor:
    """Return a mask as what is added: where a bool one is True nothing is attended to."""
    if mask.dtype != torch.bool:
        return mask.to(dtype)
    return torch.zeros(mask.shape, dtype=dtype, device=mask.device).masked_fill(
        mask, float("-inf")
    )
