"""What makes a good family of topologies: the four requirements of NeuroFabric, section VII-E."""

import dataclasses
from collections.abc import Sequence

from golden.analysis.connectivity import closnet_properties, independent_paths
from golden.analysis.constraints import jacobian_rank
from golden.arguments import instance, items
from golden.errors import AnalysisError
from golden.topologies import Topology, with_diagonal, with_skip

__all__ = ["Requirements", "requirements"]


@dataclasses.dataclass(frozen=True)
class Requirements:
    """Whether a family meets each requirement, at all of its budgets.

    Parameters
    ----------
    skip
        With skip connections and the diagonal layer no trained edge is wasted: the rank of the
        Jacobian is their number, or already that of W's elements.
    even
        No pair of input and output is better off: all have equally many paths. The paper asks for
        a K matrix without variance, which training shows less clearly.
    constant_depth
        The depth is the same for every budget.
    full_bandwidth
        As many independent signals pass as there are inputs or outputs, whichever are fewer.
    """

    skip: bool
    even: bool
    constant_depth: bool
    full_bandwidth: bool

    @property
    def all(self) -> bool:
        """Whether nothing is missing."""
        return self.skip and self.even and self.constant_depth and self.full_bandwidth


def requirements(family: Sequence[Topology]) -> Requirements:
    """Judge topologies of one kind that differ in their number of edges.

    Raises
    ------
    AnalysisError
        If there are fewer than two, or one is too large to judge.
    """
    family = [
        instance("each of family", one, Topology, error=AnalysisError)
        for one in items("family", family, error=AnalysisError)
    ]
    if len(family) < 2:
        raise AnalysisError(f"family must hold at least two topologies, not {len(family)}")
    ranks = [jacobian_rank(with_diagonal(with_skip(one))) for one in family]
    pairs = [one.in_features * one.out_features for one in family]
    properties = [closnet_properties(one) for one in family]
    return Requirements(
        skip=all(
            one.rank == min(one.parameters, most) for one, most in zip(ranks, pairs, strict=True)
        ),
        even=all(one.uniform and one.fully_connected for one in properties),
        constant_depth=len({one.depth for one in family}) == 1,
        full_bandwidth=all(
            independent_paths(one) == min(one.in_features, one.out_features) for one in family
        ),
    )
