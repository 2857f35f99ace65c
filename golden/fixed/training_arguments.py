"""Checks of what a step of fixed-point training is given."""

from collections.abc import Collection, Sequence

from torch import Tensor

from golden.arguments import instance, items, tensor, whole_number
from golden.errors import ModelError, ShapeError
from golden.fixed.dense import DenseWords
from golden.fixed.format import TrainingFormat
from golden.fixed.layer import LayerWords
from golden.fixed.layer_format import DenseFormat
from golden.fixed.quantised import AnyLayerWords
from golden.fixed.visits import check_tensor
from golden.fixed.words import signed_bits

__all__ = ["check_frozen", "check_step", "check_targets"]


def check_targets(form: TrainingFormat, outputs: Tensor, targets: Tensor) -> int:
    """Check that targets are words like `outputs` [N, O], and return the shift of the format.

    Raises
    ------
    ShapeError
        If they are not.
    ModelError
        If the format has no `error_shift`, or a target does not fit its width.
    """
    if form.error_shift is None:
        raise ModelError("the format must have an error_shift for targets, not None")
    check_tensor("targets", targets, tuple(outputs.shape))
    bits = min(form.act_bits, form.grad_bits)
    if signed_bits(targets) > bits:
        raise ModelError(f"targets must fit {bits} bits, but need {signed_bits(targets)}")
    return form.error_shift


def check_step(
    form: TrainingFormat, x: Tensor, words: Sequence[AnyLayerWords], sample: int
) -> None:
    """Check that `words` are of the net and of `x`, and that `x` has the sample.

    Raises
    ------
    ShapeError
        If they are not, or it has not.
    """
    features = form.shapes[0].in_features
    if tensor("x", x).ndim != 2 or x.shape[1] != features:
        raise ShapeError(f"x must be [N, {features}], not {list(x.shape)}")
    for layer, wanted in zip(items("words", words, len(form.layers)), form.layers, strict=True):
        dense = isinstance(wanted, DenseFormat)
        found = instance("each of words", layer, DenseWords if dense else LayerWords)
        if len(tensor("words", found.output.words)) != len(x):
            raise ShapeError(
                f"words must be of the {len(x)} samples of x, not of {len(found.output.words)}"
            )
    number = whole_number("sample", sample, 0)
    if number >= len(x):
        raise ShapeError(f"sample must be 0 to {len(x) - 1}, one of x, not {number}")


def check_frozen(frozen: Collection[int], layers: int) -> None:
    """Check that every frozen layer is one of so many.

    Raises
    ------
    ModelError
        If it is not.
    """
    for index in items("frozen", frozen, error=ModelError):
        if not 0 <= whole_number("a frozen layer", index, error=ModelError) < layers:
            raise ModelError(f"a frozen layer must be 0 to {layers - 1}, not {index}")
