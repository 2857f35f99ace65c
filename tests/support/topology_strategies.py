"""Hypothesis strategies for topologies: random masks, with and without constants."""

import itertools

import torch
from hypothesis import strategies as st

from golden.topologies import Topology, with_diagonal, with_skip


@st.composite
def topologies(draw, stages=3, width=5, reachable=False, options=True):
    """A random cascade; drawn as bits, so that it shrinks."""
    widths = draw(st.lists(st.integers(1, width), min_size=2, max_size=stages + 1))
    masks = []
    for n, m in itertools.pairwise(widths):
        bits = draw(st.lists(st.booleans(), min_size=n * m, max_size=n * m))
        mask = torch.tensor(bits).reshape(m, n)
        if reachable:
            for out in range(m):
                mask[out, draw(st.integers(0, n - 1))] = True
        masks.append(mask)
    topology = Topology("drawn", tuple(masks))
    if options and draw(st.booleans()):
        topology = with_skip(topology)
    if options and draw(st.booleans()):
        topology = with_diagonal(topology)
    return topology
