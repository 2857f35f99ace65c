"""Attention of several heads over four projections, whatever layers these are."""

from typing import Any, cast

import torch
from torch import Tensor, fx, nn

from golden.arguments import instance
from golden.errors import ShapeError
from golden.tensors.inputs import check_plain
from golden.tensors.nodes import as_node
from golden.tensors.tracing import records_sizes

__all__ = ["HeadsAttention", "dense_parts"]

_PROJECTIONS = ("q_proj", "k_proj", "v_proj")


class HeadsAttention(nn.Module):
    """What attention layers share: `forward`, as that of `nn.MultiheadAttention`, and its checks.

    Attributes
    ----------
    embed_dim, kdim, vdim : int
        Features E of queries and outputs, of keys, and of values.
    num_heads, head_dim : int
        Heads, and features of each.
    dropout : float
        Part of the attention weights that is dropped in training.
    batch_first : bool
        Whether inputs and outputs are [N, L, E] rather than [L, N, E].
    """

    embed_dim: int
    kdim: int
    vdim: int
    num_heads: int
    head_dim: int
    dropout: float
    batch_first: bool

    def projections(self) -> tuple[Any, ...]:
        """Return the layers of queries, keys, values and outputs."""
        raise NotImplementedError

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
        """Compute outputs, and attention weights if they are needed, as PyTorch's layer does.

        Parameters
        ----------
        query, key, value
            [L, N, E], [S, N, kdim] and [S, N, vdim]; batch first if `batch_first`; N may be absent.
        key_padding_mask
            [N, S]: True for a key that is left out, or numbers that are added to the scores.
        need_weights
            Whether attention weights are returned, which takes more time.
        attn_mask
            [L, S] or [N heads, L, S], of the same kinds.
        average_attn_weights
            Whether they are [N, L, S] rather than [N, heads, L, S].
        is_causal
            Whether a query sees no later key; `attn_mask` may say so in its place, or as well.
        """
        if isinstance(query, fx.Proxy):
            masks = (key_padding_mask, need_weights, attn_mask, average_attn_weights, is_causal)
            return as_node(self, query, key, value, *masks)
        batched = self._check(query, key, value)
        if not batched:
            query, key, value = query[None], key[None], value[None]
            key_padding_mask = None if key_padding_mask is None else key_padding_mask[None]
        elif not self.batch_first:
            query, key, value = (one.transpose(0, 1) for one in (query, key, value))
        q, k, v = (
            projection(one).unflatten(-1, (self.num_heads, self.head_dim)).transpose(1, 2)
            for projection, one in zip(self.projections()[:3], (query, key, value), strict=True)
        )
        causal = is_causal and attn_mask is None
        alone = causal and key_padding_mask is None and not need_weights
        mask = None if alone else self._mask(q, k, key_padding_mask, attn_mask, causal)
        dropout = self.dropout if self.training else 0.0
        weights = None
        if need_weights:
            scores = q @ k.transpose(-1, -2) * self.head_dim**-0.5
            weights = torch.softmax(scores if mask is None else scores + mask, dim=-1)
            weights = nn.functional.dropout(weights, dropout) if dropout else weights
            heads = weights @ v
            weights = weights.mean(1) if average_attn_weights else weights
            weights = weights if batched else weights[0]
        else:
            heads = nn.functional.scaled_dot_product_attention(q, k, v, mask, dropout, alone)
        y = self.projections()[3](heads.transpose(1, 2).flatten(2))
        y = y if self.batch_first or not batched else y.transpose(0, 1)
        return y if batched else y[0], weights

    def _mask(
        self, q: Tensor, k: Tensor, padding: Tensor | None, attn_mask: Tensor | None, causal: bool
    ) -> Tensor | None:
        """Return what is added to the scores [N, heads, L, S], if anything is."""
        samples, queries, keys = q.shape[0], q.shape[2], k.shape[2]
        found: list[Tensor] = []
        if causal:
            later = torch.ones(queries, keys, dtype=torch.bool, device=q.device).triu(1)
            found.append(_added(later, q.dtype))
        if attn_mask is not None:
            sizes = ([queries, keys], [samples * self.num_heads, queries, keys])
            _check_mask("attn_mask", attn_mask, sizes)
            mask = _added(attn_mask, q.dtype)
            found.append(mask if mask.ndim == 2 else mask.reshape(samples, -1, queries, keys))
        if padding is not None:
            _check_mask("key_padding_mask", padding, ([samples, keys],))
            found.append(_added(padding, q.dtype)[:, None, None])
        return sum(found[1:], found[0]) if found else None

    def _check(self, query: Tensor, key: Tensor, value: Tensor) -> bool:
        """Refuse inputs that do not fit; say whether they have a batch."""
        if not records_sizes(query):
            features_of = {"query": self.embed_dim, "key": self.kdim, "value": self.vdim}
            given = zip(features_of.items(), (query, key, value), strict=True)
            for (name, features), one in given:
                check_plain(one)
                if one.ndim not in (2, 3) or one.ndim != query.ndim or one.shape[-1] != features:
                    order = "N, L" if self.batch_first else "L, N"
                    raise ShapeError(
                        f"{name} must have shape [{order}, {features}], or [L, {features}] as all "
                        f"three, not {list(one.shape)}"
                    )
            if key.shape[:-1] != value.shape[:-1]:
                raise ShapeError(
                    f"key and value must be as many, not {list(key.shape)} and {list(value.shape)}"
                )
            at = 0 if self.batch_first else 1
            if query.ndim == 3 and query.shape[at] != key.shape[at]:
                raise ShapeError(
                    f"query and key must have as many samples, not {query.shape[at]} and "
                    f"{key.shape[at]}"
                )
        return query.ndim == 3

    @torch.no_grad()
    def to_dense(self) -> nn.MultiheadAttention:
        """Multiply the projections out to the equal `nn.MultiheadAttention`."""
        first, maps = next(self.parameters()), self.projections()
        dense = nn.MultiheadAttention(
            self.embed_dim,
            self.num_heads,
            self.dropout,
            maps[0].bias is not None,
            kdim=self.kdim,
            vdim=self.vdim,
            batch_first=self.batch_first,
            device=first.device,
            dtype=first.dtype,
        )
        for (whole, offset), one in zip(dense_parts(dense), maps, strict=True):
            whole.copy_(one.weight)
            if offset is not None and one.bias is not None:
                offset.copy_(one.bias)
        return dense.train(self.training)

    def extra_repr(self) -> str:
        """Describe the sizes."""
        return f"embed_dim={self.embed_dim}, num_heads={self.num_heads}"


def dense_parts(dense: nn.MultiheadAttention) -> list[tuple[Tensor, Tensor | None]]:
    """Return weight and bias of the projections of queries, keys, values and outputs."""
    joined = cast(Tensor | None, dense.in_proj_weight)
    weights = (
        [cast(Tensor, getattr(dense, f"{name}_weight")) for name in _PROJECTIONS]
        if joined is None
        else list(joined.chunk(3))
    )
    offset = cast(Tensor | None, dense.in_proj_bias)
    biases = [None] * 3 if offset is None else list(offset.chunk(3))
    last = (dense.out_proj.weight, cast(Tensor | None, dense.out_proj.bias))
    return [*zip(weights, biases, strict=True), last]


def _added(mask: Tensor, dtype: torch.dtype) -> Tensor:
    """Return a mask as numbers that are added to scores."""
    if mask.dtype != torch.bool:
        return mask.to(dtype)
    return torch.zeros_like(mask, dtype=dtype).masked_fill(mask, float("-inf"))


def _check_mask(name: str, mask: Tensor, sizes: tuple[list[int], ...]) -> None:
    if records_sizes(mask):
        return
    instance(name, mask, Tensor)
    if mask.dtype != torch.bool and not mask.is_floating_point():
        raise ShapeError(f"{name} must be of truth values or real numbers, not {mask.dtype}")
    if list(mask.shape) not in sizes:
        wanted = " or ".join(str(size) for size in sizes)
        raise ShapeError(f"{name} must have shape {wanted}, not {list(mask.shape)}")
