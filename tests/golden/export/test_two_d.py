"""Models of plain layers equal those of sparse ones, and hold weights of two dimensions."""

import copy

import pytest
import torch
from torch import nn
from torch.nn.utils import prune

from golden import ClosLinear, ClosNet, ClosShape, ModelError
from golden.export import to_2d
from golden.export.plain import Applied, Blocks, Permuted, PlainStages
from golden.export.two_d import FORMS
from golden.layers import ClosMultiheadAttention, LowRankLinear, SparseCascade, SparseStage
from tests.support.llama import Block
from tests.support.traced_layers import LAYERS, inputs, make

PLAIN = (
    nn.Linear, nn.Conv1d, nn.Conv2d, nn.LSTM, nn.GRU, nn.Sequential, nn.ModuleList, nn.ReLU,
    nn.Dropout, Applied, PlainStages, ClosMultiheadAttention,
)  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", LAYERS)
def test_plain_layers_compute_the_same(name, form):
    layer = make(name).double()
    for parameter in layer.parameters():
        nn.init.normal_(parameter, std=0.3)
    plain = to_2d(layer, form=form)
    for batch in (1, 3):
        x = inputs(name, batch).double()
        torch.testing.assert_close(plain(x), layer(x))
    inner = getattr(plain, "layer", plain)
    kinds = (*PLAIN, Blocks, Permuted) if form == "blocks" else PLAIN
    assert all(type(module) in kinds for module in inner.modules())
    kernels = [one for one in inner.modules() if isinstance(one, nn.Conv1d | nn.Conv2d)]
    others = [one for each in inner.modules() if each not in kernels
              for one in each.parameters(recurse=False)]
    assert all(one.ndim in (1, 2) for one in others)
    assert not any(one.requires_grad for one in inner.parameters()), form
    assert not plain.training


@pytest.mark.parametrize("form", FORMS)
def test_a_decoder_block_of_all_layers(form):
    torch.manual_seed(0)
    makers = [
        lambda i, o: ClosLinear.from_budget(i, o, reduction=2.0, bias=False),
        lambda i, o: LowRankLinear(i, o, 4, bias=False),
        lambda i, o: SparseCascade([torch.rand(o, i) < 0.5], bias=False),
    ]
    block = Block(24, 36, 3, lambda i, o: makers[(i + o) % 3](i, o)).double().train()
    x = torch.randn(2, 5, 24, dtype=torch.float64)
    plain = to_2d(block, form=form)
    torch.testing.assert_close(plain(x), block(x))
    assert plain.training and isinstance(block.query, ClosLinear | LowRankLinear | SparseCascade)
    assert not [one for one in plain.modules() if hasattr(one, "to_dense")]


def test_blocks_hold_the_weights_of_the_layer_alone():
    layer = ClosLinear(13, 11, (4, 3, 2))
    blocks = to_2d(layer, form="blocks")
    held, own = (sum(one.numel() for one in each.parameters()) for each in (blocks, layer))
    assert held == own
    zeros = to_2d(layer)
    assert [tuple(one.weight.shape) for one in zeros] == [(12, 13), (6, 12), (11, 6)]
    assert sum(int((one.weight != 0).sum()) for one in zeros) == layer.shape.parameters


def test_a_layer_in_two_places_stays_one():
    layer = ClosLinear(6, 6, (2, 2, 3))
    plain = to_2d(nn.Sequential(layer, nn.ReLU(), layer))
    assert plain[0] is plain[2]


def test_dropout_of_a_net_is_kept():
    net = ClosNet([ClosShape(8, 6, 2, 2, 3), ClosShape(6, 4, 2, 2, 2)], dropout=(0.0, 0.5))
    plain = to_2d(net)
    assert [type(one).__name__ for one in plain] == ["Linear"] * 3 + ["ReLU", "Dropout"] + [
        "Linear"
    ] * 3


def test_pruned_weights_are_those_of_now():
    torch.manual_seed(0)
    layer = ClosLinear(8, 6, (2, 2, 3))
    prune.random_unstructured(layer, "middle_weight", 0.5)
    with torch.no_grad():
        layer.middle_weight_orig.mul_(2)  # As an optimiser does; the hook has not run since.
    plain, x = to_2d(layer), torch.randn(3, 8)
    torch.testing.assert_close(plain(x), layer(x))


def test_what_would_be_lost_is_refused():
    layer = ClosLinear(8, 6, (2, 2, 3))
    with pytest.raises(ModelError, match="form must be one of block-diagonal, blocks, not 'rows'"):
        to_2d(layer, form="rows")
    with pytest.raises(ModelError, match="model must be a Module, not None"):
        to_2d(None)
    model = nn.Sequential(copy.deepcopy(layer))
    model[0].register_forward_hook(lambda *_: None)
    with pytest.raises(ModelError, match="0: the layer has a hook"):
        to_2d(model)
    with pytest.raises(ModelError, match="1: a SparseStage takes columns"):
        to_2d(nn.Sequential(layer, SparseStage(torch.eye(6).bool())))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # Of PyTorch's compiler.
@pytest.mark.parametrize("plain", [False, True])
def test_code_compiled_ahead_of_time_serves_every_batch(plain, tmp_path):
    layer = ClosLinear(13, 11, (4, 3, 2)).eval()
    model = to_2d(layer) if plain else layer
    shapes = ({0: torch.export.Dim("b")},)
    with torch.no_grad():
        program = torch.export.export(model, (torch.randn(8, 13),), dynamic_shapes=shapes)
        file = torch._inductor.aoti_compile_and_package(
            program, package_path=str(tmp_path / "model.pt2")
        )
        compiled = torch._inductor.aoti_load_package(file)
        for batch in (1, 2, 15, 16, 40):
            x = torch.randn(batch, 13)
            torch.testing.assert_close(compiled(x), layer(x), atol=1e-5, rtol=1e-5)


def test_plain_models_are_traced_by_fx():
    layer, x = ClosLinear(13, 11, (4, 3, 2)), torch.randn(3, 13)
    for form in FORMS:
        traced = torch.fx.symbolic_trace(to_2d(layer, form=form))
        torch.testing.assert_close(traced(x), layer(x))
