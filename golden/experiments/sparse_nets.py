"""Networks of sparse layers that experiments train."""

import itertools

import torch
from torch import Tensor, nn

from golden.clos.initialise import sparse_xavier_
from golden.experiments.classifiers import Sizes, dense_layer
from golden.layers import SparseCascade
from golden.layers.sparse import SparseStage
from golden.topologies import Topology, parse_topology

__all__ = ["CONSTRUCTIONS", "Columns", "construction", "one_hidden_layer"]

CONSTRUCTIONS = (
    "random-edge", "random-rotating", "random-regular", "regular", "long-short", "fibonacci",
)  # fmt: skip
"""The six of Sparse Neural Network Topologies, section 3, as `parse_topology` calls them."""


def construction(kind: str, inputs: int, outputs: int, degree: int, seed: int) -> Topology:
    """Make one stage by a construction, in which every input has `degree` edges.

    Edges are moved where a neuron has none: `golden.topologies.revived`.
    """
    drawn = f",{seed}" if kind.startswith("random") else ""
    return parse_topology(f"{kind}:{inputs}-{outputs},{degree}{drawn}+alive")


def one_hidden_layer(topology: Topology, classes: int, generator: torch.Generator) -> nn.Sequential:
    """Make a sparse layer, ReLU and a dense layer, drawn by sparse Xavier."""
    first = SparseCascade(topology.masks, topology.constants)
    first.reset_parameters(generator)
    return nn.Sequential(first, nn.ReLU(), dense_layer(topology.out_features, classes, generator))


class Columns(nn.Module):
    """Random sparse layers of as many neurons without biases, and a dense layer after them.

    Parameters
    ----------
    sizes
        Inputs, neurons of every hidden layer, and classes.
    depth
        Hidden layers.
    density
        Probability of every connection.
    initialisation
        "xavier", with the fans of a dense layer, or one of
        `golden.clos.initialise.INITIALISATIONS`.
    relu
        Whether hidden neurons have a ReLU; else they are linear.
    generator
        Of connections and weights.
    """

    def __init__(self, sizes: Sizes, depth: int, density: float, initialisation: str, relu: bool,
                 generator: torch.Generator) -> None:  # fmt: skip
        """Draw connections and weights; see the class."""
        super().__init__()
        plain = initialisation == "xavier"
        widths = [sizes.inputs, *[sizes.hidden] * depth]
        self.relu, self.stages = relu, nn.ModuleList()
        # All connections come before all weights, so that they are the same for every first weight.
        masks = [torch.rand(outputs, inputs, generator=generator) < density
                 for inputs, outputs in itertools.pairwise(widths)]  # fmt: skip
        for mask in masks:
            stage = SparseStage(mask, None, "sparse-xavier" if plain else initialisation)
            stage.reset_parameters(generator)
            if plain:
                sparse_xavier_(stage.weight, sum(mask.shape), generator)
            self.stages.append(stage)
        self.last = dense_layer(sizes.hidden, sizes.classes, generator)

    @property
    def connected(self) -> float:
        """Part of the inputs that a path joins to a neuron of the last hidden layer."""
        reached = torch.ones(self.last.in_features, dtype=torch.bool)
        for stage in reversed(self.stages):
            assert isinstance(stage, SparseStage)
            reached = (stage.mask & reached[:, None]).any(0)
        return float(reached.double().mean())

    def forward(self, x: Tensor) -> Tensor:
        """Compute [N, inputs] to scores [N, classes]."""
        columns = x.T
        for stage in self.stages:
            columns = stage(columns)
            columns = torch.relu(columns) if self.relu else columns
        return self.last(columns.T)
