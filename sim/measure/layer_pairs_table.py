"""The tables of `layer_pairs`: how much faster each layer is, what it should be, and a verdict."""

from collections.abc import Sequence
from typing import Any

import torch

from .cascade_pairs import FORMS
from .convolution_pairs import CONVOLUTIONS
from .linear_pairs import LINEAR
from .recurrent_pairs import RECURRENT
from .results import markdown_table, paragraphs
from .verdicts import Verdicts

__all__ = ["cascades_text", "pairs_text"]

_SHARE = 0.75  # Of the speed of the products, at least.
_OVER = 1.15  # Of the time of a cascade's faster form, at most.
_BOTH = (0, 1)  # Forward, and forward and backward.
_AIMS = {pair.name: pair.aims for pair in (*LINEAR, *CONVOLUTIONS, *RECURRENT)}


def pairs_text(measured: Sequence[dict[str, Any]], place: str, verdicts: Verdicts, *,
               aims: bool, compiled: Verdicts | None = None) -> str:
    """Markdown of what was measured of pairs; without aims where they were not set for it.

    Verdicts on compiled layers, which have rows of their own, are given to `compiled`.
    """
    rows: list[Sequence[object]] = []
    for one in measured:
        rows.append(_row(one, "ours", verdicts, aims))
        if "compiled" in one["us"]:
            rows.append(_row(one, "compiled", compiled or Verdicts(), aims))
    text = paragraphs(f"""
        A cell has the microseconds of a layer, forward / forward and backward, in float32 on
        {place}, on one thread. Each figure is the least of many runs, in which the layers take
        turns; figures of one thread are its processor time. Backward computes the gradients of
        weights and inputs. `ClosLinear` has no bias here; convolutions and recurrent layers have
        one. PyTorch has version {torch.__version__}. A row "compiled" is the same layer after
        `use_compiled()`, which builds code by g++ (docs/layers.md, "Compiled layers"); the others
        are without it.

        "products" are the layer's matrix products alone, three forward and six backward, on
        operands that lie ready, in the form that the layer takes for the batch: `bmm`, and for the
        gradients of weights at one row a multiplication, which is faster there. "recompute" is the
        layer with `recompute=True`, which keeps its inputs alone for the gradient. "faster" is how
        many times faster the layer is than the dense one, "of products" how fast it is as a part
        of the speed of its products; the aim of that is {_SHARE}. A convolution should take at
        most 0.6 of the dense time, which is 1.67 times faster.""")
    text += "\n" + markdown_table(
        ("layer, batch", "dense", "ours", "products", "recompute", "faster", "aim", "verdict",
         "of products", "verdict"), rows)
    if any(one.get("reused") for one in measured):
        text += "\n" + paragraphs("""
            The gradient of the dense layer's weights is so large at 4096 x 4096 that the C library
            takes new memory from the system for it each time, which clears every page. "memory
            reused" is in a process that keeps its memory (MALLOC_MMAP_THRESHOLD_,
            MALLOC_TRIM_THRESHOLD_), as a program does that keeps its gradients.""")
    return text


def cascades_text(measured: Sequence[dict[str, Any]], verdicts: Verdicts, *, aims: bool) -> str:
    """Markdown of what was measured of cascades, each beside its forms."""
    rows: list[Sequence[object]] = []
    for one in measured:
        us = one["us"]
        over = [us["ours"][i] / min(us[form][i] for form in FORMS) for i in _BOTH]
        said = [verdicts.at_most(value, _OVER if aims else None) for value in over]
        rows.append((f"{one['pair']}, batch {one['batch']}",
                     *(_times(us, name) for name in ("dense", "ours", *FORMS)),
                     _joined([f"{us['dense'][i] / us['ours'][i]:.2f}" for i in _BOTH]),
                     _joined([f"{value:.2f}" for value in over]), _joined(said)))
    text = paragraphs(f"""
        `SparseCascade` chooses a form for each of its stages by the batch: "gather" computes
        connection by connection, "matrix" with the whole matrix. "ours" is the layer as it is, and
        should take at most {_OVER} times as long as the faster of the two forms for all stages:
        "over the form". "dense" is an `nn.Linear` of as many inputs and outputs; nothing has a
        bias.""")
    return text + "\n" + markdown_table(
        ("stages, batch", "dense", "ours", *FORMS, "faster", "over the form", "verdict"), rows)


def _row(one: dict[str, Any], ours: str, verdicts: Verdicts, aims: bool) -> Sequence[object]:
    """The row of a layer as it is, "ours", or "compiled"."""
    us = one["us"]
    wanted = _AIMS[one["pair"]][one["batch"]] if aims else (None, None)
    faster = [us["dense"][i] / us[ours][i] for i in _BOTH]
    said = [verdicts.at_least(*given) for given in zip(faster, wanted, strict=True)]
    share, within = ["", ""], ["", ""]
    if "products" in us:
        found = [us["products"][i] / us[ours][i] for i in _BOTH]
        share = [f"{value:.2f}" for value in found]
        within = [verdicts.at_least(value, _SHARE if aims else None) for value in found]
    kind = ", memory reused" if one.get("reused") else ""
    kind += ", compiled" if ours == "compiled" else ""
    recompute = _times(us, "recompute") if ours == "ours" else ""
    return (
        f"{one['pair']}, batch {one['batch']}{kind}",
        *(_times(us, name) for name in ("dense", ours, "products")), recompute,
        *(_joined(cells) for cells in (
            [f"{value:.2f}" for value in faster],
            ["-" if aim is None else f"{aim:.3g}" for aim in wanted], said, share, within)))


def _times(us: dict[str, list[float]], name: str) -> str:
    return _joined([f"{us[name][i]:.0f}" for i in _BOTH]) if name in us else ""


def _joined(cells: Sequence[str]) -> str:
    return " / ".join(cells) if any(cells) else ""
