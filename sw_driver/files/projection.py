"""What Clos layers in the place of dense ones lose, on samples."""

import copy
import dataclasses
from typing import Any

import torch
from torch import Tensor, nn

from golden.convert.distance import relative_distance
from golden.convert.project import Projected
from golden.data.loading import Part
from sw_driver.files.report import percent

__all__ = ["MeasuredProjection", "measure_projection"]

_AT_ONCE = 1024  # Samples: bounds the memory of their intermediate results.


@dataclasses.dataclass(frozen=True)
class MeasuredProjection:
    """The cost of a projection on some samples.

    Parameters
    ----------
    projected
        The nets.
    name
        Of the samples.
    accuracies
        Before and after, 0 to 1; None without labels.
    agreement
        Part of the samples, 0 to 1, whose largest output is the same one; None of a single output.
    error
        Distance of the outputs before and after, relative to those before: a ratio of Frobenius
        norms.
    """

    projected: Projected
    name: str
    accuracies: tuple[float, float] | None
    agreement: float | None
    error: float

    @property
    def weights(self) -> tuple[int, int]:
        """Weights before and after, biases apart."""
        return self.projected.before.weight_count, self.projected.after.weight_count

    def rows(self) -> list[tuple[str, str]]:
        """Names and values of a table."""
        rows = [
            (
                f"layer {one.position}",
                f"({one.in_features}, {one.out_features}) stays dense"
                if one.shape is None
                else f"({one.in_features}, {one.out_features}) to {one.shape}, "
                f"{100 * one.error:.2g} % off",
            )
            for one in self.projected.layers
        ]
        before, after = self.weights
        rows.append(("weights", f"{before} to {after}, {before / after:.3g} times fewer"))
        if self.accuracies is not None:
            was, now = self.accuracies
            rows.append(("accuracy in float", f"{percent(was)} to {percent(now)}, {self.name}"))
        if self.agreement is not None:
            rows.append(("same class as before", f"{percent(self.agreement)}, {self.name}"))
        rows.append(("outputs are off by", f"{100 * self.error:.2g} %, {self.name}"))
        return rows

    def as_dict(self) -> dict[str, Any]:
        """What JSON can write."""
        return {
            "data": self.name,
            "layers": [
                {
                    "position": one.position,
                    "dense": [one.in_features, one.out_features],
                    "clos": None if one.shape is None else list(one.shape.as_tuple()),
                    "error": one.error,
                }
                for one in self.projected.layers
            ],
            "weights": list(self.weights),
            "accuracies": None if self.accuracies is None else list(self.accuracies),
            "agreement": self.agreement,
            "error": self.error,
        }


def measure_projection(projected: Projected, samples: Part) -> MeasuredProjection:
    """Compare the two nets on samples, in float64."""
    x: Tensor = torch.as_tensor(samples.x)
    before, after = (_outputs(net, x) for net in (projected.before, projected.after))
    was, now = (samples.accuracy(outputs.numpy()) for outputs in (before, after))
    accuracies = None if was is None or now is None else (was, now)
    same = before.argmax(dim=1) == after.argmax(dim=1)
    return MeasuredProjection(
        projected,
        samples.name,
        accuracies,
        float(same.double().mean()) if before.shape[1] > 1 else None,
        relative_distance(after, before),
    )


@torch.no_grad()
def _outputs(net: nn.Module, x: Tensor) -> Tensor:
    """Compute [N, I] to [N, O] in float64; the net stays in its own type."""
    wide = copy.deepcopy(net).double()
    return torch.cat(
        [wide(x[start : start + _AT_ONCE].double()) for start in range(0, len(x), _AT_ONCE)]
    )
