"""How fast the layers are in PyTorch, side by side in one run."""

import contextlib
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from golden import ClosLinear, ClosShape
from golden.clos.forms import ClosWeights, by_columns, by_padded_columns, by_rows
from golden.layers import LowRankLinear
from sim.errors import ToolMissing

from .results import Bench, Table, markdown_table, paragraphs, source_digest

__all__ = ["TITLE", "measure"]

TITLE = "Software: layers in PyTorch"
"""Where PyTorch may compute."""

_SHAPES = ((1024, 1024, 32, 16, 32), (4096, 4096, 64, 64, 64))
_BATCHES = (1, 64, 512)
_THREADS = (1, 2)
_SECONDS = 1.5
_FEWEST_RUNS = 10
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
    """Time all layers in PyTorch; quick: 1024 alone. About five minutes.

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
               "torch": torch.__version__, "seconds": _SECONDS, "names": _NAMES}
    values: list[dict[str, Any]] = []
    for done, (shape, batch, threads) in enumerate(cases):
        bench.tell(f"software: {shape}, batch {batch}, {threads} threads", done, len(cases))
        case = {"shape": shape.as_tuple(), "batch": batch, "threads": threads}
        values.append(bench.result(
            "software", {**depends, "case": case},
            lambda shape=shape, batch=batch, threads=threads, case=case:
                {**case, "us": _times(shape, batch, threads, device)}))
    bench.tell("software", len(cases), len(cases))
    return Table(_text(values, place), values)


def _text(values: list[dict[str, Any]], place: str) -> str:
    text = paragraphs(f"""
        A cell has the microseconds of a layer, forward / forward and backward, in float32 without
        bias on {place}. Each figure is the least of at least {_FEWEST_RUNS} runs, in which the
        layers take turns. Backward computes the gradients of weights and inputs. PyTorch has
        version {torch.__version__}.

        "{_CLOS}" is `ClosLinear` as it is; "rows", "columns" and "padded" are its forms alone, and
        "padded" is "columns" with 16 samples at least. From 16 samples on, "columns" and "padded"
        are the same computation, so what they differ by is the noise of the machine. "low rank",
        PyTorch's "CSR" and "two-stage" (two block-diagonal stages, as in Monarch) have as many
        weights as the Clos layer, within a percent or two.""")
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
    layers = {name: layer.to(device) for name, layer in _layers(shape).items()}
    x, back = (torch.randn(batch, size, device=device)
               for size in (shape.in_features, shape.out_features))
    best = {name: (float("inf"), float("inf")) for name in layers}
    with _threads(threads), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # CSR is "in beta state".
        end, runs = time.perf_counter() + _SECONDS * len(layers), 0
        while runs < _FEWEST_RUNS or time.perf_counter() < end:
            for name, layer in layers.items():
                for _ in range(2):  # The first finds the caches full of the layer before.
                    forward, both = _seconds(layer, x, back)
                    best[name] = (min(best[name][0], forward), min(best[name][1], both))
            runs += 1
    return {name: (1e6 * forward, 1e6 * both) for name, (forward, both) in best.items()}


def _seconds(layer: nn.Module, x: Tensor, back: Tensor) -> tuple[float, float]:
    with torch.no_grad():
        start = _now(x.device)
        layer(x)
        forward = _now(x.device) - start
    layer.zero_grad()
    inputs = x.detach().requires_grad_()
    start = _now(x.device)
    layer(inputs).backward(back)
    return forward, _now(x.device) - start


def _now(device: torch.device) -> float:
    """Seconds, when all that was begun on the device is done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


@contextlib.contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
