"""Plain computations on topologies, which analyses are compared with."""

import networkx as nx
import torch
from hypothesis import settings
from hypothesis import strategies as st

__all__ = ["FEW", "SEEDS", "as_graph", "draw_weights", "listed_paths", "multiply"]

FEW = settings(max_examples=40, deadline=None)
SEEDS = st.integers(0, 2**31)


def draw_weights(topology, seed):
    generator = torch.Generator().manual_seed(seed)
    counts = (int(mask.sum()) for mask in topology.masks)
    return [torch.randn(count, generator=generator, dtype=torch.float64) for count in counts]


def multiply(topology, weights):
    product = torch.eye(topology.in_features, dtype=torch.float64)
    for matrix in topology.matrices(weights):
        product = matrix @ product
    return product


def as_graph(topology):
    graph = nx.DiGraph()
    for layer, stage in enumerate(topology.adjacency):
        for out, source in stage.nonzero().tolist():
            graph.add_edge((layer, source), (layer + 1, out))
    for layer, width in enumerate(topology.widths):
        graph.add_nodes_from((layer, neuron) for neuron in range(width))
    return graph


def listed_paths(topology):
    """By NetworkX, as sets of lines."""
    graph, depth = as_graph(topology), topology.depth
    return {
        tuple(neuron for _, neuron in path)
        for i in range(topology.in_features)
        for o in range(topology.out_features)
        for path in nx.all_simple_paths(graph, (0, i), (depth, o))
    }
