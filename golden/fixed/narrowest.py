"""The narrowest words in which a model keeps to a stated loss on given samples."""

import dataclasses
import math
from collections.abc import Sequence

from torch import nn

from golden.arguments import real_number
from golden.errors import ModelError
from golden.fixed.precision import FixedPointError, fixed_point_error
from golden.fixed.quantise import quantise
from golden.fixed.words import MAX_WORD_BITS, MIN_WORD_BITS
from golden.tensors.reals import Reals

__all__ = ["TriedWords", "check_loss", "narrowest_words"]

_ROUNDING = 1e-9  # Of differences of parts in float64; less than a sample in any data.


@dataclasses.dataclass(frozen=True)
class TriedWords:
    """What a model loses in words of one width.

    Parameters
    ----------
    bits
        Width of an activation and of a weight.
    loss
        Accuracy in float less that in words, where the labels are known; else the part of the
        samples whose largest output is another one; of a single output, the mean error as a part of
        the range of the outputs. Negative if the words are more accurate.
    enough
        Whether the loss is at most the stated one.
    error
        All that was measured.
    """

    bits: int
    loss: float
    enough: bool
    error: FixedPointError


def check_loss(loss: float) -> float:
    """Return a loss, at least 0 and below 1.

    Raises
    ------
    ModelError
        If it is something else.
    """
    loss = real_number("loss", loss, error=ModelError)
    if not 0 <= loss < 1:
        raise ModelError(f"loss must be at least 0 and below 1, not {loss:g}")
    return loss


def narrowest_words(
    model: nn.Module,
    x: Reals,
    *,
    loss: float = 0.01,
    labels: Reals | None = None,
    dense_cuts: Sequence[Sequence[int]] = (),
) -> tuple[int, tuple[TriedWords, ...]]:
    """Find the narrowest words, of activations and weights alike, that lose at most `loss` on `x`.

    Widths are tried from 4 bits upwards until one is enough: what a net loses does not always fall
    with the width, so that bisection could miss the narrowest one.

    Parameters
    ----------
    model
        What `golden.quantise` takes.
    x
        Real samples, as `golden.quantise` takes them; they set the scales, too.
    loss
        Most that may be lost, at least 0 and below 1; `TriedWords.loss` says of what.
    labels
        Classes of the samples, as `golden.fixed_point_error` takes them.
    dense_cuts
        As of `golden.quantise`.

    Returns
    -------
    bits : int
        4 to 18.
    tried : tuple of TriedWords
        Every width that was tried, from 4 to `bits`.

    Raises
    ------
    ModelError
        If `loss` is no such number, or words of 18 bits lose more; or as `golden.quantise`.
    ShapeError
        If the samples or the labels do not fit.
    """
    loss = check_loss(loss)
    tried: list[TriedWords] = []
    for bits in range(MIN_WORD_BITS, MAX_WORD_BITS + 1):
        net = quantise(model, x, act_bits=bits, weight_bits=bits, dense_cuts=dense_cuts)
        error = fixed_point_error(model, net, x, labels)
        lost = _lost(error)
        tried.append(TriedWords(bits, lost, lost <= loss + _ROUNDING, error))
        if tried[-1].enough:
            return bits, tuple(tried)
    least = math.ceil(tried[-1].loss * 1e4) / 1e4
    raise ModelError(
        f"loss must be at least {least:g}, what words of {MAX_WORD_BITS} bits lose on "
        f"the samples, not {loss:g}"
    )


def _lost(error: FixedPointError) -> float:
    if error.accuracy is not None and error.float_accuracy is not None:
        return error.float_accuracy - error.accuracy
    if error.agreement is not None:
        return 1 - error.agreement
    if error.span:
        return error.mean / error.span
    return 1.0 if error.mean else 0.0  # All of a range that there is not.
