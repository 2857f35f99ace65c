"""Layers that are compiled, exported and traced."""

import io
import warnings

import torch
from torch.export import Dim

from tests.support.compat.layers import equal

BATCHES = (1, 2, 15, 16, 40)


def compiled(case):
    torch.compiler.reset()
    layer = case.make()
    model = torch.compile(layer, fullgraph=True, dynamic=True, backend="aot_eager")
    for batch in (40, 16, 2):
        equal(model(case.x(batch)), layer(case.x(batch)))
    torch.compiler.reset()


def exported(case):
    layer = case.make().eval()
    for dim, rows in ((Dim.AUTO, 40), (Dim("b"), 8)):
        program = torch.export.export(layer, (case.x(rows),), dynamic_shapes=({0: dim},))
        module = program.module()
        for batch in BATCHES:
            equal(module(case.x(batch)), layer(case.x(batch)))
        names = {str(node.target) for node in program.graph.nodes}
        assert not [name for name in names if "bincount" in name or "embedding" in name], names


def onnx(case):
    import onnxruntime

    layer, file = case.make().eval(), io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Of the exporter's packages.
        torch.onnx.export(
            layer, (case.x(8),), file, dynamo=True, dynamic_shapes=({0: "b"},), verbose=False
        )
    session = onnxruntime.InferenceSession(file.getvalue())
    feed = session.get_inputs()[0].name
    for batch in BATCHES:
        x = case.x(batch)
        with torch.no_grad():
            equal([torch.from_numpy(one) for one in session.run(None, {feed: x.numpy()})], layer(x))


def traced(case):
    layer = case.make().eval()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        model = torch.jit.trace(layer, case.x(8))
    for batch in BATCHES:
        equal(model(case.x(batch)), layer(case.x(batch)))
