"""Which edges a sparse cascade has: the topologies of the papers, as masks between layers."""

from golden.topologies.bipartite import (
    fibonacci_mask,
    long_short_mask,
    random_edge_mask,
    random_regular_mask,
    random_rotating_mask,
    regular_mask,
)
from golden.topologies.cascades import (
    fibonacci,
    long_short,
    random_edge,
    random_regular,
    random_rotating,
    regular,
)
from golden.topologies.nested import nested_clos
from golden.topologies.networks import (
    butterfly,
    clos,
    hypercube,
    low_rank,
    parallel_butterfly,
    radix,
    torus,
)
from golden.topologies.options import revived, with_diagonal, with_skip
from golden.topologies.topology import Topology
from golden.topologies.vocabulary import parse_topology, usage

__all__ = [
    "Topology",
    "butterfly",
    "clos",
    "fibonacci",
    "fibonacci_mask",
    "hypercube",
    "long_short",
    "long_short_mask",
    "low_rank",
    "nested_clos",
    "parallel_butterfly",
    "parse_topology",
    "radix",
    "random_edge",
    "random_edge_mask",
    "random_regular",
    "random_regular_mask",
    "random_rotating",
    "random_rotating_mask",
    "regular",
    "regular_mask",
    "revived",
    "torus",
    "usage",
    "with_diagonal",
    "with_skip",
]
