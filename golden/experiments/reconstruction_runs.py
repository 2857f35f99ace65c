"""Rows of the experiment `reconstruction`: topologies that were fitted to random matrices."""

import dataclasses

__all__ = ["ReconstructionResult", "ReconstructionRun"]


@dataclasses.dataclass(frozen=True)
class ReconstructionRun:
    """One topology, fitted to several matrices at once.

    Parameters
    ----------
    family
        What topologies of one kind and different sizes are called together.
    topology
        As `parse_topology` reads it.
    loss
        "l2" or "l1".
    iterations, seeds
        Steps of Adam; how many matrices, each with a start of its own.
    """

    family: str
    topology: str
    loss: str
    iterations: int
    seeds: int

    def __str__(self) -> str:
        """Write what tells runs apart."""
        return f"{self.topology}, {self.loss}"

    @property
    def bare(self) -> bool:
        """Whether there are neither skip edges nor the diagonal layer."""
        return "+" not in self.topology


@dataclasses.dataclass(frozen=True)
class ReconstructionResult:
    """What came of a run.

    Parameters
    ----------
    parameters, depth
        Trained edges, and stages.
    rank
        Of the Jacobian, beside L2; 0 where it was not counted.
    errors
        Mean squared or absolute error of the elements, one a matrix, with spaces between.
    exact
        Elements that are exact, likewise: `golden.analysis.reconstruction.EXACT`.
    """

    parameters: int
    depth: int
    rank: int
    errors: str
    exact: str

    @property
    def error_values(self) -> list[float]:
        """The errors as numbers."""
        return [float(one) for one in self.errors.split()]

    @property
    def exact_values(self) -> list[float]:
        """The exact elements as numbers."""
        return [float(one) for one in self.exact.split()]
