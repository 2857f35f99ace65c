"""From a dense layer to the weights and the bias of the Clos layer that replaces it."""

from typing import cast

import torch
from torch import Tensor, nn

from golden.arguments import shown
from golden.clos.fit import TOLERANCE, Progress, fit_clos
from golden.clos.fit_inputs import check_inputs
from golden.clos.forms import ClosWeights, to_matrix
from golden.clos.shape import ClosShape
from golden.errors import ShapeError
from golden.tensors.dense import dense_bias, dense_weight

__all__ = ["INITIALISATIONS", "dense_like", "fit_layer"]

INITIALISATIONS = ("fit", "new")


def dense_like(layer: nn.Module, shape: ClosShape, initialise: object) -> Tensor:
    """Return the weight of a dense layer; of a new layer, which needs its sizes alone, any.

    Raises
    ------
    ShapeError
        If there is none of the sizes of `shape`, it holds no finite numbers where they are needed,
        or `initialise` is neither "fit" nor "new".
    """
    if initialise not in INITIALISATIONS:
        raise ShapeError(f'initialise must be "fit" or "new", not {shown(initialise)}')
    weight = cast(object, getattr(layer, "weight", None))
    if initialise == "fit" or not (isinstance(weight, Tensor) and weight.is_meta):
        weight = dense_weight(layer, 2)
    if tuple(weight.shape) != (shape.out_features, shape.in_features):
        raise ShapeError(
            f"layer must have a weight of shape [{shape.out_features}, {shape.in_features}] for "
            f"{shape}, not {list(weight.shape)}"
        )
    return weight


@torch.no_grad()
def fit_layer(
    layer: nn.Module,
    shape: ClosShape,
    *,
    sweeps: int = 200,
    tolerance: float = TOLERANCE,
    dtype: torch.dtype | None = None,
    inputs: Tensor | None = None,
    progress: Progress | None = None,
    generator: torch.Generator | None = None,
) -> tuple[ClosWeights, Tensor | None]:
    """Fit weights to the dense ones, and a bias [O] that makes up for the mean of the inputs.

    See `ClosLinear.from_dense`. With a bias only the deviations of the inputs from their mean
    count, as it takes over the rest. Without `inputs` the bias is that of the layer.
    """
    weight, bias = dense_weight(layer, 2), dense_bias(layer)
    batch = mean = None
    if inputs is not None:
        batch = check_inputs(inputs, shape.in_features).to(weight.device)
        mean = batch.mean(dim=0)
        if bias is not None and bool((batch != mean).any()):
            batch = batch - mean
    weights = fit_clos(
        weight,
        shape,
        sweeps=sweeps,
        tolerance=tolerance,
        dtype=dtype,
        inputs=batch,
        progress=progress,
        generator=generator,
    )
    if bias is None or mean is None:
        return weights, bias
    left = weight.double() - to_matrix(shape, ClosWeights(*(one.double() for one in weights)))
    return weights, bias.double() + left @ mean
