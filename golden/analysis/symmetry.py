"""How many networks are the same one with its hidden neurons renamed.

The Power of Sparsity in CNNs, section 4.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from golden.analysis.graphs import count_automorphisms
from golden.arguments import instance, items, tensor, whole_number
from golden.errors import AnalysisError
from golden.topologies import Topology

__all__ = ["count_symmetries", "dense_symmetries", "renamed"]

_MOST_NEURONS = 100_000  # Of a layer: the factorial then has some 450 000 digits.
_LIMIT = 1000  # Of those that are counted one by one.


def dense_symmetries(hidden: Sequence[int]) -> int:
    """Return the product of n! over the hidden layers' sizes n: Lemma 1, for dense networks.

    Raises
    ------
    AnalysisError
        If a size is no whole number up to 100 000.
    """
    sizes = [
        whole_number("hidden", size, 0, _MOST_NEURONS, error=AnalysisError)
        for size in items("hidden", hidden, error=AnalysisError)
    ]
    return math.prod(math.factorial(size) for size in sizes)


def count_symmetries(topology: Topology) -> int:
    """Count the renamings of hidden neurons that keep every edge where it is.

    For dense stages that is `dense_symmetries`; the sparser the masks, the fewer there are.
    Trained and constant edges count alike. Neurons with the same edges may change places freely;
    the renamings of what is then left are counted one by one.

    Raises
    ------
    AnalysisError
        If more than 1000 are left to be counted one by one.
    """
    topology = instance("topology", topology, Topology, error=AnalysisError)
    stages = topology.adjacency
    kept = [torch.arange(width) for width in topology.widths]
    sizes = [torch.ones(width, dtype=torch.long) for width in topology.widths]
    for layer in range(1, topology.depth):
        both = torch.cat([stages[layer - 1], stages[layer].T], 1).numpy()
        _, first, size = np.unique(both, axis=0, return_index=True, return_counts=True)
        kept[layer], sizes[layer] = torch.as_tensor(first), torch.as_tensor(size)
    kinds: dict[tuple[int, int], tuple[int, ...]] = {}
    for layer, size in enumerate(sizes):
        end = layer in (0, topology.depth)
        for neuron in range(len(size)):
            # Inputs and outputs stay in place, as each is the only one of its kind.
            kinds[layer, neuron] = (layer, int(size[neuron]), neuron if end else -1)
    edges = [
        ((layer, int(source)), (layer + 1, int(out)))
        for layer, stage in enumerate(stages)
        for out, source in stage[kept[layer + 1]][:, kept[layer]].nonzero()
    ]
    twins = dense_symmetries([int(size) for layer in sizes for size in layer])
    return twins * count_automorphisms(kinds, edges, _LIMIT)


def renamed(stages: Sequence[Tensor], orders: Sequence[Tensor]) -> list[Tensor]:
    """Rename the hidden neurons of a cascade; its function stays the same: Lemma 1's proof.

    Parameters
    ----------
    stages
        Masks or matrices [out, in].
    orders
        For every hidden layer, which old neuron becomes new neuron 0, 1, ...: a permutation.

    Raises
    ------
    AnalysisError
        If there is not one permutation for every hidden layer.
    """
    stages = [
        tensor("stages", stage, error=AnalysisError)
        for stage in items("stages", stages, error=AnalysisError)
    ]
    orders = [
        tensor("orders", order, error=AnalysisError)
        for order in items("orders", orders, error=AnalysisError)
    ]
    if not stages or any(stage.ndim != 2 for stage in stages):
        raise AnalysisError("stages must be at least one matrix [out, in]")
    sizes = [len(stage) for stage in stages[:-1]]
    if [order.shape[0] if order.ndim == 1 else -1 for order in orders] != sizes or any(
        not torch.equal(order.sort().values, torch.arange(len(order))) for order in orders
    ):
        raise AnalysisError(f"orders must be permutations of the hidden layers, of sizes {sizes}")
    ends = torch.arange(stages[0].shape[1]), torch.arange(len(stages[-1]))
    names = [ends[0], *orders, ends[1]]
    return [stage[names[layer + 1]][:, names[layer]] for layer, stage in enumerate(stages)]
