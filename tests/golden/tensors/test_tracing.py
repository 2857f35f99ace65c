"""Layers that are compiled, exported or traced compute any number of samples."""

import itertools

import pytest
import torch
from torch import fx, nn
from torch.export import Dim

from golden import ClosLinear, ModelError, ShapeError
from golden.layers import ClosGRU, ClosLSTM, ClosMultiheadAttention, LowRankConv2d
from tests.support.traced_layers import BATCHES, LAYERS, assert_same_for_all_batches, inputs, make

jit_is_deprecated = pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")

DIMS = {"named": Dim("b"), "DYNAMIC": Dim.DYNAMIC, "AUTO": Dim.AUTO}


@pytest.mark.parametrize("name, dim", [
    pytest.param(name, dim, marks=[] if dim == "AUTO" else [pytest.mark.slow])
    for number, name in enumerate(LAYERS) for dim in ("AUTO", ("named", "DYNAMIC")[number % 2])
])
def test_export_serves_every_batch(name, dim):
    layer = make(name)
    example = inputs(name, 40 if dim == "AUTO" else 8)
    program = torch.export.export(layer, (example,), dynamic_shapes=({0: DIMS[dim]},))
    assert_same_for_all_batches(name, program.module(), layer)


@pytest.mark.parametrize("name", ["ClosLinear", "SparseCascade, gathered"])
def test_strict_export_serves_every_batch(name):
    layer = make(name)
    program = torch.export.export(
        layer, (inputs(name, 8),), dynamic_shapes=({0: Dim("b")},), strict=True
    )
    assert_same_for_all_batches(name, program.module(), layer)


@jit_is_deprecated
@pytest.mark.parametrize("name", LAYERS)
def test_a_trace_serves_every_batch_and_warns_of_nothing(name):
    layer = make(name)
    for example in (1, 8, 40) if name == "ClosLinear" else (8,):
        traced = torch.jit.trace(layer, inputs(name, example))
        assert_same_for_all_batches(name, traced, layer)


@jit_is_deprecated
@pytest.mark.parametrize("kind", [ClosLSTM, ClosGRU])
def test_a_trace_of_a_recurrent_layer_is_of_one_length_and_says_so(kind):
    traced = torch.jit.trace(kind(8, 6, reduction=1.0), torch.randn(3, 2, 8))
    traced(torch.randn(3, 5, 8))
    for length in (2, 4):
        with pytest.raises(RuntimeError, match=f"(?s)Expected 3 elements.*but found {length}"):
            traced(torch.randn(length, 2, 8))


def test_an_exported_recurrent_layer_serves_every_length_and_has_gradients_in_train_mode():
    layer = make("ClosGRU")
    dims = ({0: Dim("b"), 1: Dim("t")},)
    program = torch.export.export(layer, (inputs("ClosGRU", 8),), dynamic_shapes=dims).module()
    for size in ((8, 3, 8), (1, 7, 8), (5, 1, 8)):
        x = torch.randn(size)
        torch.testing.assert_close(program(x), layer(x))
    x = inputs("ClosGRU", 8)
    program = torch.export.export(layer.train(), (x,)).module()
    names = [name for name, _ in layer.named_parameters()]
    found, wanted = (
        torch.autograd.grad(one(x)[0].sum(), [one.get_parameter(name) for name in names])
        for one in (program, layer)
    )
    torch.testing.assert_close(found, wanted)


@pytest.mark.parametrize("name", LAYERS)
def test_fx_traces_through_layers(name):
    layer = make(name)
    graph = fx.symbolic_trace(layer)
    graph.graph.lint()
    modules = {node.target for node in graph.graph.nodes if node.op == "call_module"}
    whole = isinstance(
        getattr(layer, "layer", None), ClosLSTM | ClosGRU | ClosMultiheadAttention
    )
    nodes = {"layer"} if whole else set()
    if isinstance(layer, LowRankConv2d):  # Of PyTorch's own convolutions.
        nodes = {"narrow", "widen"}
    assert modules == nodes
    assert_same_for_all_batches(name, graph, layer)


@pytest.mark.parametrize("name", LAYERS)
def test_fx_takes_layers_as_nodes(name):
    class Layers(fx.Tracer):
        def is_leaf_module(self, m, module_qualified_name):
            return m is model[0]

    model = nn.Sequential(make(name), nn.Identity())
    tracer = Layers()
    graph = fx.GraphModule(model, tracer.trace(model))
    assert [node.target for node in graph.graph.nodes if node.op == "call_module"] == ["0"]
    assert_same_for_all_batches(name, graph, model)


def test_fx_traces_leading_dimensions_too():
    layer = ClosLinear(13, 11, (4, 3, 2))
    graph = fx.symbolic_trace(layer)
    for size in ((13,), (2, 3, 13), (0, 13)):
        x = torch.randn(size)
        torch.testing.assert_close(graph(x), layer(x))


def test_fx_takes_a_recurrent_layer_and_its_state_as_one_node():
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = ClosLSTM(8, 6, reduction=1.0)

        def forward(self, x, h, c):
            y, (h, c) = self.rnn(x, (h, c))
            return y, h, c

    model = Model()
    given = torch.randn(5, 2, 8), torch.randn(1, 2, 6), torch.randn(1, 2, 6)
    torch.testing.assert_close(fx.symbolic_trace(model)(*given), model(*given))
    with pytest.raises(ModelError, match="ClosGRU must be a layer of the model that torch.fx"):
        fx.symbolic_trace(ClosGRU(8, 6, reduction=1.0))


@pytest.mark.parametrize(
    "name",
    ["ClosLinear", "ClosLinear, sequences", "SparseCascade, gathered", "ClosConv2d", "ClosLSTM"],
)
def test_compile_makes_one_graph_for_all_batches(name):
    graphs = []

    def backend(graph, _):
        graphs.append(graph)
        return graph.forward

    torch.compiler.reset()
    layer = make(name)
    compiled = torch.compile(layer, dynamic=True, fullgraph=True, backend=backend)
    assert_same_for_all_batches(name, compiled, layer, (40, 16, 15, 2))
    # PyTorch's own convolution makes one more where there are fewer than 16 images.
    assert len(graphs) == (2 if name == "ClosConv2d" else 1)
    assert_same_for_all_batches(name, compiled, layer, (1,))  # Of 1 PyTorch makes another graph.
    torch.compiler.reset()


@pytest.mark.slow
@jit_is_deprecated  # Inductor itself has parts of it.
@pytest.mark.parametrize("name", ["ClosLinear", "SparseCascade, gathered"])
def test_compiled_code_serves_every_batch_and_has_gradients(name):
    torch.compiler.reset()
    layer = make(name)
    compiled = torch.compile(layer, dynamic=True, fullgraph=True)
    assert_same_for_all_batches(name, compiled, layer)
    x = inputs(name, 3)
    found, wanted = (
        torch.autograd.grad(model(x).square().sum(), list(layer.parameters()))
        for model in (compiled, layer)
    )
    torch.testing.assert_close(found, wanted, atol=1e-3, rtol=1e-3)
    torch.compiler.reset()


def test_what_is_exported_still_refuses_other_features():
    for size, dim in itertools.product([(8, 12), (8, 14)], DIMS.values()):
        with pytest.raises(ShapeError, match=r"input must have shape \[\.\.\., 13\]"):
            torch.export.export(
                make("ClosLinear, remainders"), (torch.randn(size),), dynamic_shapes=({0: dim},)
            )


@jit_is_deprecated
def test_what_is_traced_still_refuses_other_features():
    for features in (12, 14):
        with pytest.raises(RuntimeError):
            torch.jit.trace(make("ClosLinear, remainders"), torch.randn(8, features))


@pytest.mark.parametrize("batch", BATCHES)
def test_vmap_serves_every_batch(batch):
    layer = make("ClosLinear, remainders")
    x = inputs("ClosLinear, remainders", batch)
    torch.testing.assert_close(torch.vmap(layer)(x[:, None])[:, 0], layer(x))
