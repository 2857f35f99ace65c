"""A decoder block such as Llama's, small: normed attention with rotated positions, a gated part."""

import torch
from torch import nn

__all__ = ["Block"]


class Block(nn.Module):
    """[N, T, size] to the same; `linear` makes each of its seven maps of inputs to outputs."""

    def __init__(self, size, hidden, heads, linear):
        super().__init__()
        self.heads = heads
        self.norm, self.second_norm = nn.RMSNorm(size, eps=1e-5), nn.RMSNorm(size, eps=1e-5)
        self.query, self.key, self.value = (linear(size, size) for _ in range(3))
        self.output = linear(size, size)
        self.gate, self.up, self.down = (
            linear(size, hidden), linear(size, hidden), linear(hidden, size)
        )  # fmt: skip
        width = size // heads
        self.register_buffer("rates", 1e4 ** (-torch.arange(0, width, 2) / width))

    def rotated(self, x):
        angles = torch.arange(x.shape[2])[:, None] * self.rates.repeat(2)
        first, second = x.chunk(2, -1)
        return x * angles.cos() + torch.cat([-second, first], -1) * angles.sin()

    def forward(self, x):
        normed = self.norm(x)
        query, key, value = (
            each(normed).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for each in (self.query, self.key, self.value)
        )
        mixed = nn.functional.scaled_dot_product_attention(
            self.rotated(query), self.rotated(key), value, is_causal=True
        )
        x = x + self.output(mixed.transpose(1, 2).flatten(2))
        normed = self.second_norm(x)
        return x + self.down(nn.functional.silu(self.gate(normed)) * self.up(normed))
