"""Second moments of a layer's inputs, from a batch of them: what a weighted fit counts by."""

import warnings

import torch
from torch import Tensor

from golden.arguments import tensor
from golden.errors import GoldenWarning, ShapeError

__all__ = ["check_inputs", "moments_of"]

_LEAST_SHRINKAGE = 1e-4


def check_inputs(inputs: object, features: int) -> Tensor:
    """Return a calibration batch [..., I] as [N, I] in float64.

    Raises
    ------
    ShapeError
        If it is not of real, finite numbers, has another last dimension than `features`, holds no
        sample or is 0 throughout.
    """
    batch = tensor("inputs", inputs)
    if not batch.is_floating_point():
        raise ShapeError(f"inputs must be of real numbers, not {batch.dtype}")
    if batch.ndim < 2 or batch.shape[-1] != features:
        raise ShapeError(
            f"inputs must have the shape [samples, {features}], what the layer takes, "
            f"not {list(batch.shape)}"
        )
    if batch.numel() == 0:
        raise ShapeError(
            f"inputs must hold at least one sample, not none (shape {list(batch.shape)})"
        )
    batch = batch.detach().reshape(-1, features).double()
    if not bool(torch.isfinite(batch).all()):
        raise ShapeError("inputs must be finite, but hold NaN or infinity")
    if not bool(batch.any()):
        raise ShapeError("inputs must not be 0 throughout: they say nothing of what counts")
    return batch


def moments_of(batch: Tensor) -> Tensor:
    """Estimate the mean of x x^T [I, I] from [N, I], drawn towards a multiple of the identity.

    How far is Ledoit and Wolf, "A Well-Conditioned Estimator for Large-Dimensional Covariance
    Matrices", section 3.3, but at least 1e-4, so that an input that is never on has a weight too.
    Fewer samples than features get a `GoldenWarning`.
    """
    samples, features = batch.shape
    if samples < features:
        warnings.warn(
            f"inputs hold {samples} samples for {features} features: too few for all "
            "correlations, so the fit counts much by their mean size alone; pass more samples",
            GoldenWarning,
            stacklevel=4,
        )
    size = batch.square().mean().sqrt()
    batch = batch / size
    found = batch.T @ batch / samples
    identity = torch.eye(features).to(found)
    spread = float((found - identity).square().sum())
    fourth = float(batch.square().sum(dim=1).square().mean())
    noise = (fourth - float(found.square().sum())) / samples
    share = min(max(noise / spread, _LEAST_SHRINKAGE), 1.0) if spread else 1.0
    return (found * (1 - share) + identity * share) * size.square()
