"""What a model needs to read further data as those that it was trained on."""

import dataclasses
import math
from typing import Any, Self, cast

import numpy as np
import numpy.typing as npt

from golden.arguments import shown
from golden.errors import DataError

__all__ = ["Preparation", "check_split"]

_MOST_SEED = (1 << 32) - 1


@dataclasses.dataclass(frozen=True)
class Preparation:
    """How samples become inputs of a model, and classes become its outputs.

    Parameters
    ----------
    features
        Names of the inputs, in order; None where the data had none.
    label
        Name of the column of classes; None where the data had none.
    classes
        Names of the outputs, in order; None where classes are numbers. A net may have more outputs.
    mean, scale
        What is taken from each input, and what the rest is divided by; None for inputs as they are.
    split
        The part of the samples that was kept for testing, and the seed that chose them; None where
        test samples came by themselves.

    Raises
    ------
    DataError
        If a field is something else, or their sizes do not fit together.
    """

    features: tuple[str, ...] | None = None
    label: str | None = None
    classes: tuple[str, ...] | None = None
    mean: tuple[float, ...] | None = None
    scale: tuple[float, ...] | None = None
    split: tuple[float, int] | None = None

    def __post_init__(self) -> None:
        """Check every field; see the class."""
        for name in ("features", "classes"):
            texts: tuple[str, ...] | None = getattr(self, name)
            if texts is not None and not (_are(texts, str) and len(set(texts)) == len(texts)):
                raise DataError(f"{name} must be different names, or None, not {shown(texts)}")
        if self.label is not None and not isinstance(cast(object, self.label), str):
            raise DataError(f"label must be a name or None, not {shown(self.label)}")
        for name in ("mean", "scale"):
            numbers: tuple[float, ...] | None = getattr(self, name)
            if numbers is not None and not (
                _are(numbers, float) and all(map(math.isfinite, numbers))
            ):
                raise DataError(f"{name} must be finite numbers, or None, not {shown(numbers)}")
        if self.scale is not None and min(self.scale) <= 0:
            raise DataError(f"scale must be above 0, not {min(self.scale)}")
        sizes = {len(each) for each in (self.features, self.mean, self.scale) if each is not None}
        if len(sizes) > 1 or (self.mean is None) != (self.scale is None):
            raise DataError("features, mean and scale must be of as many inputs")
        if self.split is not None:
            if not isinstance(cast(object, self.split), tuple) or len(self.split) != 2:
                given = shown(self.split)
                raise DataError(f"split must be a part and a seed, or None, not {given}")
            check_split(*self.split)

    @classmethod
    def fitted(cls, x: npt.NDArray[Any], **fields: Any) -> Self:
        """Return one that gives samples [N, features] a mean of 0 and a deviation of 1.

        An input that is the same in all samples becomes 0. `fields` are the other fields.
        """
        values = np.asarray(x, np.float64)
        mean: npt.NDArray[np.float64] = values.mean(axis=0)
        deviation: npt.NDArray[np.float64] = values.std(axis=0)
        constant = (values == values[0]).all(axis=0) | (deviation == 0)
        mean[constant], deviation[constant] = values[0][constant], 1.0
        return cls(mean=tuple(mean.tolist()), scale=tuple(deviation.tolist()), **fields)

    def apply(self, x: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Return the inputs of a model, float32 [N, features], for samples of the same shape.

        Raises
        ------
        DataError
            If the samples have another number of features than was standardised.
        """
        if self.mean is not None and self.scale is not None:
            if x.shape[1] != len(self.mean):
                raise DataError(
                    f"data must be samples of {len(self.mean)} values, as the model was trained "
                    f"on, not {x.shape[1]}"
                )
            limit = np.finfo(np.float32)
            x = (np.asarray(x, np.float64) - np.array(self.mean)) / np.array(self.scale)
            x = np.clip(x, limit.min, limit.max)
        return np.ascontiguousarray(x, np.float32)

    def check_sizes(self, inputs: int, outputs: int) -> None:
        """Refuse a model of another number of inputs, or of fewer outputs than there are classes.

        Raises
        ------
        DataError
            The message names the field.
        """
        for name in ("features", "mean"):
            values: tuple[object, ...] | None = getattr(self, name)
            if values is not None and len(values) != inputs:
                raise DataError(f"{name} must be of {inputs} inputs, not {len(values)}")
        if self.classes is not None and len(self.classes) > outputs:
            raise DataError(f"classes must be at most {outputs}, not {len(self.classes)}")

    def as_dict(self) -> dict[str, Any]:
        """Return what `from_dict` and JSON can read."""
        return {
            name: list(cast(tuple[Any, ...], value)) if isinstance(value, tuple) else value
            for name, value in dataclasses.asdict(self).items()
        }

    @classmethod
    def from_dict(cls, fields: object) -> Self:
        """Read what `as_dict` returned.

        Raises
        ------
        DataError
            If it is something else.
        """
        names = [field.name for field in dataclasses.fields(cls)]
        if not isinstance(fields, dict) or set(cast(dict[object, object], fields)) != set(names):
            odd = shown(cast(object, fields))
            raise DataError(f"preparation must have the fields {', '.join(names)}, not {odd}")
        held = cast(dict[str, Any], fields)
        given: dict[str, Any] = {
            name: tuple(cast(list[Any], value)) if isinstance(value, list) else value
            for name, value in held.items()
        }
        return cls(**given)


def check_split(fraction: object, seed: object) -> None:
    """Refuse a part and a seed with which no samples can be kept for testing.

    Raises
    ------
    DataError
        The message calls them test_fraction and split_seed.
    """
    if not isinstance(fraction, float) or not 0 < fraction < 1:
        raise DataError(f"test_fraction must be above 0 and below 1, not {shown(fraction)}")
    if type(seed) is not int or not 0 <= seed <= _MOST_SEED:
        raise DataError(
            f"split_seed must be a whole number from 0 to {_MOST_SEED}, not {shown(seed)}"
        )


def _are(values: object, kind: type) -> bool:
    """Whether it is a tuple, not empty, of values of one class."""
    return (
        isinstance(values, tuple)
        and bool(cast(tuple[object, ...], values))
        and all(type(value) is kind for value in cast(tuple[object, ...], values))
    )
