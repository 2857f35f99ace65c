"""Layers, and inputs of any batch for them, that tests compile, export and trace."""

import torch
from torch import nn

from golden import ClosLinear, ClosNet, ClosShape
from golden.layers import (
    ClosConv1d,
    ClosConv2d,
    ClosGRU,
    ClosLSTM,
    ClosMultiheadAttention,
    ClosStages,
    LowRankConv2d,
    LowRankLinear,
    SparseCascade,
    SparseRandomConv2d,
)

BATCHES = (1, 2, 15, 16, 40)

SPARSE = torch.eye(48, dtype=torch.bool)


class Outputs(nn.Module):
    """A recurrent layer as a part of a model, with the state after it."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        if isinstance(self.layer, ClosLSTM | nn.LSTM):
            y, (h, c) = self.layer(x)
            return y, h, c
        y, h = self.layer(x)
        return y, h


class Attention(nn.Module):
    """Attention of a sequence to itself, as a part of a model."""

    def __init__(self, need_weights):
        super().__init__()
        self.layer = ClosMultiheadAttention(8, 2, reduction=1.0, batch_first=True)
        self.need_weights = need_weights

    def forward(self, x):
        y, weights = self.layer(x, x, x, need_weights=self.need_weights, is_causal=True)
        return (y, weights) if self.need_weights else y


LAYERS = {
    # In eager mode each of these takes several forms at the batches above.
    "ClosLinear": lambda: ClosLinear(1024, 1024, (32, 62, 32)),
    "ClosLinear, matrix": lambda: ClosLinear(16, 16, (4, 64, 4)),
    "ClosLinear, remainders": lambda: ClosLinear(13, 11, (4, 3, 2)),
    "ClosLinear, sequences": lambda: ClosLinear(256, 256, (16, 80, 16), bias=False),
    "LowRankLinear": lambda: LowRankLinear(24, 10, 3),
    "LowRankConv2d": lambda: LowRankConv2d(4, 6, 3, kernel_size=3, padding=1),
    "SparseCascade, gathered": lambda: SparseCascade([SPARSE], [SPARSE.float().roll(1, 0)]),
    "SparseCascade, matrix": lambda: SparseCascade([SPARSE, torch.ones(5, 48).bool()]),
    "ClosConv2d": lambda: ClosConv2d(4, 6, (2, 3, 3), kernel_size=3, padding=1),
    "ClosConv2d, pointwise": lambda: ClosConv2d(64, 64, (8, 80, 8), stride=2),
    "ClosConv2d, groups": lambda: ClosConv2d(
        4, 6, (2, 1, 1), kernel_size=3, padding="same", groups=2, padding_mode="circular"
    ),
    "ClosConv1d": lambda: ClosConv1d(4, 6, (2, 1, 3), kernel_size=3, padding=4),
    "SparseRandomConv2d": lambda: SparseRandomConv2d(4, 6, 3, alpha=0.5),
    "ClosLSTM": lambda: Outputs(ClosLSTM(8, 6, reduction=1.0, batch_first=True)),
    "ClosGRU": lambda: Outputs(ClosGRU(8, 6, reduction=1.0, batch_first=True)),
    "ClosLSTM, bidirectional": lambda: Outputs(
        ClosLSTM(8, 6, reduction=1.0, batch_first=True, bidirectional=True)
    ),
    "ClosMultiheadAttention": lambda: Attention(False),
    "ClosMultiheadAttention, weights": lambda: Attention(True),
    "ClosStages": lambda: ClosStages(13, 11, (4, 3, 2), activation=torch.tanh),
    "ClosNet": lambda: ClosNet([ClosShape(64, 64, 8, 80, 8), ClosShape(64, 10, 8, 8, 5)]),
}


def make(name):
    torch.manual_seed(0)
    return LAYERS[name]().eval()


def inputs(name, batch):
    torch.manual_seed(batch)
    size = {
        "ClosLinear": (1024,),
        "ClosLinear, matrix": (16,),
        "ClosLinear, remainders": (13,),
        "ClosLinear, sequences": (3, 256),
        "LowRankLinear": (24,),
        "LowRankConv2d": (4, 5, 6),
        "SparseCascade, gathered": (48,),
        "SparseCascade, matrix": (2, 48),
        "ClosConv2d": (4, 5, 6),
        "ClosConv2d, pointwise": (64, 3, 3),
        "ClosConv2d, groups": (4, 5, 6),
        "ClosConv1d": (4, 7),
        "SparseRandomConv2d": (4, 5, 6),
        "ClosLSTM": (3, 8),
        "ClosGRU": (3, 8),
        "ClosLSTM, bidirectional": (3, 8),
        "ClosMultiheadAttention": (3, 8),
        "ClosMultiheadAttention, weights": (3, 8),
        "ClosStages": (13,),
        "ClosNet": (64,),
    }[name]
    return torch.randn(batch, *size)


def assert_same_for_all_batches(name, recorded, layer, batches=BATCHES):
    for batch in batches:
        x = inputs(name, batch)
        wanted = layer(x)
        torch.testing.assert_close(recorded(x), wanted, atol=1e-4, rtol=1e-4)
