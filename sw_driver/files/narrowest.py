"""The narrowest words that keep to a stated loss on the samples of a command."""

import dataclasses
from typing import Any

from torch import nn

from golden.data.loading import Part
from golden.fixed.narrowest import TriedWords, narrowest_words
from golden.models.read import read_chain
from sw_driver.files.report import percent
from sw_driver.plan.placement import dense_cuts

__all__ = ["FoundWords", "find_words"]


@dataclasses.dataclass(frozen=True)
class FoundWords:
    """The narrowest words for a stated loss, and what was tried.

    Parameters
    ----------
    bits
        Of an activation and of a weight.
    tried
        Every width from 4 bits to this one.
    most
        The stated loss.
    name
        Of the samples.
    """

    bits: int
    tried: tuple[TriedWords, ...]
    most: float
    name: str

    @property
    def title(self) -> str:
        """What the table says."""
        error = self.tried[-1].error
        if error.float_accuracy is not None:
            kept = f"accuracy of at least {percent(error.float_accuracy - self.most)}"
            kept += f", in float {percent(error.float_accuracy)}"
        elif error.agreement is not None:
            kept = f"same class as in float for at least {percent(1 - self.most)}"
        else:
            kept = f"mean error of at most {percent(self.most)} of the range"
        return f"Narrowest words on {self.name}, {error.samples} samples: {kept}"

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns of the table."""
        return ("bits", *(name for name, _ in _figures(self.tried[0])), "enough")

    def rows(self) -> list[tuple[str, ...]]:
        """Rows of the table, narrow words first."""
        return [
            (
                str(one.bits),
                *(figure for _, figure in _figures(one)),
                "yes" if one.enough else "no",
            )
            for one in self.tried
        ]

    def as_dict(self) -> dict[str, Any]:
        """What JSON can write."""
        tried = [
            {
                "bits": one.bits,
                "loss": one.loss,
                "enough": one.enough,
                "accuracy": one.error.accuracy,
                "agreement": one.error.agreement,
                "mean": one.error.mean,
            }
            for one in self.tried
        ]
        error = self.tried[-1].error
        return {
            "data": self.name,
            "most_loss": self.most,
            "bits": self.bits,
            "float_accuracy": error.float_accuracy,
            "span": error.span,
            "tried": tried,
        }


def _figures(one: TriedWords) -> list[tuple[str, str]]:
    """Names and values of what was measured at a width."""
    error = one.error
    figures: list[tuple[str, str]] = []
    if error.accuracy is not None:
        figures.append(("accuracy", percent(error.accuracy)))
    if error.agreement is not None:
        figures.append(("same class as in float", percent(error.agreement)))
    mean = f"{100 * error.mean / error.span:.2g} %" if error.span else "all"
    return [*figures, ("mean error, of the range", mean)]


def find_words(model: nn.Module, samples: Part, rows: int, cols: int, most: float) -> FoundWords:
    """Find the narrowest words that lose at most `most` on samples, as a torus computes them.

    Classes count where the samples have them; pixels of images have none.

    Raises
    ------
    GoldenError
        As `golden.fixed.narrowest.narrowest_words`.
    """
    shapes = [item.shape for item in read_chain(model, sample_shape=samples.x.shape[1:])]
    bits, tried = narrowest_words(
        model,
        samples.x,
        loss=most,
        labels=samples.labels if samples.x.ndim == 2 else None,
        dense_cuts=dense_cuts(shapes, rows, cols),
    )
    return FoundWords(bits, tried, most, samples.name)
