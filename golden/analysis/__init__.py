"""Judging topologies without data: connectivity, constraints, control, spectra, reconstruction."""

from golden.analysis.colouring import colouring_bound, exact_colouring, greedy_colouring
from golden.analysis.connectivity import (
    ClosNetProperties,
    bandwidth,
    closnet_properties,
    depth_to_full_connectivity,
    independent_paths,
    live_edges,
    path_counts,
)
from golden.analysis.constraints import (
    JacobianRank,
    constraint_counts,
    jacobian,
    jacobian_rank,
    matching_bound,
)
from golden.analysis.controllability import Control, Controllability, train_controllability
from golden.analysis.cost import EpochCost, cascade_pays, epoch_cost
from golden.analysis.path_expansion import path_expansion, paths, solve_edge
from golden.analysis.reconstruction import Reconstruction, initial_weights, reconstruct
from golden.analysis.requirements import Requirements, requirements
from golden.analysis.spectral import algebraic_connectivity, network_connectivity, spectral_gap
from golden.analysis.symmetry import count_symmetries, dense_symmetries, renamed

__all__ = [
    "ClosNetProperties",
    "Control",
    "Controllability",
    "EpochCost",
    "JacobianRank",
    "Reconstruction",
    "Requirements",
    "algebraic_connectivity",
    "bandwidth",
    "cascade_pays",
    "closnet_properties",
    "colouring_bound",
    "constraint_counts",
    "count_symmetries",
    "dense_symmetries",
    "depth_to_full_connectivity",
    "epoch_cost",
    "exact_colouring",
    "greedy_colouring",
    "independent_paths",
    "initial_weights",
    "jacobian",
    "jacobian_rank",
    "live_edges",
    "matching_bound",
    "network_connectivity",
    "path_counts",
    "path_expansion",
    "paths",
    "reconstruct",
    "renamed",
    "requirements",
    "solve_edge",
    "spectral_gap",
    "train_controllability",
]
