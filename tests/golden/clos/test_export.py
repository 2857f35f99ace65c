"""A recorded ClosLinear is three products of one form, which serves every batch, and has hooks."""

import pytest
import torch
from torch import fx
from torch.export import Dim

from golden import ClosLinear

BATCHES = (1, 2, 15, 16, 40)
LAYERS = {
    "even": lambda: ClosLinear(1024, 1024, (32, 62, 32)),
    "remainders": lambda: ClosLinear(13, 11, (4, 3, 2), recompute=True),
}


def make(name):
    torch.manual_seed(0)
    return LAYERS[name]().eval()


def assert_serves_every_batch(recorded, layer):
    for batch in BATCHES:
        x = torch.randn(batch, layer.in_features)
        torch.testing.assert_close(recorded(x), layer(x), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dim", [Dim.AUTO, Dim.DYNAMIC, Dim("b")], ids=["AUTO", "DYNAMIC", "named"])
@pytest.mark.parametrize("name, products", [("even", 3), ("remainders", 5)])
def test_export_of_a_few_rows_is_products_and_views_that_serve_every_batch(name, products, dim):
    layer = make(name)
    program = torch.export.export(
        layer, (torch.randn(8, layer.in_features),), dynamic_shapes=({0: dim},)
    )
    assert_serves_every_batch(program.module(), layer)
    calls = [str(n.target) for n in program.graph.nodes if n.op == "call_function"]
    assert calls.count("aten.bmm.default") == products
    joins = {"aten.cat.default", "aten.slice.Tensor"} if name == "remainders" else set()
    views = {"view.default", "numpy_T.default", "mT.default", "transpose.int", "flatten.using_ints"}
    others = {"aten.bmm.default", "aten.add.Tensor", "aten.sym_size.int"}
    assert set(calls) == others | joins | {f"aten.{one}" for one in views}


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
@pytest.mark.parametrize("rows", [1, 8, 40])
@pytest.mark.parametrize("name", LAYERS)
def test_a_trace_serves_every_batch(name, rows):
    layer = make(name)
    assert_serves_every_batch(torch.jit.trace(layer, torch.randn(rows, layer.in_features)), layer)


@pytest.mark.parametrize("name", LAYERS)
def test_fx_traces_a_layer_that_serves_every_batch(name):
    layer = make(name)
    assert_serves_every_batch(fx.symbolic_trace(layer), layer)


def test_hooks_see_inputs_results_and_gradients_and_may_replace_them():
    layer, seen = make("remainders"), []
    layer.register_forward_pre_hook(lambda _, given: seen.append(given[0].shape))
    layer.register_forward_hook(lambda _, given, y: 2 * y)
    layer.register_full_backward_hook(lambda _, of_x, of_y: seen.append(of_x[0].clone()))
    x = torch.randn(3, 13, requires_grad=True)
    y = layer(x)
    torch.testing.assert_close(y, 2 * layer.forward(x))
    y.sum().backward()
    torch.testing.assert_close(seen, [x.shape, x.grad])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # Of PyTorch's own compiler.
def test_compiled_ahead_of_time_it_serves_every_batch(tmp_path):
    layer = make("even")
    with torch.no_grad():
        program = torch.export.export(
            layer, (torch.randn(8, 1024),), dynamic_shapes=({0: Dim("b")},)
        )
        path = torch._inductor.aoti_compile_and_package(
            program, package_path=str(tmp_path / "layer.pt2")
        )
        assert_serves_every_batch(torch._inductor.aoti_load_package(path), layer)


@pytest.mark.filterwarnings("ignore")  # Of these packages and of PyTorch's exporter.
def test_onnx_with_a_named_batch_is_products_that_serve_every_batch(tmp_path):
    for package in ("onnxscript", "onnxruntime"):
        pytest.importorskip(package, reason=f"the optional package {package} is not installed")
    onnx, onnxruntime = (pytest.importorskip(package) for package in ("onnx", "onnxruntime"))
    layer, path = make("even"), str(tmp_path / "layer.onnx")
    example = torch.randn(8, layer.in_features)
    torch.onnx.export(layer, (example,), path, dynamic_shapes=({0: "b"},), verbose=False)
    kinds = [node.op_type for node in onnx.load(path).graph.node]
    assert kinds.count("MatMul") == 3
    assert set(kinds) <= {"MatMul", "Add", "Transpose", "Reshape", "Slice", "Concat"}
    session = onnxruntime.InferenceSession(path)
    (feed,) = session.get_inputs()

    def run(x):
        return torch.from_numpy(session.run(None, {feed.name: x.numpy()})[0])

    with torch.no_grad():
        assert_serves_every_batch(run, layer)
