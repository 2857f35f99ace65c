"""How fast recurrent layers are in PyTorch, beside its own: one thread, float32."""

import dataclasses
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from golden.layers import ClosGRU, ClosLSTM

__all__ = ["CASES", "TARGETS", "Pair", "measured", "pairs", "rows", "verdicts"]

REDUCTION = 4.0
"""Dense weights for each one."""

CASES = tuple(
    (kind, hidden, samples)
    for kind in ("LSTM", "GRU") for hidden in (256, 512) for samples in (1, 16, 64))
"""Kind, neurons H, and samples N; sequences have 32 steps of 256 inputs."""

TARGETS = {"LSTM": 1.2}
"""How many times as fast as PyTorch's layer, forward and backward, from 16 samples on."""

_INPUTS, _STEPS, _FEWEST_SAMPLES = 256, 32, 16
_FEWEST_RUNS = 5
_KINDS: dict[str, tuple[Any, Any]] = {
    "LSTM": (nn.LSTM, ClosLSTM), "GRU": (nn.GRU, ClosGRU)}


@dataclasses.dataclass(frozen=True, eq=False)
class Pair:
    """A layer of ours and the one of PyTorch's that it stands for, with inputs [T, N, I].

    Attributes
    ----------
    name
        Kind, neurons and samples.
    kind, samples
        The parts of it that `verdicts` asks for.
    """

    name: str
    kind: str
    samples: int
    ours: nn.Module
    dense: nn.Module
    x: Tensor


def pairs(quick: bool = False) -> Iterator[Pair]:
    """Make the layers of all cases, with weights of seed 0; quick: of 256 neurons alone."""
    for kind, hidden, samples in CASES:
        if quick and hidden != 256:
            continue
        torch.manual_seed(0)
        dense, ours = _KINDS[kind]
        yield Pair(
            f"{kind}, H {hidden}, N {samples}", kind, samples,
            ours(_INPUTS, hidden, reduction=REDUCTION), dense(_INPUTS, hidden),
            torch.randn(_STEPS, samples, _INPUTS))


def measured(pair: Pair, seconds: float, clock: Callable[[], float] = time.perf_counter
             ) -> dict[str, Any]:
    """Time a pair on one thread, in turns: microseconds, forward and forward with backward.

    Parameters
    ----------
    pair
        What is timed.
    seconds
        For how long, at least; the figures are minima.
    clock
        What tells the time in seconds; that of the processor alone is `time.process_time`.
    """
    layers = {"ours": pair.ours, "dense": pair.dense}
    best = {name: [float("inf")] * 2 for name in layers}
    x = pair.x.clone().requires_grad_()
    with torch.no_grad():
        back = torch.randn_like(pair.dense(x)[0])
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        end, runs = time.perf_counter() + seconds, 0
        while runs < _FEWEST_RUNS or time.perf_counter() < end:
            runs += 1
            for name, layer in layers.items():
                for _ in range(2):  # The first finds the caches full of the layer before.
                    found = _seconds(layer, x, back, clock)
                    best[name] = [min(a, 1e6 * b) for a, b in zip(best[name], found, strict=True)]
    finally:
        torch.set_num_threads(threads)
    return {"name": pair.name, "kind": pair.kind, "samples": pair.samples, **best}


def rows(values: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    """Return lines of a table: name, microseconds of ours and of PyTorch's, and times as fast."""
    return [(v["name"], *(f"{v[one][0]:.0f} / {v[one][1]:.0f}" for one in ("ours", "dense")),
             " / ".join(f"{ratio:.2f}" for ratio in _ratios(v))) for v in values]


def verdicts(values: list[dict[str, Any]]) -> list[str]:
    """Say of each target whether it is reached, by the slowest case that it is for."""
    found: list[str] = []
    for kind, target in TARGETS.items():
        cases = [v for v in values if v["kind"] == kind and v["samples"] >= _FEWEST_SAMPLES]
        for index, what in enumerate(("forward", "forward and backward")):
            ratio, name = min((_ratios(v)[index], v["name"]) for v in cases)
            verdict = "reached" if ratio >= target else "missed"
            found.append(
                f"Clos{kind} at {REDUCTION:g}x, {what}: {verdict}, {ratio:.2f} times as fast as "
                f"nn.{kind} ({name}); the target is {target}")
    return found


def _ratios(value: dict[str, Any]) -> list[float]:
    return [dense / ours for ours, dense in zip(value["ours"], value["dense"], strict=True)]


def _seconds(
    layer: nn.Module, x: Tensor, back: Tensor, clock: Callable[[], float]
) -> tuple[float, float]:
    with torch.no_grad():
        start = clock()
        layer(x)
        forward = clock() - start
    layer.zero_grad()
    x.grad = None
    start = clock()
    layer(x)[0].backward(back)
    return forward, clock() - start


def _main() -> None:
    values = []
    for pair in pairs():
        values.append(measured(pair, 6.0, time.process_time))
        print(" | ".join(rows(values[-1:])[0]), flush=True)
    print("\n".join(verdicts(values)))


if __name__ == "__main__":
    _main()
