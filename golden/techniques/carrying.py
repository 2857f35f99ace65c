"""What an optimiser knows of parameters that were replaced by larger ones."""

import torch
from torch import Tensor

from golden.arguments import instance, items
from golden.errors import GoldenError, ShapeError
from golden.techniques.growth import Growth

__all__ = ["carry_optimiser", "check_carried"]

_MEANS = {"row_var": -1, "col_var": -2}
"""States of Adafactor that are means over a dimension of the parameter."""


def carry_optimiser(optimiser: torch.optim.Optimizer, growths: list[Growth]) -> None:
    """Give the optimiser the new parameters, with what it knew of each old element.

    Its state of new elements starts at 0. States that are not of the parameter's shape, such as the
    number of steps, are taken over; so are the means by rows and columns of Adafactor.

    Raises
    ------
    ShapeError
        If an argument is something else, or the optimiser is `torch.optim.LBFGS`.
    """
    optimiser = instance("optimiser", optimiser, torch.optim.Optimizer)
    check_carried(optimiser, ShapeError)
    growths = [instance("growths", one, Growth) for one in items("growths", growths)]
    by_old = {growth.old: growth for growth in growths}
    for group in optimiser.param_groups:
        # In place, for optimisers that keep the list itself.
        group["params"][:] = [
            by_old[one].new if one in by_old else one for one in group["params"]
        ]
    for growth in growths:
        state = optimiser.state.pop(growth.old, None)
        if state is None:
            continue
        for key, value in state.items():
            if not isinstance(value, Tensor):
                continue
            if key in _MEANS and value.ndim == growth.old.ndim:
                state[key] = _enlarged(value, growth.new.shape, _MEANS[key])
            elif value.shape == growth.old.shape:
                state[key] = _spread(value, growth.new.shape, growth.places)
        optimiser.state[growth.new] = state


def check_carried(optimiser: torch.optim.Optimizer, error: type[GoldenError]) -> None:
    """Refuse an optimiser whose state is not one for each parameter, as `error`."""
    if isinstance(optimiser, torch.optim.LBFGS):
        raise error(
            "optimiser must have a state for each parameter, which LBFGS has not: make another one "
            "after each growth"
        )


def _spread(values: Tensor, shape: torch.Size, places: Tensor) -> Tensor:
    """Put `values` at their places into zeros of `shape`."""
    whole = values.new_zeros(shape)
    whole.view(-1)[places.flatten()] = values.flatten()
    return whole


def _enlarged(values: Tensor, shape: torch.Size, dimension: int) -> Tensor:
    """Put means over a dimension into zeros of `shape`, in which that one has size 1."""
    sizes = list(shape)
    sizes[dimension] = 1
    whole = values.new_zeros(sizes)
    whole[tuple(slice(size) for size in values.shape)] = values
    return whole
