"""Controllability: which ratios of inputs an optimiser can set at which output. NeuroFabric, VI.

C[a, b, n] in [0, 1] says how far the ratio of inputs a and b can be set at neuron n without a
change to other ratios. Training it needs no data: the loss asks for I - 1 ratios at every output.
"""

import dataclasses
from collections.abc import Sequence

import torch
from torch import Tensor

from golden.analysis.connectivity import from_inputs
from golden.analysis.starts import check_starts
from golden.arguments import instance, seed_number
from golden.errors import AnalysisError
from golden.topologies import Topology

__all__ = ["Control", "Controllability", "train_controllability"]

_LARGEST = 20_000_000  # Numbers of all layers together: I^2 times edges.
_RATE = 0.1


@dataclasses.dataclass(frozen=True, eq=False)
class Control:
    """The trained controllability of one or more starts.

    Parameters
    ----------
    k_matrices
        [starts, O, I]: K[k, i] = sum over j of C[i, j, k], NeuroFabric, section VII-B. The loss
        sees only their sums over i, so that K is one of many that are equally good: read mean and
        spread over the starts.
    losses
        [starts]: the last value of eq. 20.
    capacity
        The sum over all neurons of min(trained edges, edges - 1): what can be controlled at most.
    """

    k_matrices: Tensor
    losses: Tensor
    capacity: int

    @property
    def totals(self) -> Tensor:
        """Ratios that all outputs control together, [starts]; at most (I - 1) O."""
        return self.k_matrices.sum((1, 2))

    @property
    def mean(self) -> float:
        """Mean of K over outputs, inputs and starts; (I - 1) / I where all is controlled."""
        return float(self.k_matrices.mean())

    @property
    def spread(self) -> float:
        """Standard deviation of K over outputs and inputs, the mean over the starts."""
        return float(self.k_matrices.flatten(1).std(1, correction=0).mean())


class Controllability(torch.nn.Module):
    """The recursion of eq. 18 and 19, with tensors that keep within their bounds as they train.

    - A neuron adds at most min(trained edges, edges - 1) ratios (eq. 28), of pairs of inputs that
      both reach it. Only the sum over its edges matters, so one tensor per neuron is stored.
    - A neuron's control is split among its outgoing edges, pair by pair (eq. 16, 17).
    - C[a, b] + C[b, a] is at most 1 (eq. 9), C[a, b] at most 1 (eq. 27), and the sum over all pairs
      at most the inputs that reach the neuron less 1 (eq. 11): what is above is scaled down.

    Parameters
    ----------
    topology
        What is judged.
    seed
        Of the start.

    Raises
    ------
    AnalysisError
        If I^2 times edges is more than 2 x 10^7.
    """

    def __init__(self, topology: Topology, seed: int = 0) -> None:
        super().__init__()
        instance("topology", topology, Topology, error=AnalysisError)
        seed = seed_number(seed, error=AnalysisError)
        inputs = topology.in_features
        size = inputs * inputs * topology.edges
        if size > _LARGEST:
            raise AnalysisError(
                f"{topology.name}: inputs squared times edges must be at most {_LARGEST} for the "
                f"controllability, not {size}"
            )
        generator = torch.Generator().manual_seed(seed)
        self.inputs, self.widths = inputs, topology.widths
        pair = ~torch.eye(inputs, dtype=torch.bool)
        reached = [layer.T for layer in from_inputs(topology)]  # [I, neurons]
        self.splits, self.gains = torch.nn.ParameterList(), torch.nn.ParameterList()
        self.edges: list[tuple[Tensor, Tensor]] = []
        self.allowed: list[Tensor] = []
        self.capacities: list[Tensor] = []
        self.most: list[Tensor] = []
        for layer, (stage, mask) in enumerate(zip(topology.adjacency, topology.masks, strict=True)):
            out, source = stage.nonzero().T
            seen = reached[layer + 1]
            both = (seen[:, None] & seen[None] & pair[..., None]).flatten(0, 1)
            added = torch.minimum(mask.sum(1), stage.sum(1) - 1).clamp_min(0)
            self.edges.append((out, source))
            self.allowed.append(both)
            self.capacities.append(torch.where(both.any(0), added, 0).float())
            self.most.append((seen.sum(0) - 1).clamp_min(0).float())
            self.splits.append(torch.randn(inputs * inputs, len(out), generator=generator))
            self.gains.append(torch.randn(both.shape, generator=generator))

    @property
    def capacity(self) -> int:
        """The sum of what the neurons may add."""
        return int(sum(float(added.sum()) for added in self.capacities))

    def forward(self) -> Tensor:
        """Return the control of the outputs, [I, I, O]."""
        control = torch.zeros(self.inputs**2, self.widths[0])
        for layer, (out, source) in enumerate(self.edges):
            # A softmax over each source's edges.
            part = self.splits[layer].clamp(-20, 20).exp()
            whole = part.new_zeros(len(part), self.widths[layer]).index_add(1, source, part)
            passed = control.index_select(1, source) * part / whole.index_select(1, source)
            control = passed.new_zeros(len(part), self.widths[layer + 1]).index_add(1, out, passed)
            control = self._bounded(control + self._gain(layer), layer)
        return control.view(self.inputs, self.inputs, -1)

    def loss(self, control: Tensor) -> Tensor:
        """Sum over outputs of (I - 1 - their control)^2: eq. 20."""
        return (self.inputs - 1 - control.sum((0, 1))).square().sum()

    def _gain(self, layer: int) -> Tensor:
        allowed = self.allowed[layer]
        part = torch.where(allowed, self.gains[layer].clamp(-20, 20).exp(), 0)
        return self.capacities[layer] * part / part.sum(0).clamp_min(1e-30)

    def _bounded(self, control: Tensor, layer: int) -> Tensor:
        both = control.view(self.inputs, self.inputs, -1)
        both = both / (both + both.transpose(0, 1)).clamp_min(1)
        total = both.sum((0, 1))
        scale = torch.where(total > self.most[layer], self.most[layer] / total.clamp_min(1e-30), 1)
        return (both * scale).flatten(0, 1)


def train_controllability(
    topology: Topology, iterations: int = 300, seeds: Sequence[int] = (0,)
) -> Control:
    """Train the control of all outputs, once per seed, and return their K matrices.

    Raises
    ------
    AnalysisError
        As `Controllability`; if `iterations` is below 1 or there is no seed.
    """
    topology = instance("topology", topology, Topology, error=AnalysisError)
    iterations, seeds = check_starts(iterations, seeds)
    found: list[Tensor] = []
    losses: list[Tensor] = []
    capacity = 0
    for seed in seeds:
        model = Controllability(topology, seed)
        capacity = model.capacity
        optimiser = torch.optim.Adam(model.parameters(), lr=_RATE)
        for _ in range(iterations):
            optimiser.zero_grad()
            model.loss(model()).backward()  # pyright: ignore[reportUnknownMemberType]
            optimiser.step()  # pyright: ignore[reportUnknownMemberType]
        with torch.no_grad():
            control: Tensor = model()
            found.append(control.sum(1).T)
            losses.append(model.loss(control))
    return Control(torch.stack(found), torch.stack(losses), capacity)
