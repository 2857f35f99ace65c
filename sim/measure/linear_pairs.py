"""`ClosLinear` beside `nn.Linear`: sizes, aims, and the products that a layer cannot avoid."""

import json
import os
import subprocess
import sys
from types import MappingProxyType

import torch
from torch import Tensor, nn

from golden import ClosLinear
from golden.clos.forms import fastest_form, transposing_pays
from sim.errors import BenchFailed

from .layer_pairs import Aims, LayerPair, pair_times
from .results import ROOT
from .timing import Steps

__all__ = ["LINEAR", "REUSED", "clos_products", "reused_times"]

_KEEP = {"MALLOC_MMAP_THRESHOLD_": str(1 << 30), "MALLOC_TRIM_THRESHOLD_": str(1 << 33)}


def _clos(inputs: int, outputs: int, reduction: float, aims: Aims) -> LayerPair:
    def make(recompute: bool = False) -> ClosLinear:
        return ClosLinear.from_budget(
            inputs, outputs, reduction=reduction, bias=False, recompute=recompute)

    return LayerPair(
        name=f"ClosLinear {make().shape}, {reduction:g} times fewer weights",
        ours=make,
        dense=lambda: nn.Linear(inputs, outputs, bias=False),
        inputs=lambda batch: torch.randn(batch, inputs),
        aims=aims,
        products=clos_products,
        compiled=True,
        others=lambda _: {"recompute": make(recompute=True)},
    )


def clos_products(layer: ClosLinear, batch: int) -> Steps:
    """The three products of a layer, and the nine of a step, in the form it takes for the batch.

    The operands are random, and lie in memory as the form has them. The routers must be equal.
    """
    inputs, outputs, ri, rm, ro = layer.shape.as_tuple()
    si, so = inputs // ri, outputs // ro
    device = layer.input_weight.device
    w1, w2, w3 = (weight.detach().view(size) for weight, size in zip(
        layer.weights, ((ri, si, rm), (rm, ri, ro), (ro, so, rm)), strict=True))
    rows = fastest_form(layer.shape, batch, device.type) == "rows"

    def values(outer: int, inner: int) -> Tensor:
        """Values behind a stage as the next one takes them: [outer, inner, batch]."""
        if rows:
            return torch.randn(outer, batch, inner, device=device).mT
        return torch.randn(inner, outer, batch, device=device).transpose(0, 1)

    x = torch.randn(batch, inputs, device=device).T.view(ri, si, batch)
    back = torch.randn(batch, outputs, device=device).T.view(ro, so, batch)
    middle_in, output_in = values(rm, ri), values(ro, rm)
    of_middle, of_input = values(rm, ro), values(ri, rm)

    def product(weight: Tensor, operand: Tensor) -> Tensor:
        return torch.bmm(operand.mT, weight.mT) if rows else torch.bmm(weight, operand)

    def outer(left: Tensor, right: Tensor) -> Tensor:
        if rows and batch == 1:
            return left * right.mT
        turned = not rows and transposing_pays(left, right)
        return torch.bmm(right, left.mT) if turned else torch.bmm(left, right.mT)

    def forward() -> object:
        return product(w1.mT, x), product(w2.mT, middle_in), product(w3, output_in)

    def both() -> object:
        return (forward(), outer(back, output_in), product(w3.mT, back),
                outer(middle_in, of_middle), product(w2, of_middle),
                outer(x, of_input), product(w1, of_input))

    return forward, both


_LARGER = {64: (4.0, 3.0), 512: (3.0, 2.2)}
LINEAR: tuple[LayerPair, ...] = (
    _clos(784, 300, 5.5, MappingProxyType({1: (0.7, 0.5), **_LARGER})),
    _clos(768, 3072, 5.5, MappingProxyType({1: (2.0, 1.8), **_LARGER})),
    _clos(1024, 1024, 5.5, MappingProxyType({1: (1.5, 0.9), **_LARGER})),
    _clos(4096, 4096, 21, MappingProxyType({1: (None, 12.0)})),
)
"""Every pair of a `ClosLinear`, in the order of the table."""

REUSED = LINEAR[-1]
"""The pair whose dense gradient is so large that the C library returns its memory each time."""


def reused_times(seconds: float) -> dict[str, tuple[float, float]]:
    """`pair_times` of `REUSED` at batch 1, in a process that keeps what memory it has had.

    The C library of GNU maps tensors above 32 MiB anew each time, and the system then clears every
    page of them. A program that keeps its gradients has that once; so has this process.

    Raises
    ------
    BenchFailed
        If the process fails.
    """
    program = "import sys; from sim.measure import linear_pairs; linear_pairs.child(sys.argv)"
    done = subprocess.run([sys.executable, "-c", program, str(seconds)], cwd=ROOT, text=True,
                          capture_output=True, env={**os.environ, **_KEEP}, check=False)
    if done.returncode:
        raise BenchFailed(f"python: timing in a process of its own failed: {done.stderr[-500:]}")
    return {name: (forward, both) for name, (forward, both) in json.loads(done.stdout).items()}


def child(arguments: list[str]) -> None:
    """Write `pair_times` of `REUSED` at batch 1 as JSON; the last argument is the seconds."""
    times = pair_times(REUSED, 1, torch.device("cpu"), seconds=float(arguments[-1]))
    sys.stdout.write(json.dumps(times))
