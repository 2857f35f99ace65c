"""The table of `layer_pairs`: how much faster each layer is, what it should be, and a verdict."""

from collections.abc import Sequence
from typing import Any

import torch

from .layer_pairs import PAIRS
from .results import markdown_table, paragraphs

__all__ = ["pairs_text"]

_SHARE = 0.75  # Of the speed of the products, at least.
_BOTH = (0, 1)  # Forward, and forward and backward.


def pairs_text(measured: Sequence[dict[str, Any]], reused: Sequence[dict[str, Any]], place: str,
               *, aims: bool) -> str:
    """Markdown of what was measured of the pairs; without aims where they were not set for it."""
    rows: list[Sequence[object]] = []
    met = missed = 0
    for one in (*measured, *reused):
        pair = next(pair for pair in PAIRS if pair.name == one["pair"])
        batch = one.get("batch", 1)
        us, wanted = one["us"], pair.aims[batch] if aims else (None, None)
        faster = [us["dense"][i] / us["ours"][i] for i in _BOTH]
        verdicts = [_verdict(*given) for given in zip(faster, wanted, strict=True)]
        share, within = ["", ""], ["", ""]
        if "products" in us:
            found = [us["products"][i] / us["ours"][i] for i in _BOTH]
            share = [f"{value:.2f}" for value in found]
            within = [_verdict(value, _SHARE if aims else None) for value in found]
        met += (*verdicts, *within).count("met")
        missed += (*verdicts, *within).count("**missed**")
        kind = "" if "batch" in one else ", memory reused"
        rows.append((f"{pair.name}, batch {batch}{kind}", *(
            _two(us, kind) for kind in ("dense", "ours", "products", "variant")),
            *(_pair(cells) for cells in (
                [f"{value:.2f}" for value in faster],
                ["-" if aim is None else f"{aim:g}" for aim in wanted], verdicts, share, within))))
    text = paragraphs(f"""
        A cell has the microseconds of a layer, forward / forward and backward, in float32 without
        bias on {place}, on one thread. Each figure is the least of many runs, in which the layers
        take turns; figures of one thread are its processor time. Backward computes the gradients
        of weights and inputs. PyTorch has version {torch.__version__}.

        "products" are the layer's matrix products alone, three forward and six backward, on
        operands that lie ready, in the form that the layer takes for the batch: `bmm`, and for the
        gradients of weights at one row a multiplication, which is faster there. "recompute" is the
        layer with `recompute=True`, which keeps its inputs alone for the gradient. "faster" is how
        many times faster the layer is than the dense one, "of products" how fast it is as a part
        of the speed of its products; the aim of that is {_SHARE}.""")
    text += "\n" + markdown_table(
        ("layer, batch", "dense", "ours", "products", "recompute", "faster", "aim", "verdict",
         "of products", "verdict"), rows)
    if aims:
        text += "\n" + paragraphs(f"Of {met + missed} aims, {met} are met and {missed} missed.")
    if reused:
        text += "\n" + paragraphs("""
            The gradient of the dense layer's weights is so large at 4096 x 4096 that the C library
            takes new memory from the system for it each time, which clears every page. "memory
            reused" is in a process that keeps its memory (MALLOC_MMAP_THRESHOLD_,
            MALLOC_TRIM_THRESHOLD_), as a program does that keeps its gradients.""")
    return text


def _two(us: dict[str, list[float]], kind: str) -> str:
    return _pair([f"{us[kind][i]:.0f}" for i in _BOTH]) if kind in us else ""


def _pair(cells: Sequence[str]) -> str:
    return " / ".join(cells) if any(cells) else ""


def _verdict(value: float, aim: float | None) -> str:
    if aim is None:
        return "-"
    return "met" if value >= aim else "**missed**"
