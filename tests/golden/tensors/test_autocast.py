"""Under autocast every layer returns what the layer of PyTorch returns that it stands for."""

import pytest
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

torch.manual_seed(0)
SPARSE = torch.eye(48, dtype=torch.bool)  # By connections; a denser one by the whole matrix.
DENSE = torch.rand(48, 48) < 0.5
DENSE |= SPARSE
CONSTANTS = torch.eye(48).roll(1, 0)

LINEAR, IMAGE, SERIES = (3, 48), (2, 4, 6, 6), (3, 2, 8)

class Attention(nn.Module):
    """Attention of a sequence to itself."""

    def __init__(self, layer, need_weights):
        super().__init__()
        self.layer, self.need_weights = layer, need_weights

    def forward(self, x):
        return [y for y in self.layer(x, x, x, need_weights=self.need_weights) if y is not None]


PAIRS = {
    "ClosLinear": (nn.Linear(48, 48), ClosLinear(48, 48, (6, 4, 8)), LINEAR),
    "ClosLinear, remainders": (nn.Linear(48, 49), ClosLinear(48, 49, (5, 4, 6)), LINEAR),
    "ClosLinear, no bias": (
        nn.Linear(48, 48, bias=False), ClosLinear(48, 48, (6, 4, 8), bias=False), LINEAR
    ),
    "ClosLinear, matrix": (nn.Linear(48, 48), ClosLinear(48, 48, (6, 99, 8)), (400, 48)),
    "ClosLinear, few samples": (nn.Linear(512, 512), ClosLinear(512, 512, (16, 40, 16)), (3, 512)),
    "ClosLinear, sequences": (nn.Linear(48, 48), ClosLinear(48, 48, (6, 4, 8)), (2, 3, 48)),
    "LowRankLinear": (nn.Linear(48, 48), LowRankLinear(48, 48, 5), LINEAR),
    "LowRankConv2d": (nn.Conv2d(4, 6, 3), LowRankConv2d(4, 6, 3, kernel_size=3), IMAGE),
    "SparseCascade, gathered": (nn.Linear(48, 48), SparseCascade([SPARSE, SPARSE]), LINEAR),
    "SparseCascade, constants": (
        nn.Linear(48, 48), SparseCascade([SPARSE], [CONSTANTS]), LINEAR
    ),
    "SparseCascade, matrix": (nn.Linear(48, 48), SparseCascade([DENSE, SPARSE]), LINEAR),
    "ClosConv2d": (nn.Conv2d(4, 6, 3), ClosConv2d(4, 6, (2, 3, 3), kernel_size=3), IMAGE),
    "ClosConv1d": (nn.Conv1d(4, 6, 3), ClosConv1d(4, 6, (2, 2, 3), kernel_size=3), IMAGE[:3]),
    "ClosConv2d, pointwise": (nn.Conv2d(4, 6, 1), ClosConv2d(4, 6, (2, 3, 3)), IMAGE),
    "SparseRandomConv2d": (nn.Conv2d(4, 6, 3), SparseRandomConv2d(4, 6, 3, alpha=0.5), IMAGE),
    "ClosLSTM": (nn.LSTM(8, 8, 2), ClosLSTM(8, 8, reduction=1.0, num_layers=2), SERIES),
    "ClosGRU": (nn.GRU(8, 8, 2), ClosGRU(8, 8, reduction=1.0, num_layers=2), SERIES),
    "ClosLSTM, bidirectional": (
        nn.LSTM(8, 8, bidirectional=True), ClosLSTM(8, 8, reduction=1.0, bidirectional=True), SERIES
    ),
    "ClosMultiheadAttention": tuple(
        Attention(layer, False)
        for layer in (nn.MultiheadAttention(8, 2), ClosMultiheadAttention(8, 2, reduction=1.0))
    ) + (SERIES,),
    "ClosMultiheadAttention, weights": tuple(
        Attention(layer, True)
        for layer in (nn.MultiheadAttention(8, 2), ClosMultiheadAttention(8, 2, reduction=1.0))
    ) + (SERIES,),
    "ClosStages": (
        nn.Sequential(nn.Linear(48, 48), nn.ReLU(), nn.Linear(48, 48)),
        ClosStages(48, 48, (6, 4, 8), activation=torch.relu),
        LINEAR,
    ),
    "ClosNet": (
        nn.Sequential(nn.Linear(48, 8), nn.ReLU(), nn.Linear(8, 4)),
        ClosNet([ClosShape(48, 8, 6, 2, 2), ClosShape(8, 4, 2, 2, 2)]),
        LINEAR,
    ),
}  # fmt: skip


def tensors(result):
    if isinstance(result, torch.Tensor):
        return [result]
    return [tensor for part in result for tensor in tensors(part)]


def run(layer, x, dtype):
    with torch.autocast("cpu", dtype=dtype):
        results = tensors(layer(x))
        loss = sum(result.float().square().sum() for result in results)
    loss.backward()
    return results


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("given", ["float32", "low"])
@pytest.mark.parametrize("name", PAIRS)
def test_autocast_gives_the_types_of_pytorch_and_the_results_of_float32(name, given, dtype):
    dense, layer, size = PAIRS[name]
    torch.manual_seed(1)
    plain = torch.randn(size).to(dtype)
    if given == "float32":
        plain = plain.float()
    if isinstance(dense, nn.LSTM) and given == "float32":
        wanted = [dtype] * 3  # As where oneDNN has the primitive: not on every CPU.
    else:
        wanted = [result.dtype for result in run(dense, plain, dtype)]
    x = plain.clone().requires_grad_()
    layer.zero_grad()
    results = run(layer, x, dtype)
    assert [result.dtype for result in results] == wanted
    assert x.grad.dtype == x.dtype
    for parameter_name, parameter in layer.named_parameters():
        assert parameter.grad.dtype == parameter.dtype == torch.float32, parameter_name
        assert parameter.grad.isfinite().all() and parameter.grad.any(), parameter_name
    with torch.no_grad():
        exact = tensors(layer(plain.float()))
    for found, want in zip(results, exact, strict=True):
        torch.testing.assert_close(found.float(), want, atol=0.05, rtol=0.05)


def test_autocast_gives_the_types_of_pytorch_by_stages():
    layer = ClosLinear(48, 48, (6, 4, 8))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert {stage.dtype for stage in layer.stages(torch.randn(3, 48))} == {torch.bfloat16}


def test_without_autocast_nothing_changes_its_type():
    for dtype in (torch.float64, torch.bfloat16):
        for layer in (
            ClosLinear(48, 48, (6, 4, 8), dtype=dtype),
            SparseCascade([SPARSE], [CONSTANTS], dtype=dtype),
            SparseCascade([DENSE], dtype=dtype),
        ):
            assert layer(torch.randn(3, 48, dtype=dtype)).dtype == dtype
