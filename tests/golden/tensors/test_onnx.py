"""Layers exported to ONNX compute any number of samples, in ONNX Runtime.

The packages are not among those that `make` installs: pip install onnx onnxscript onnxruntime.
"""

import pytest
import torch
from torch.export import Dim

from tests.support.traced_layers import BATCHES, LAYERS, inputs, make

for package in ("onnx", "onnxscript"):
    pytest.importorskip(package, reason=f"the optional package {package} is not installed")
onnxruntime = pytest.importorskip(
    "onnxruntime", reason="the optional package onnxruntime is not installed"
)

pytestmark = pytest.mark.filterwarnings("ignore")  # Of these packages and of PyTorch's exporter.

DIMS = {"named": Dim("b"), "DYNAMIC": Dim.DYNAMIC, "AUTO": Dim.AUTO}


QUICK = "ClosLinear", "ClosConv2d", "SparseCascade, matrix"  # Of all kinds of products.
# These with every spelling of a dynamic batch; the other layers take turns with them.
PAIRS = [(name, dim) for number, name in enumerate(LAYERS) for turn, dim in enumerate(DIMS)
         if name in QUICK or turn == number % len(DIMS)]


@pytest.mark.parametrize("name, dim", [
    pytest.param(name, dim, id=f"{name}-{dim}",
                 marks=[] if dim == "AUTO" and name in QUICK else [pytest.mark.slow])
    for name, dim in PAIRS
])
def test_onnx_runtime_computes_every_batch(name, dim, tmp_path):
    layer, path = make(name), tmp_path / "layer.onnx"
    torch.onnx.export(
        layer, (inputs(name, 8),), path, dynamic_shapes=({0: DIMS[dim]},), verbose=False
    )
    session = onnxruntime.InferenceSession(path)
    feed = session.get_inputs()[0].name
    for batch in BATCHES:
        x = inputs(name, batch)
        with torch.no_grad():
            wanted = layer(x)
        parts = [wanted] if isinstance(wanted, torch.Tensor) else wanted
        for found, want in zip(session.run(None, {feed: x.numpy()}), parts, strict=True):
            torch.testing.assert_close(torch.from_numpy(found), want, atol=1e-4, rtol=1e-4)
