"""What of PyTorch works with which layer is what the table of docs/layers.md says.

`python -m tests.support.compatibility --write` writes the table.
"""

import datetime
import socket

import pytest
import torch
from torch import nn
from torch.multiprocessing.spawn import spawn
from torch.nn.parallel import DistributedDataParallel

from golden import ClosLinear
from golden.layers import LowRankLinear, SparseCascade
from tests.support.compat import trained
from tests.support.compat.layers import CASES, gradients
from tests.support.compat.table import ROWS, cell, on_page, said_on_page, written
from tests.support.compiled_layers import counted

# Files of ONNX and compiled graphs take half a minute each.
LONG = ("onnx", "compile")
COMPILED = ("ClosLinear", "ClosLSTM", "ClosGRU", "ClosMultiheadAttention", "ClosNet")
SLOW = (*LONG, *(key for key, row in ROWS.items() if not row.gating))

# As those of the command, and what PyTorch's own parts warn of.
pytestmark = [
    pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:torch"),
]


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize("key", [key for key in ROWS if key not in SLOW])
def test_gating_rows_are_yes_for_every_layer_and_on_the_page(key):
    found = {name: cell(key, name) for name in CASES}
    assert {said for said, _ in found.values()} == {"yes"}, found
    assert said_on_page(key) == {name: said for name, (said, _) in found.items()}


@pytest.mark.slow
@pytest.mark.parametrize("key", [key for key, row in ROWS.items() if row.gating and key not in (
    "export", "onnx")])  # What is recorded has nothing compiled in it: test_compiled.py.
def test_gating_rows_are_yes_for_compiled_layers_too(key):
    with counted() as calls:
        found = {name: cell(key, name) for name in COMPILED}
    assert {said for said, _ in found.values()} == {"yes"}, found
    assert calls or key == "double backward"  # In float64.


def test_the_page_says_yes_in_every_gating_row():
    for key, row in ROWS.items():
        said = said_on_page(key)
        assert said, f"docs/layers.md lacks {row.title}"
        assert not row.gating or set(said.values()) == {"yes"}, row.title


@pytest.mark.slow
def test_the_whole_table_is_that_of_the_page():
    pytest.importorskip("onnxruntime", reason="the optional package onnxruntime is not installed")
    pytest.importorskip("safetensors", reason="the optional package safetensors is not installed")
    cells = {(key, name): cell(key, name) for key in ROWS for name in CASES}
    assert written(cells) == on_page()


_PATIENCE = datetime.timedelta(minutes=2)  # By itself gloo waits for half an hour.


def _halves(rank, store, name, results):
    """One of two processes: the gradients of its half of the samples, averaged over both."""
    import torch.distributed as dist

    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo", init_method=f"file://{store}", rank=rank, world_size=2, timeout=_PATIENCE
    )
    case = CASES[name]
    model = DistributedDataParallel(case.make())
    half = case.x(6)[rank::2]
    trained.loss_of(model(half)).backward()
    found = {key: one.grad for key, one in model.module.named_parameters()}
    torch.save(found, f"{results}/{rank}")
    dist.destroy_process_group()


@pytest.mark.slow
def test_two_processes_have_the_mean_of_both_gradients(tmp_path, monkeypatch):
    name = "SparseCascade"
    # Else gloo listens at the address that the machine's name has, which may lead nowhere.
    loopback = next(one for _, one in socket.if_nameindex() if one.startswith("lo"))
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", loopback)
    spawn(
        _halves, (str(tmp_path / "store"), name, str(tmp_path)), nprocs=2, join=True
    )
    case = CASES[name]
    halves = [gradients(case.make(), case.x(6)[rank::2]) for rank in range(2)]
    for rank in range(2):
        found = torch.load(tmp_path / str(rank))
        for key, one in found.items():
            torch.testing.assert_close(one, (halves[0][key] + halves[1][key]) / 2)


MAKERS = {
    "ClosLinear": lambda i, o: ClosLinear.from_budget(i, o, reduction=1.5),
    "LowRankLinear": lambda i, o: LowRankLinear(i, o, 5),
    "SparseCascade": lambda i, o: SparseCascade([torch.rand(o, i) < 0.5]),
}


@pytest.mark.parametrize("name", MAKERS)
def test_the_fast_path_of_a_transformer_reads_the_weights(name):
    """PyTorch's encoder layer reads `weight` and `bias` of its parts in inference."""
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(16, 2, 24, batch_first=True).eval()
    layer.linear1, layer.linear2 = MAKERS[name](16, 24), MAKERS[name](24, 16)
    layer.self_attn.out_proj = MAKERS[name](16, 16)
    x = torch.randn(3, 5, 16)
    wanted = layer(x)  # With gradients there is no fast path.
    with torch.no_grad():
        torch.testing.assert_close(layer(x), wanted, atol=1e-5, rtol=1e-5)
        taken = torch.profiler.profile()
        with taken:
            layer(x)
    names = {event.name for event in taken.events() or ()}
    assert "aten::_transformer_encoder_layer_fwd" in names
