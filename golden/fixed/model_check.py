"""Whether a chain of layers computes what the user's own model computes.

`golden.models` reads a model; this runs it. Whatever the reading does not see, such as hooks for
all modules or a weight that a parametrisation changes at every call, shows here as a difference.
"""

from typing import cast

import torch
from torch import Tensor, nn

from golden.errors import ModelError
from golden.models.trace import evaluation_copy, unwrapped

__all__ = ["check_outputs"]

_TOLERANCE = 1e-4
# Of a model that computes in no float64, so in float32 or less.
_COARSE_TOLERANCE = 1e-2


def check_outputs(model: nn.Module, x: Tensor, chained: Tensor) -> None:
    """Run a copy of a model in float64, and hold its outputs against those of its chain.

    Parameters
    ----------
    model
        The user's; it stays as it is. The copy runs in evaluation mode, on the CPU.
    x
        Samples [N, ...] as the model takes them, float64; of a chain of pixels, images.
    chained
        What the chain of its layers makes of them, [N, O] float64, N pixels of images.

    Raises
    ------
    ModelError
        If the model cannot be copied or run on the samples, or if an output differs by more than
        1e-4 of the outputs' range (1e-2 for a model that cannot be raised to float64).
    """
    with torch.compiler.set_stance("force_eager"):  # A part of it may be compiled.
        computed, tolerance = _run(unwrapped(model), x)
    computed = computed.to("cpu", torch.float64)
    if computed.shape != chained.shape and computed.numel() == chained.numel():
        computed = computed.reshape(chained.shape)
    if computed.shape != chained.shape:
        raise ModelError(
            f"the model must compute what its layers do, one after the other, but its outputs have "
            f"shape {list(computed.shape)}, and theirs {list(chained.shape)}"
        )
    low, high = float(computed.min()), float(computed.max())
    span = high - low if high > low else max(abs(low), abs(high))
    difference = (computed - chained).abs().amax(dim=1)
    # Not `difference > bound`: that is False for NaN.
    worst = int(difference.nan_to_num(nan=torch.inf).argmax())
    if not float(difference[worst]) <= tolerance * span:
        raise ModelError(
            "the model must compute what its layers do, one after the other, but for sample "
            f"{worst} of the calibration data an output differs by {float(difference[worst]):.3g}, "
            f"where the outputs have a range of {span:.3g}: something that is no layer changes "
            "them, such as a hook, a mask or a parametrisation"
        )


@torch.no_grad()
def _run(model: nn.Module, x: Tensor) -> tuple[Tensor, float]:
    """Compute the outputs in float64 or the model's own type; and what they may differ by."""
    try:
        return _called(evaluation_copy(model).to(torch.float64), x), _TOLERANCE
    except Exception:
        pass  # A part of it may have a type of its own, which `to` does not raise.
    twin = evaluation_copy(model)
    types = [tensor.dtype for tensor in twin.parameters() if tensor.is_floating_point()]
    try:
        return _called(twin, x.to(types[0] if types else torch.float32)), _COARSE_TOLERANCE
    except Exception as error:
        first = str(error).partition("\n")[0]
        raise ModelError(
            "the model must run on the calibration data [N, I] as its layers do, but fails: "
            f"{first}"
        ) from error


def _called(model: nn.Module, x: Tensor) -> Tensor:
    outputs = cast(object, model(x))
    if not isinstance(outputs, Tensor):
        raise ModelError(f"the model must return a tensor, not a {type(outputs).__name__}")
    return outputs
