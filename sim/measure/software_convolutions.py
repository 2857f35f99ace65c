"""How fast Clos convolutions are in PyTorch, side by side with the dense ones."""

import dataclasses
import time
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from golden.layers import ClosConv1d, ClosConv2d

from .results import Bench, Table, markdown_table, paragraphs, source_digest

__all__ = ["TARGET", "Pair", "measure_convolutions", "pairs", "verdict"]

TARGET = 0.6
"""The most that a Clos convolution may take of the dense one's time, forward and backward."""

_REDUCTION = 4.0
_SIZES = ((64, 64, 28), (128, 256, 14), (512, 512, 7))  # Channels, and the side of the images.
_BATCHES = (8, 64)
_LAYOUTS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}
_SERIES = (256, 256, 196)
_SECONDS = 2.0
_FEWEST_RUNS = 5
_HEAD = ("channels, size, batch, layout", "weights", "Clos", "dense", "of the dense time", "target")


@dataclasses.dataclass(frozen=True)
class Pair:
    """A Clos convolution, the dense one of the same options, and inputs for both.

    Parameters
    ----------
    name
        Of the row.
    ours, dense
        The layers, both with a bias.
    x
        The inputs.
    target
        The most of the dense time, forward and backward; None where it is only reported.
    """

    name: str
    ours: ClosConv1d | ClosConv2d
    dense: nn.Module
    x: Tensor
    target: float | None


def pairs(quick: bool = False) -> Iterator[Pair]:
    """Yield what is compared, one at a time; quick: the smallest images and batch alone."""
    for inputs, outputs, side in _SIZES[: 1 if quick else None]:
        for batch in _BATCHES[: 1 if quick else None]:
            for layout, memory_format in _LAYOUTS.items():
                torch.manual_seed(0)
                ours = ClosConv2d.from_budget(
                    inputs, outputs, reduction=_REDUCTION, kernel_size=3, padding=1
                )
                x = torch.randn(batch, inputs, side, side).to(memory_format=memory_format)
                yield Pair(
                    f"{inputs}-{outputs}, {side}x{side}, {batch}, {layout}",
                    ours,
                    nn.Conv2d(inputs, outputs, 3, padding=1),
                    x,
                    TARGET if layout == "contiguous" else None,
                )
    if not quick:
        inputs, outputs, length = _SERIES
        for batch in _BATCHES:
            torch.manual_seed(0)
            ours = ClosConv1d.from_budget(
                inputs, outputs, reduction=_REDUCTION, kernel_size=9, padding="same"
            )
            dense = nn.Conv1d(inputs, outputs, 9, padding="same")
            x = torch.randn(batch, inputs, length)
            yield Pair(f"{inputs}-{outputs}, {length}, {batch}, 1d", ours, dense, x, None)


def measure_convolutions(bench: Bench) -> Table:
    """Time all pairs on one thread of the CPU; about a minute."""
    depends = {
        "golden": source_digest("golden"), "torch": torch.__version__, "seconds": _SECONDS,
        "reduction": _REDUCTION,
    }
    found = list(pairs(bench.quick))
    values: list[dict[str, Any]] = []
    for done, pair in enumerate(found):
        bench.tell(f"convolutions: {pair.name}", done, len(found))
        case = {"name": pair.name, "routers": pair.ours.routers}
        values.append(bench.result(
            "software", {**depends, "convolution": case},
            lambda pair=pair, case=case: {
                **case, "density": pair.ours.density, "target": pair.target, "us": _times(pair)}))
    bench.tell("convolutions", len(found), len(found))
    return Table(_text(values), values)


def verdict(value: dict[str, Any]) -> str:
    """Say whether the target of a row is met: "met", "missed" or, if it has none, "-"."""
    ours, dense = value["us"]["Clos"][1], value["us"]["dense"][1]
    if value["target"] is None:
        return "-"
    return f"{value['target']:g}: {'met' if ours <= value['target'] * dense else 'missed'}"


def _text(values: list[dict[str, Any]]) -> str:
    rows: list[tuple[str, ...]] = []
    for value in values:
        us = value["us"]
        ratios = [us["Clos"][i] / us["dense"][i] for i in (0, 1)]
        rows.append((
            value["name"], f"1/{1 / value['density']:.1f}",
            *(" / ".join(f"{one:.0f}" for one in us[name]) for name in ("Clos", "dense")),
            " / ".join(f"{ratio:.2f}" for ratio in ratios), verdict(value)))
    text = paragraphs(f"""
        Convolutions of 3 x 3 (of 9 in one direction) with a bias in float32, on one thread of the
        CPU. Clos layers are `from_budget` with a reduction of {_REDUCTION:g}, so that they have at
        most a quarter of the dense weights. A cell has microseconds, forward / forward and
        backward, the least of at least {_FEWEST_RUNS} runs in which both layers take turns; they
        are time of the processor, so that what else the machine does counts little. Backward
        computes the gradients of weights and inputs. The target is of forward and backward.""")
    return text + "\n" + markdown_table(_HEAD, rows)


def _times(pair: Pair) -> dict[str, tuple[float, float]]:
    """Minima in microseconds by layer: forward, and forward and backward."""
    layers = {"Clos": pair.ours, "dense": pair.dense}
    with torch.no_grad():
        back = torch.randn_like(pair.dense(pair.x))
    best = {name: (float("inf"), float("inf")) for name in layers}
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        end, runs = time.process_time() + _SECONDS * len(layers), 0
        while runs < _FEWEST_RUNS or time.process_time() < end:
            for name, layer in layers.items():
                forward, both = _seconds(layer, pair.x, back)
                best[name] = (min(best[name][0], forward), min(best[name][1], both))
            runs += 1
    finally:
        torch.set_num_threads(before)
    return {name: (1e6 * forward, 1e6 * both) for name, (forward, both) in best.items()}


def _seconds(layer: nn.Module, x: Tensor, back: Tensor) -> tuple[float, float]:
    with torch.no_grad():
        start = time.process_time()
        layer(x)
        forward = time.process_time() - start
    layer.zero_grad()
    inputs = x.detach().requires_grad_()
    start = time.process_time()
    layer(inputs).backward(back)
    return forward, time.process_time() - start
