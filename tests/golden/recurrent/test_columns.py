"""A Clos map in columns, and its gradients, against the layer itself."""

import pytest
import torch

from golden import ClosLinear
from golden.recurrent.columns import Columns, MapGradients, TransposedColumns

SHAPES = [(12, 18, (3, 2, 6)), (13, 11, (4, 3, 2)), (1, 1, (1, 1, 1)), (16, 12, (4, 5, 3))]


def make(sizes, columns):
    torch.manual_seed(0)
    layer = ClosLinear(*sizes, bias=False, dtype=torch.float64)
    x = torch.randn(columns, layer.in_features, dtype=torch.float64, requires_grad=True)
    back = torch.randn(columns, layer.out_features, dtype=torch.float64)
    y = layer(x)
    return layer, x, y, back, torch.autograd.grad(y, [x, *layer.weights], back)


@pytest.mark.parametrize("sizes", SHAPES, ids=str)
@torch.no_grad()
def test_columns_add_what_the_layer_computes(sizes):
    for columns in (1, 5):
        with torch.enable_grad():
            layer, x, y, _, _ = make(sizes, columns)
        walked = Columns(layer.shape, layer.weights)
        start = torch.randn(layer.out_features, columns, dtype=torch.float64)
        for values in (x.T, x.T.contiguous()):
            sums = start.clone()
            walked.add(values, sums)
            torch.testing.assert_close(sums, start + y.T)
            sums.fill_(torch.nan)
            walked.add(values, sums, beta=0)
            torch.testing.assert_close(sums, y.T)


@pytest.mark.parametrize("sizes", SHAPES, ids=str)
@torch.no_grad()
def test_gradients_are_those_of_autograd(sizes):
    with torch.enable_grad():
        layer, x, _, back, (of_x, *of_weights) = make(sizes, 6)
    start = torch.randn_like(x.T)
    sums = start.clone()
    TransposedColumns(layer.shape, layer.weights).back(x.T, back.T.contiguous(), sums)
    torch.testing.assert_close(sums, start + of_x.T)
    gradients = MapGradients(layer.shape, layer.weights)
    sums.fill_(torch.nan)
    for part in (slice(0, 2), slice(2, 6)):
        whole = back.T[:, part].contiguous()
        found = torch.full_like(x.T[:, part].contiguous(), torch.nan)
        gradients.add(x.T[:, part].contiguous(), whole, found, beta=0)
        torch.testing.assert_close(found, of_x.T[:, part])
    torch.testing.assert_close(tuple(gradients.sums), tuple(of_weights))
    gradients.add(x.T, back.T.contiguous(), None)
    torch.testing.assert_close(tuple(gradients.sums), tuple(2 * one for one in of_weights))
