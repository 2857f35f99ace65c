"""A Clos layer beside other sparse layers of as many weights, and beside each of its forms."""

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from golden import ClosLinear, ClosShape
from golden.clos.forms import ClosWeights, by_columns, by_padded_columns, by_rows
from golden.layers import LowRankLinear
from golden.operators.switch import chosen

from .results import markdown_table, paragraphs
from .timing import layer_steps, least_times, on_threads
from .verdicts import Verdicts

__all__ = ["CASES", "NAMES", "Case", "rival_times", "rivals_text"]

Case = tuple[ClosShape, int, int]
"""A shape, a batch and a number of threads."""

_SMALL, _LARGE = ClosShape(1024, 1024, 32, 16, 32), ClosShape(4096, 4096, 64, 64, 64)
CASES: tuple[Case, ...] = (
    *((shape, batch, 1) for shape in (_SMALL, _LARGE) for batch in (1, 64, 512)),
    # One row is computed on one thread anyway, and what is large on several as on one.
    (_SMALL, 64, 2), (_SMALL, 512, 2),
)
"""What is measured."""

_FEWEST_RUNS = 5
_OVER = 1.10  # Of the time of the fastest form, at most.
_BOTH = (0, 1)  # Forward, and forward and backward.
_CLOS = "Clos"
_FORMS = ("Clos, rows", "Clos, columns", "Clos, padded")
NAMES = (_CLOS, *_FORMS, "nn.Linear", "low rank", "CSR", "two-stage")
"""Of the layers that are timed, in the order of the table."""


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


def rival_times(
    shape: ClosShape, batch: int, threads: int, device: torch.device, *, seconds: float
) -> dict[str, tuple[float, float]]:
    """Minima in microseconds by layer: forward, and forward and backward.

    Parameters
    ----------
    shape, batch, threads
        The case.
    device
        Where PyTorch computes it.
    seconds
        How long at least, for each layer.
    """
    torch.manual_seed(0)
    x = torch.randn(batch, shape.in_features, device=device)
    with on_threads(threads), chosen(None), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # CSR is "in beta state".
        steps = {name: layer_steps(layer.to(device), x) for name, layer in _layers(shape).items()}
        return least_times(steps, device, seconds=seconds, runs=_FEWEST_RUNS)


def rivals_text(values: list[dict[str, Any]], verdicts: Verdicts, *, aims: bool) -> str:
    """Markdown of what was measured; without aims where they were not set for it."""
    text = paragraphs(f"""
        Beside other sparse layers, a cell has the microseconds of a layer, forward / forward and
        backward, on one thread, and on two where there is work for them. "{_CLOS}" is `ClosLinear`
        as it is; "rows", "columns" and "padded" are its forms alone, as PyTorch differentiates
        them, and "padded" is "columns" with 16 samples at least. "low rank", PyTorch's "CSR" and
        "two-stage" (two block-diagonal stages, as in Monarch) have as many weights as the Clos
        layer, within a percent or two.""")
    names = [f"{ClosShape(*v['shape'])}, {v['batch']}, {v['threads']}" for v in values]
    rows = [(name, *(f"{v['us'][kind][0]:.0f} / {v['us'][kind][1]:.0f}" for kind in NAMES))
            for name, v in zip(names, values, strict=True)]
    ratios = [(name, *_ratios(v["us"], verdicts, _OVER if aims else None))
              for name, v in zip(names, values, strict=True)]
    first = "shape, batch, threads"
    text += "\n" + markdown_table((first, *NAMES), rows) + "\n" + paragraphs(f"""
        Ratios of the same figures say how many times faster the Clos layer is, and how many times
        as long as the fastest of its forms it takes, which should be at most {_OVER:.1f}, forward /
        forward and backward.""")
    return text + "\n" + markdown_table(
        (first, *NAMES[4:], "over the form", "verdict"), ratios)


def _ratios(us: dict[str, list[float]], verdicts: Verdicts, aim: float | None) -> list[str]:
    found = [" / ".join(f"{us[name][i] / us[_CLOS][i]:.1f}" for i in _BOTH)
             for name in NAMES[4:]]
    over = [us[_CLOS][i] / min(us[name][i] for name in _FORMS) for i in _BOTH]
    found.append(" / ".join(f"{value:.2f}" for value in over))
    found.append(" / ".join(verdicts.at_most(value, aim) for value in over))
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
