"""How fast the layers are in PyTorch, side by side in one run."""

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from golden import ClosLinear, ClosShape
from golden.clos.forms import ClosWeights, by_columns, by_padded_columns, by_rows
from golden.layers import LowRankLinear
from sim.errors import ToolMissing

from .layer_pairs import PAIRS, REUSED, pair_times, reused_times
from .layer_pairs_table import pairs_text
from .results import Bench, Table, markdown_table, paragraphs, source_digest
from .timing import layer_steps, least_times, on_threads

__all__ = ["TITLE", "measure"]

TITLE = "Software: layers in PyTorch"
"""Where PyTorch may compute."""

_SHAPES = ((1024, 1024, 32, 16, 32), (4096, 4096, 64, 64, 64))
_BATCHES = (1, 64, 512)
_THREADS = (1, 2)
_SECONDS = 0.8
_PAIR_SECONDS = 3.0
_FEWEST_RUNS = 5
_CLOS = "Clos"
_FORMS = ("Clos, rows", "Clos, columns", "Clos, padded")
_NAMES = (_CLOS, *_FORMS, "nn.Linear", "low rank", "CSR", "two-stage")


class _Form(nn.Module):
    """A `ClosLinear` in one form, whatever would be fastest."""

    def __init__(
        self, layer: ClosLinear, form: Callable[[ClosShape, ClosWeights, Tensor], Tensor]
    ) -> None:
        super().__init__()
        self.layer, self.form = layer, form

    def forward(self, x: Tensor) -> Tensor:
        return self.form(self.layer.shape, self.layer.weights, x)


class _Csr(nn.Module):
    """A random sparse matrix in PyTorch's compressed rows."""

    def __init__(self, size: int, weights: int) -> None:
        super().__init__()
        order = torch.randperm(size * size)[:weights]
        dense = torch.zeros(size * size)
        dense[order] = torch.randn(weights) / size**0.5
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "in beta state"
            self.weight = nn.Parameter(dense.view(size, size).to_sparse_csr())

    def forward(self, x: Tensor) -> Tensor:
        return torch.sparse.mm(self.weight, x.T).T


class _TwoStage(nn.Module):
    """Two block-diagonal matrices and a transpose between them, as Monarch has them."""

    def __init__(self, size: int, blocks: int, inner: int) -> None:
        super().__init__()
        side = size // blocks
        self.first = nn.Parameter(torch.randn(blocks, side, inner) / side**0.5)
        self.second = nn.Parameter(torch.randn(inner, blocks, size // inner) / blocks**0.5)

    def forward(self, x: Tensor) -> Tensor:
        blocks, side, _ = self.first.shape
        inner = x.view(-1, blocks, side).transpose(0, 1) @ self.first  # [blocks, N, inner]
        return (inner.permute(2, 1, 0) @ self.second).transpose(0, 1).flatten(1)


def measure(bench: Bench) -> Table:
    """Time all layers in PyTorch; quick: none of 4096 x 4096. About five minutes.

    Raises
    ------
    ToolMissing
        If PyTorch has no such device as `bench.torch_device`.
    """
    device, place = torch.device(bench.torch_device), "the CPU"
    if device.type == "cuda":
        if not torch.cuda.is_available():
            raise ToolMissing(
                "torch-device cuda needs a GPU and a PyTorch built for it, and PyTorch "
                f"{torch.__version__} here finds none; use --torch-device cpu")
        place = torch.cuda.get_device_name(device)
    shapes = [ClosShape(*numbers) for numbers in _SHAPES[: 1 if bench.quick else None]]
    threads_of = _THREADS if device.type == "cpu" else (1,)
    cases = [(s, n, t) for s in shapes for t in threads_of for n in _BATCHES]
    depends = {"golden": source_digest("golden"), "place": place,
               "torch": torch.__version__, "seconds": (_SECONDS, _PAIR_SECONDS), "names": _NAMES,
               "clock": "processor time of one thread, turns of a millisecond"}
    pairs = [(pair, batch) for pair in PAIRS for batch in pair.aims]
    pairs = [(pair, batch) for pair, batch in pairs if not bench.quick or pair is not REUSED]
    reused = device.type == "cpu" and not bench.quick
    total, done = len(cases) + len(pairs) + reused, 0

    def kept(what: str, case: dict[str, Any], times: Callable[[], object]) -> dict[str, Any]:
        nonlocal done
        bench.tell(f"software: {what}", done, total)
        done += 1
        return bench.result("software", {**depends, "case": case}, lambda: {**case, "us": times()})

    beside = [kept(
        f"{pair.name}, batch {batch}", {"pair": pair.name, "batch": batch},
        lambda pair=pair, batch=batch: pair_times(pair, batch, device, seconds=_PAIR_SECONDS))
        for pair, batch in pairs]
    again = [kept(f"{REUSED.name}, memory reused", {"pair": REUSED.name, "reused": True},
                  lambda: reused_times(_PAIR_SECONDS))] if reused else []
    values = [kept(
        f"{shape}, batch {batch}, {threads} threads",
        {"shape": shape.as_tuple(), "batch": batch, "threads": threads},
        lambda shape=shape, batch=batch, threads=threads: _times(shape, batch, threads, device))
        for shape, batch, threads in cases]
    bench.tell("software", total, total)
    text = pairs_text(beside, again, place, aims=device.type == "cpu")
    return Table(text + "\n" + _text(values), [*beside, *again, *values])


def _text(values: list[dict[str, Any]]) -> str:
    text = paragraphs(f"""
        Beside other sparse layers, a cell has the microseconds of a layer, forward / forward and
        backward, on one thread and on two. "{_CLOS}" is `ClosLinear` as it is; "rows", "columns"
        and "padded" are its forms alone, as PyTorch differentiates them, and "padded" is "columns"
        with 16 samples at least. "low rank", PyTorch's "CSR" and "two-stage" (two block-diagonal
        stages, as in Monarch) have as many weights as the Clos layer, within a percent or two.""")
    names = [f"{ClosShape(*v['shape'])}, {v['batch']}, {v['threads']}" for v in values]
    rows = [(name, *(f"{v['us'][kind][0]:.0f} / {v['us'][kind][1]:.0f}" for kind in _NAMES))
            for name, v in zip(names, values, strict=True)]
    ratios = [(name, *_ratios(v["us"])) for name, v in zip(names, values, strict=True)]
    first = "shape, batch, threads"
    text += "\n" + markdown_table((first, *_NAMES), rows) + "\n" + paragraphs("""
        Ratios of the same figures say how many times faster the Clos layer is, and how much slower
        it is than the fastest of its forms (the aim is 10 % at most), forward / forward and
        backward.""")
    return text + "\n" + markdown_table((first, *_NAMES[4:], "over the best form"), ratios)


def _ratios(us: dict[str, list[float]]) -> list[str]:
    found = [" / ".join(f"{us[name][i] / us[_CLOS][i]:.1f}" for i in (0, 1))
             for name in _NAMES[4:]]
    best = [min(us[name][i] for name in _FORMS) for i in (0, 1)]
    found.append(" / ".join(f"{100 * (us[_CLOS][i] / best[i] - 1):+.0f} %" for i in (0, 1)))
    return found


def _layers(shape: ClosShape) -> dict[str, nn.Module]:
    size, weights = shape.in_features, shape.parameters
    blocks = shape.input_routers
    clos = ClosLinear.of_shape(shape, False)
    inner = min((k for k in range(1, size + 1) if size % k == 0),
                key=lambda k: abs(size * k + blocks * size - weights))
    return {
        _CLOS: clos,
        _FORMS[0]: _Form(clos, by_rows),
        _FORMS[1]: _Form(clos, lambda shape, weights, x: by_columns(shape, weights, x)[2]),
        _FORMS[2]: _Form(clos, by_padded_columns),
        "nn.Linear": nn.Linear(size, size, False),
        "low rank": LowRankLinear(size, size, weights // (2 * size), False),
        "CSR": _Csr(size, weights),
        "two-stage": _TwoStage(size, blocks, inner),
    }


def _times(
    shape: ClosShape, batch: int, threads: int, device: torch.device
) -> dict[str, tuple[float, float]]:
    """Minima in microseconds by layer: forward, and forward and backward."""
    torch.manual_seed(0)
    x = torch.randn(batch, shape.in_features, device=device)
    with on_threads(threads), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # CSR is "in beta state".
        steps = {name: layer_steps(layer.to(device), x) for name, layer in _layers(shape).items()}
        return least_times(steps, device, seconds=_SECONDS, runs=_FEWEST_RUNS)
