"""Layers of ours, each beside the dense layer that it stands for, and how much faster it should be.

The pairs are in `linear_pairs`, `convolution_pairs`, `recurrent_pairs` and `cascade_pairs`: a table
has a row for each batch of a pair.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from golden.errors import CompiledMissing
from golden.operators import library
from golden.operators.library import Operators
from golden.operators.switch import chosen

from .timing import Steps, layer_steps, least_times, on_threads

__all__ = ["Aims", "LayerPair", "pair_times"]

Aims = Mapping[int, tuple[float | None, float | None]]
"""By batch, how many times faster a layer should be, forward and forward and backward.

None for no aim. The batches are those that are measured.
"""

_FEWEST_RUNS = 5


@dataclasses.dataclass(frozen=True)
class LayerPair:
    """A layer of ours and the dense layer that it stands for.

    Parameters
    ----------
    name
        Of our layer, for the table.
    ours, dense
        Make the layers; both take the same inputs.
    inputs
        Makes the inputs of a batch.
    aims
        By batch, how many times faster ours should be, forward and forward and backward; None for
        no aim. The batches are those that are measured.
    products
        Returns, for our layer and a batch, its bare products: what else it does costs time too.
    compiled
        Whether our layer is timed with its compiled form, too, where there is g++.
    others
        Makes of our layer others to be timed beside it, by their names: with an option, or forms.
    """

    name: str
    ours: Callable[[], nn.Module]
    dense: Callable[[], nn.Module]
    inputs: Callable[[int], Tensor]
    aims: Aims
    products: Callable[[Any, int], Steps] | None = None
    compiled: bool = False
    others: Callable[[Any], Mapping[str, nn.Module]] | None = None


def pair_times(pair: LayerPair, batch: int, device: torch.device, *,
               seconds: float) -> dict[str, tuple[float, float]]:
    """Least microseconds on one thread, forward and forward and backward, of all layers of a pair.

    Parameters
    ----------
    pair, batch
        What is timed, on weights and inputs of seed 0.
    device
        Where PyTorch computes it.
    seconds
        How long at least, for each layer.

    Returns
    -------
    dict
        By name: "dense", "ours", "compiled" if that is timed, "products" if the pair has them, and
        the others of the pair.
    """
    torch.manual_seed(0)
    x = pair.inputs(batch).to(device)
    ours = pair.ours().to(device)
    steps = {"dense": layer_steps(pair.dense().to(device), x), "ours": layer_steps(ours, x)}
    operators = _operators() if pair.compiled and device.type == "cpu" else None
    if operators is not None:
        forward, both = steps["ours"]
        steps["compiled"] = _with(operators, forward), _with(operators, both)
    if pair.products is not None:
        steps["products"] = pair.products(ours, batch)
    for name, layer in (pair.others(ours) if pair.others is not None else {}).items():
        steps[name] = layer_steps(layer.to(device), x)
    with on_threads(1), chosen(None):
        return least_times(steps, device, seconds=seconds, runs=_FEWEST_RUNS)


def _operators() -> Operators | None:
    try:
        return library.operators()
    except CompiledMissing:
        return None


def _with(operators: Operators, step: Callable[[], object]) -> Callable[[], object]:
    def call() -> object:
        with chosen(operators):
            return step()

    return call
