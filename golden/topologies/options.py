"""What may be added to any topology: skip connections, the diagonal layer, live connections."""

import dataclasses

import torch
from torch import Tensor

from golden.arguments import instance, seed_number
from golden.errors import TopologyError
from golden.topologies.matching import shared_matching
from golden.topologies.topology import Topology, check_elements

__all__ = ["revived", "with_diagonal", "with_skip"]

_MOST_COPIES = 1 << 27


def with_skip(topology: Topology) -> Topology:
    """Make one incoming edge of every neuron the constant 1: NeuroFabric, section VII-A.

    The paper does not say which edge. In a stage that joins every output i to input i mod I it is
    that one. Elsewhere no source gives more constants than needed. A neuron
    without incoming edges gets none; one that has a constant edge already keeps it. The last
    stage's neurons can then no longer set their magnitude: see `with_diagonal`.
    """
    topology = instance("topology", topology, Topology, error=TopologyError)
    masks, constants = list[Tensor](), list[Tensor]()
    for mask, constant in zip(topology.masks, topology.constants, strict=True):
        chosen = _skip_edges(mask & ~(constant != 0).any(1, keepdim=True))
        masks.append(mask & ~chosen)
        constants.append(torch.where(chosen, 1.0, constant))
    return Topology(topology.name + "+skip", tuple(masks), tuple(constants))


def with_diagonal(topology: Topology) -> Topology:
    """Append the diagonal layer: one trained magnitude per output. NeuroFabric, appendix, fig 7."""
    topology = instance("topology", topology, Topology, error=TopologyError)
    held = sum(mask.numel() for mask in topology.masks)
    check_elements(held + topology.out_features**2, topology.depth + 1)
    diagonal = torch.eye(topology.out_features, dtype=torch.bool)
    return Topology(
        topology.name + "+diagonal",
        (*topology.masks, diagonal),
        (*topology.constants, torch.zeros(diagonal.shape)),
    )


def revived(topology: Topology, seed: int = 0) -> Topology:
    """Move edges so that each lies on a path from an input to an output.

    The Power of Sparsity in CNNs, section 5.1. Every neuron without incoming edges gets one from a
    random neuron, every one without outgoing edges one to a random neuron. As many edges of the
    same stage go, drawn from those that neither of their ends needs; where there are too few, the
    stage ends up with more edges than before.
    """
    topology = instance("topology", topology, Topology, error=TopologyError)
    generator = torch.Generator().manual_seed(seed_number(seed, error=TopologyError))
    masks: list[Tensor] = []
    for mask, constant in zip(topology.masks, topology.constants, strict=True):
        fixed = constant != 0
        new = torch.zeros_like(mask)
        for out in (~(mask | fixed).any(1)).nonzero():
            new[out, _draw(mask.shape[1], generator)] = True
        for source in (~(mask | fixed | new).any(0)).nonzero():
            new[_draw(mask.shape[0], generator), source] = True
        masks.append(_thinned(mask | new, fixed, new, generator))
    return dataclasses.replace(topology, name=topology.name + "+alive", masks=tuple(masks))


def _skip_edges(mask: Tensor) -> Tensor:
    """Bool [out, in]: one edge of every output that has any."""
    chosen = torch.zeros_like(mask)
    outputs = torch.arange(len(mask))
    straight = outputs % mask.shape[1]
    if bool(mask[outputs, straight].all()):
        chosen[outputs, straight] = True
        return chosen
    linked = outputs[mask.any(1)]
    if len(linked):
        copies = int(mask.count_nonzero()) * -(-len(linked) // mask.shape[1])
        if copies > _MOST_COPIES:
            raise TopologyError(
                "skip connections must be found among at most "
                f"{_MOST_COPIES} edges, with a copy of every input for each of the outputs that "
                f"share it, not {copies}"
            )
        chosen[linked, shared_matching(mask[linked])] = True
    return chosen


def _thinned(mask: Tensor, fixed: Tensor, new: Tensor, generator: torch.Generator) -> Tensor:
    """Remove as many edges as are new, none of which its ends need."""
    mask, left = mask.clone(), int(new.count_nonzero())
    if not left:
        return mask
    old = (mask & ~new).nonzero()
    ins, outs = (mask | fixed).sum(1), (mask | fixed).sum(0)
    for out, source in old[torch.randperm(len(old), generator=generator)]:
        if not left:
            break
        if ins[out] > 1 and outs[source] > 1:
            mask[out, source] = False
            ins[out] -= 1
            outs[source] -= 1
            left -= 1
    return mask


def _draw(n: int, generator: torch.Generator) -> int:
    return int(torch.randint(n, (), generator=generator))
