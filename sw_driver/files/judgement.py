"""What a compiled net makes of samples: its accuracy, what it clips, and how far off it is."""

import dataclasses

from torch import nn

from golden import FixedPointError, fixed_point_error
from golden.data.loading import Part
from golden.fixed.precision import saturated_parts
from sw_driver.compiled import Compiled
from sw_driver.device.golden import GoldenDevice
from sw_driver.files.class_counts import ClassCount, count_classes

__all__ = ["Judgement", "judge"]


@dataclasses.dataclass(frozen=True)
class Judgement:
    """What came of some samples.

    Parameters
    ----------
    name, samples
        What the samples are called, and how many there are.
    accuracy
        Part of them, 0 to 1, whose largest output is their label; None without labels.
    clipped
        Part of the input values, 0 to 1, beyond the range of the input words.
    saturated
        Of every layer, in order, by stage: the part of its results, 0 to 1, that are clipped.
    counts
        Of each class that has a name.
    error
        How far the net is from its float model; None if that is not known.
    """

    name: str
    samples: int
    accuracy: float | None
    clipped: float
    saturated: tuple[dict[str, float], ...]
    counts: tuple[ClassCount, ...]
    error: FixedPointError | None


def judge(
    compiled: Compiled, part: Part, names: tuple[str, ...] = (), model: nn.Module | None = None
) -> Judgement:
    """Run samples by the integer model.

    Parameters
    ----------
    compiled
        A net for inference.
    part
        The samples.
    names
        Of the classes.
    model
        The float model that the net was compiled from.
    """
    device = GoldenDevice()
    device.load(compiled)
    words = device.to_words(part.x)
    outputs = device.infer_words(words)
    error = None if model is None else fixed_point_error(model, compiled.net, part.x)
    return Judgement(
        name=part.name,
        samples=len(part.x),
        accuracy=part.accuracy(outputs),
        clipped=device.saturated_inputs / words.size,
        saturated=saturated_parts(compiled.net, part.x) if error is None else error.layers,
        counts=tuple(count_classes(outputs, part.labels, names)),
        error=error,
    )
