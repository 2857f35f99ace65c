"""Clos networks of more than three stages: NeuroFabric's poster, and Clos's own recursion."""

import torch

from golden.arguments import instance
from golden.clos.shape import ClosShape
from golden.errors import TopologyError
from golden.topologies.networks import clos
from golden.topologies.topology import Topology, check_elements

__all__ = ["nested_clos"]


def nested_clos(shape: ClosShape, inner: Topology) -> Topology:
    """Return a Clos network each of whose middle routers is a copy of `inner`.

    An inner network of two stages makes one of four, an inner Clos network one of five. It has
    Rm (I + O + inner edges) edges, and constant edges where the inner one has them.

    Parameters
    ----------
    shape
        Of the outer network.
    inner
        From Ri inputs to Ro outputs.

    Raises
    ------
    TopologyError
        If the inner network has other sizes, or there are too many elements.
    """
    shape, inner = ClosShape.of(shape), instance("inner", inner, Topology, error=TopologyError)
    ri, rm, ro = shape.input_routers, shape.middle_routers, shape.output_routers
    if (inner.in_features, inner.out_features) != (ri, ro):
        raise TopologyError(
            f"inner must have {ri} inputs and {ro} outputs, as a middle router of "
            f"{shape.as_tuple()} has, not {inner.in_features} and {inner.out_features}"
        )
    check_elements(rm**2 * sum(mask.numel() for mask in inner.masks), inner.depth)
    outer, apart = clos(shape), torch.eye(rm, dtype=torch.bool)
    first, last = outer.masks[0], outer.masks[2]
    # Layers of the outer network hold neuron m of a router r at r Rm + m.
    masks = (first, *(torch.kron(mask, apart) for mask in inner.masks), last)
    zeros = torch.zeros(first.shape), torch.zeros(last.shape)
    constants = (torch.kron(constant, apart.to(constant)) for constant in inner.constants)
    return Topology(f"{outer.name} > {inner.name}", masks, (zeros[0], *constants, zeros[1]))
