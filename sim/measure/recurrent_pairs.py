"""Recurrent Clos layers beside PyTorch's, at a quarter of the weights."""

from types import MappingProxyType
from typing import Any

import torch
from torch import nn

from golden.layers import ClosGRU, ClosLSTM

from .layer_pairs import Aims, LayerPair

__all__ = ["RECURRENT", "REDUCTION"]

REDUCTION = 4.0
"""Dense weights for each one, at least."""

_INPUTS, _STEPS = 256, 32
_LSTM: Aims = MappingProxyType({1: (None, None), 16: (1.2, 1.2), 64: (1.2, 1.2)})
_GRU: Aims = MappingProxyType({1: (None, None), 16: (None, None), 64: (None, None)})


def _pair(ours: Any, dense: Any, hidden: int, aims: Aims) -> LayerPair:
    return LayerPair(
        name=f"{ours.__name__}, {hidden} neurons, {_STEPS} steps of {_INPUTS} inputs, "
             f"{REDUCTION:g} times fewer weights",
        ours=lambda: ours(_INPUTS, hidden, reduction=REDUCTION),
        dense=lambda: dense(_INPUTS, hidden),
        inputs=lambda batch: torch.randn(_STEPS, batch, _INPUTS),
        aims=aims,
        compiled=True,
    )


RECURRENT: tuple[LayerPair, ...] = (
    _pair(ClosLSTM, nn.LSTM, 256, _LSTM),
    _pair(ClosLSTM, nn.LSTM, 512, _LSTM),
    _pair(ClosGRU, nn.GRU, 512, _GRU),
)
"""Every pair of recurrent layers, both with biases; from 16 sequences on an LSTM has aims."""
