"""What a layer costs to run: operations, and weights moved to and from memory."""

import dataclasses
import math

from golden.arguments import real_number, whole_number
from golden.errors import AnalysisError

__all__ = ["EpochCost", "cascade_pays", "epoch_cost"]


@dataclasses.dataclass(frozen=True)
class EpochCost:
    """A pass over all samples on a machine with two limits: ClosNets, fig 1, as a roofline.

    Parameters
    ----------
    weight_bytes
        Bytes of weights that are read: all of them, once a batch.
    operations
        Multiply-adds.
    memory_seconds, compute_seconds
        What each limit alone would take.
    """

    weight_bytes: float
    operations: float
    memory_seconds: float
    compute_seconds: float

    @property
    def seconds(self) -> float:
        """The longer of the two."""
        return max(self.memory_seconds, self.compute_seconds)

    @property
    def memory_bound(self) -> bool:
        """Whether a larger batch would be faster."""
        return self.memory_seconds > self.compute_seconds


def epoch_cost(
    parameters: int,
    samples: int,
    batch: int,
    *,
    bytes_per_second: float,
    operations_per_second: float,
    bytes_per_weight: int = 4,
    uses_per_weight: float = 1.0,
) -> EpochCost:
    """Bound an epoch from below: time falls as 1 / batch until arithmetic takes longer.

    Parameters
    ----------
    parameters, samples, batch
        Weights of the net, samples of the epoch, samples that share one reading of the weights.
    bytes_per_second, operations_per_second
        The machine's memory bandwidth and multiply-adds.
    bytes_per_weight
        4 for float32.
    uses_per_weight
        Multiply-adds of a weight for each sample: 1 in a linear layer, the pixels in a
        convolution.

    Raises
    ------
    AnalysisError
        If a number is not above 0, or not finite.
    """
    given = dict(
        parameters=parameters, samples=samples, batch=batch, bytes_per_second=bytes_per_second,
        operations_per_second=operations_per_second, bytes_per_weight=bytes_per_weight,
        uses_per_weight=uses_per_weight,
    )  # fmt: skip
    for field, value in given.items():
        if not 0 < real_number(field, value, error=AnalysisError) < math.inf:
            raise AnalysisError(f"{field} must be above 0 and finite, not {value}")
    batches = -(-samples // batch)
    moved = float(parameters) * bytes_per_weight * batches
    operations = float(parameters) * uses_per_weight * samples
    return EpochCost(
        moved, operations, moved / bytes_per_second, operations / operations_per_second
    )


def cascade_pays(depth: int, density: float) -> bool:
    """Whether `depth` stages of that mean density cost less than one dense layer.

    m n l rho < m n: NeuroFabric, section III, whose sparsity s is the density rho here.

    Raises
    ------
    AnalysisError
        If there is no such depth, or no such density.
    """
    depth = whole_number("depth", depth, 1, error=AnalysisError)
    density = real_number("density", density, error=AnalysisError)
    if not 0 <= density <= 1:
        raise AnalysisError(f"density must be 0 to 1, not {density}")
    return depth * density < 1
