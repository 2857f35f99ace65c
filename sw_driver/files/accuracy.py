"""What fixed point costs a compiled net, and whether that is worth a warning."""

import dataclasses
import warnings
from typing import Any

from torch import nn

from golden import FixedPointError, GoldenWarning, fixed_point_error
from golden.data.loading import Part
from sw_driver.compiled import Compiled
from sw_driver.files.report import percent

__all__ = ["MeasuredError", "measure_error"]

# From here on a user should look at the widths again.
_LEAST_AGREEMENT = 0.99
_MOST_MEAN_ERROR = 0.02  # Of the outputs' range.
_MOST_SATURATED = 0.01


@dataclasses.dataclass(frozen=True)
class MeasuredError:
    """The cost of fixed point on some samples.

    Parameters
    ----------
    found
        The figures.
    name
        Of the samples.
    """

    found: FixedPointError
    name: str

    def rows(self) -> list[tuple[str, str]]:
        """Names and values of a table."""
        found, span = self.found, self.found.span
        rows = [
            ("scales from", f"{self.name}, {found.samples} samples"),
            ("output error, largest", f"{found.largest:.3g} of a range of {span:.3g}"),
            ("output error, mean", f"{found.mean:.3g}, {_part(found.mean, span)} of the range"),
        ]
        if found.agreement is not None:
            rows.append(("same class as in float", percent(found.agreement)))
        for number, off in enumerate(found.layer_errors[:-1]):
            largest, mean = _part(off.largest, off.span), _part(off.mean, off.span)
            rows.append((f"error, layer {number}", f"mean {mean}, largest {largest} of its range"))
        for number, layer in enumerate(found.layers):
            parts = (f"{name} {100 * part:.2g} %" for name, part in layer.items() if part)
            rows.append((f"saturated, layer {number}", ", ".join(parts) or "nothing"))
        return rows

    def as_dict(self) -> dict[str, Any]:
        """What JSON can write."""
        return {"data": self.name, **dataclasses.asdict(self.found)}

    def doubts(self, *, stated: bool = False) -> list[str]:
        """What makes the widths doubtful, if anything does.

        Outputs do not where a loss was stated for which the widths were chosen.
        """
        found = self.found
        doubts: list[str] = []
        if not stated and found.agreement is not None and found.agreement < _LEAST_AGREEMENT:
            doubts.append(f"{percent(1 - found.agreement)} of the samples change their class")
        if not stated and found.mean > _MOST_MEAN_ERROR * found.span:
            mean = _part(found.mean, found.span)
            doubts.append(f"outputs are off by {mean} of their range on average")
        doubts += [
            f"{percent(part)} of the {stage} stage of layer {number} saturate"
            for number, layer in enumerate(found.layers)
            for stage, part in layer.items()
            if part > _MOST_SATURATED
        ]
        return doubts


def measure_error(
    model: nn.Module, compiled: Compiled, samples: Part, *, stated: bool = False
) -> MeasuredError:
    """Compare a model with its compiled net on samples; warn (`GoldenWarning`) if that is bad.

    `stated` says that the widths were chosen for a stated loss of the outputs, which is not warned
    of then.
    """
    measured = MeasuredError(fixed_point_error(model, compiled.net, samples.x), samples.name)
    if doubts := measured.doubts(stated=stated):
        warnings.warn(
            f"fixed point changes what the model computes: on {measured.name} {'; '.join(doubts)}; "
            f"wider words (--word-bits, now {compiled.net.act_bits}; --weight-bits, now "
            f"{compiled.net.weight_bits}) or other --data may mend it",
            GoldenWarning,
            stacklevel=2,
        )
    return measured


def _part(value: float, span: float) -> str:
    return f"{100 * value / span:.2g} %" if span else "all"
