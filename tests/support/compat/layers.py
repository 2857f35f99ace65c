"""The layers of the table, small, each with the layer of PyTorch's that it stands for."""

import dataclasses
from collections.abc import Callable

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

MASKS = [
    (torch.arange(12)[:, None] - torch.arange(13)).abs() % 5 < 2,
    (torch.arange(11)[:, None] - torch.arange(12)).abs() % 6 == 0,
]
CONSTANTS = [torch.zeros(12, 13), torch.eye(11, 12).roll(1, 1)]


class Absent(Exception):
    """The question does not arise for the layer; the message says why."""


class Part(str):
    """A remark on what works for a part of the layer."""


@dataclasses.dataclass(frozen=True)
class Case:
    """A layer of the table: how it is made, its counterpart, and one sample's size of inputs."""

    name: str
    kind: Callable[..., nn.Module]
    dense_kind: Callable[..., nn.Module]
    size: tuple[int, ...]

    def make(self, **places):
        torch.manual_seed(0)
        return self.kind(**places)

    def dense(self):
        torch.manual_seed(0)
        return self.dense_kind()

    def x(self, *batch):
        generator = torch.Generator().manual_seed(sum(batch))
        return torch.randn(*batch, *self.size, generator=generator)


def convolution(**places):
    return ClosConv2d(4, 6, (2, 3, 3), kernel_size=3, padding=1, **places)


def random_convolution(**places):
    generator = torch.Generator().manual_seed(1)
    return SparseRandomConv2d(4, 6, 3, alpha=0.5, padding=1, generator=generator, **places)


class SelfAttention(nn.Module):
    """Attention of a sequence to itself, with one input and one result."""

    def __init__(self, attention):
        super().__init__()
        self.attention = attention

    def forward(self, x):
        return self.attention(x, x, x, need_weights=False)[0]

    def reset_parameters(self):
        self.attention.reset_parameters()


def attention(**places):
    return SelfAttention(ClosMultiheadAttention(8, 2, reduction=1.0, batch_first=True, **places))


def grown_cascade():
    return SparseCascade([torch.ones_like(mask) for mask in MASKS])


def grown_convolution():
    return SparseRandomConv2d(4, 6, 3, alpha=1.0, padding=1)


def net(device=None, dtype=None):
    with torch.device(device or torch.get_default_device()):
        made = ClosNet([ClosShape(13, 12, 4, 3, 3), ClosShape(12, 11, 3, 4, 2)])
    return made if dtype is None else made.to(dtype)


CASES = {
    case.name: case
    for case in (
        Case(
            "ClosLinear",
            lambda **places: ClosLinear(13, 11, (4, 3, 2), **places),
            lambda: nn.Linear(13, 11),
            (13,),
        ),
        Case(
            "LowRankLinear",
            lambda **places: LowRankLinear(13, 11, 3, **places),
            lambda: nn.Linear(13, 11),
            (13,),
        ),
        Case(
            "SparseCascade",
            lambda **places: SparseCascade(MASKS, CONSTANTS, **places),
            lambda: nn.Linear(13, 11),
            (13,),
        ),
        Case("ClosConv2d", convolution, lambda: nn.Conv2d(4, 6, 3, padding=1), (4, 5, 6)),
        Case(
            "ClosConv1d",
            lambda **places: ClosConv1d(4, 6, (2, 3, 3), kernel_size=3, padding=1, **places),
            lambda: nn.Conv1d(4, 6, 3, padding=1),
            (4, 7),
        ),
        Case(
            "LowRankConv2d",
            lambda **places: LowRankConv2d(4, 6, 2, kernel_size=3, padding=1, **places),
            lambda: nn.Conv2d(4, 6, 3, padding=1),
            (4, 5, 6),
        ),
        Case(
            "SparseRandomConv2d",
            random_convolution,
            lambda: nn.Conv2d(4, 6, 3, padding=1),
            (4, 5, 6),
        ),
        Case(
            "ClosLSTM",
            lambda **places: ClosLSTM(8, 6, reduction=1.0, batch_first=True, **places),
            lambda: nn.LSTM(8, 6, batch_first=True),
            (3, 8),
        ),
        Case(
            "ClosGRU",
            lambda **places: ClosGRU(8, 6, reduction=1.0, batch_first=True, **places),
            lambda: nn.GRU(8, 6, batch_first=True),
            (3, 8),
        ),
        Case(
            "ClosMultiheadAttention",
            attention,
            lambda: SelfAttention(nn.MultiheadAttention(8, 2, batch_first=True)),
            (3, 8),
        ),
        Case(
            "ClosStages",
            lambda **places: ClosStages(13, 11, (4, 3, 2), activation=nn.Tanh(), **places),
            lambda: nn.Linear(13, 11),
            (13,),
        ),
        Case(
            "ClosNet",
            net,
            lambda: nn.Sequential(nn.Linear(13, 12), nn.ReLU(), nn.Linear(12, 11)),
            (13,),
        ),
    )
}

LINEAR = ("ClosLinear", "LowRankLinear", "SparseCascade", "ClosStages", "ClosNet")
IMAGES = ("ClosConv2d", "LowRankConv2d", "SparseRandomConv2d")
SIGNALS = ("ClosConv1d", *IMAGES)
SERIES = ("ClosLSTM", "ClosGRU")
ATTENTION = "ClosMultiheadAttention"


def tensors(result):
    """Flatten what a layer returns: recurrent layers return their state, too."""
    if isinstance(result, torch.Tensor):
        return [result]
    return [tensor for part in result for tensor in tensors(part)]


def loss_of(result):
    return sum(one.float().square().sum() for one in tensors(result))


def gradients(layer, x):
    layer.zero_grad()
    loss_of(layer(x)).backward()
    return {name: one.grad.clone() for name, one in layer.named_parameters()}


def equal(found, wanted, tolerance=1e-4):
    for one, other in zip(tensors(found), tensors(wanted), strict=True):
        torch.testing.assert_close(one, other, atol=tolerance, rtol=tolerance)


def weights_of(layer):
    """The modules and names of all parameters but biases."""
    for path, _ in layer.named_parameters():
        owner, _, name = path.rpartition(".")
        if name != "bias":
            yield layer.get_submodule(owner), name
