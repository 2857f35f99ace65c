"""How far the outputs of fixed point are from those of the float model, output by output."""

import copy
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from golden import load_checkpoint
from golden.data.preparation import Preparation
from golden.layers.dense import without_cuts
from golden.models.read import read_chain
from golden.training.trainer import one_thread
from sw_driver.compiled import Compiled
from sw_driver.errors import DriverError

__all__ = ["OutputErrors", "compare_outputs", "load_float"]

_SAMPLES = 1024  # At once: bounds the memory of their intermediate results.
_MOST_ROWS = 20  # Outputs that a table shows.


@dataclasses.dataclass(frozen=True)
class OutputErrors:
    """Differences of outputs, as magnitudes, over all samples.

    Parameters
    ----------
    names
        Of the outputs.
    largest, mean, rms
        Of each output.
    all
        The three of all outputs together.
    """

    names: tuple[str, ...]
    largest: tuple[float, ...]
    mean: tuple[float, ...]
    rms: tuple[float, ...]
    all: tuple[float, float, float]

    @classmethod
    def of(cls, errors: NDArray[Any], names: Sequence[str]) -> "OutputErrors":
        """Sum up errors [N, O]."""
        size = np.abs(errors)
        found = size.max(axis=0), size.mean(axis=0), np.sqrt((size**2).mean(axis=0))
        each = (tuple(map(float, numbers)) for numbers in found)
        everything = float(size.max()), float(size.mean()), float(np.sqrt((size**2).mean()))
        return cls(tuple(names), *each, all=everything)

    def rows(self) -> list[tuple[str, str, str, str]]:
        """Rows of a table, all outputs last; of many outputs, those with the largest rms."""
        order = list(range(len(self.names)))
        if len(self.names) > _MOST_ROWS:
            order = sorted(order, key=lambda output: -self.rms[output])[:_MOST_ROWS]
        rows = [(self.names[at], self.largest[at], self.mean[at], self.rms[at]) for at in order]
        rows.append((f"all {len(self.names)}", *self.all))
        return [(name, f"{a:.3g}", f"{b:.3g}", f"{c:.3g}") for name, a, b, c in rows]

    def as_dict(self) -> dict[str, Any]:
        """What JSON can write."""
        return dataclasses.asdict(self)


def load_float(
    path: Path, compiled: Compiled, preparation: Preparation | None
) -> nn.Module:
    """Read the float model that a net was compiled from.

    Parameters
    ----------
    path
        Of the model file.
    compiled
        The net.
    preparation
        How its samples became inputs.

    Raises
    ------
    DriverError
        If the file holds a model of other layers, or one whose inputs are prepared otherwise.
    GoldenError
        If it is no model file.
    """
    saved = load_checkpoint(path)
    shapes = tuple(item.shape for item in read_chain(saved.model))
    wanted = without_cuts(compiled.shapes)
    if shapes != wanted:
        raise DriverError(
            f"model must be the one that was compiled, of layers {', '.join(map(str, wanted))}, "
            f"but {path} has {', '.join(map(str, shapes))}"
        )
    if saved.preparation != preparation:
        raise DriverError(
            f"model must be the one that was compiled, but {path} prepares its inputs otherwise"
        )
    return saved.model


def compare_outputs(
    model: nn.Module, x: NDArray[Any], outputs: NDArray[Any], names: Sequence[str]
) -> OutputErrors:
    """Run a float model in float64, and compare its outputs with those of its compiled net.

    Parameters
    ----------
    model
        See `load_float`.
    x
        The inputs [N, I].
    outputs
        What the net made of them, as real numbers [N, O].
    names
        Of the outputs.
    """
    model = copy.deepcopy(model).to(torch.float64)
    reals = torch.as_tensor(x).to(torch.float64)
    starts = range(0, len(reals), _SAMPLES)
    with torch.no_grad(), one_thread():
        wanted = torch.cat([model(reals[start : start + _SAMPLES]) for start in starts]).numpy()
    return OutputErrors.of(outputs - wanted, names)
