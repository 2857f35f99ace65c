"""What users call to analyse topologies, with arguments that are right."""

import torch

from golden import analysis, topologies
from golden.analysis.report import analyse

TOPOLOGY = topologies.butterfly(4, 2)
WEIGHTS = [torch.ones(int(mask.sum())) for mask in TOPOLOGY.masks]
GIVEN = {"topology": TOPOLOGY}

# By name: what is called, and arguments with which it is right.
CALLS = {
    "colouring_bound": (analysis.colouring_bound, GIVEN),
    "exact_colouring": (analysis.exact_colouring, GIVEN),
    "greedy_colouring": (analysis.greedy_colouring, {**GIVEN, "seed": 0, "starts": 1}),
    "path_counts": (analysis.path_counts, GIVEN),
    "live_edges": (analysis.live_edges, GIVEN),
    "depth_to_full_connectivity": (analysis.depth_to_full_connectivity, GIVEN),
    "bandwidth": (analysis.bandwidth, GIVEN),
    "independent_paths": (analysis.independent_paths, GIVEN),
    "closnet_properties": (analysis.closnet_properties, GIVEN),
    "constraint_counts": (analysis.constraint_counts, {"in_features": 4, "out_features": 3}),
    "matching_bound": (analysis.matching_bound, GIVEN),
    "jacobian": (analysis.jacobian, {**GIVEN, "weights": WEIGHTS}),
    "jacobian_rank": (analysis.jacobian_rank, {**GIVEN, "seed": 0}),
    "Controllability": (analysis.Controllability, {**GIVEN, "seed": 0}),
    "train_controllability": (analysis.train_controllability, {
        **GIVEN, "iterations": 1, "seeds": (0,)
    }),
    "epoch_cost": (analysis.epoch_cost, {
        "parameters": 10, "samples": 10, "batch": 2, "bytes_per_second": 1e9,
        "operations_per_second": 1e9, "bytes_per_weight": 4, "uses_per_weight": 1.0,
    }),
    "cascade_pays": (analysis.cascade_pays, {"depth": 2, "density": 0.3}),
    "path_expansion": (analysis.path_expansion, {**GIVEN, "weights": WEIGHTS}),
    "paths": (analysis.paths, GIVEN),
    "solve_edge": (analysis.solve_edge, {
        **GIVEN, "weights": WEIGHTS, "stage": 0, "edge": (0, 0), "pair": (0, 0), "wanted": 1.0
    }),
    "initial_weights": (analysis.initial_weights, {
        **GIVEN, "generator": torch.Generator(), "copies": 1
    }),
    "reconstruct": (analysis.reconstruct, {
        **GIVEN, "loss": "l2", "iterations": 1, "seeds": (0,)
    }),
    "requirements": (analysis.requirements, {"family": [TOPOLOGY, topologies.butterfly(4, 4)]}),
    "algebraic_connectivity": (analysis.algebraic_connectivity, {"stage": TOPOLOGY.masks[0]}),
    "network_connectivity": (analysis.network_connectivity, GIVEN),
    "spectral_gap": (analysis.spectral_gap, {"stage": TOPOLOGY.masks[0]}),
    "count_symmetries": (analysis.count_symmetries, GIVEN),
    "dense_symmetries": (analysis.dense_symmetries, {"hidden": (3, 4)}),
    "renamed": (analysis.renamed, {
        "stages": TOPOLOGY.masks, "orders": [torch.tensor([1, 0, 2, 3])]
    }),
    "analyse": (analyse, GIVEN),
}  # fmt: skip
