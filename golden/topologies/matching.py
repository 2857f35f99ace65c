"""Matchings between the two layers of a stage, by SciPy."""

# pyright: basic
# SciPy has no types of its own.

import numpy as np
import torch
from torch import Tensor

from golden.system.extras import needs

__all__ = ["shared_matching"]


def shared_matching(mask: Tensor) -> Tensor:
    """Give every output one of its inputs, int64 [out], so that the busiest input has fewest.

    `mask` is bool [out, in]; every output must have an edge. The layers alone need no SciPy, so it
    is imported here.
    """
    with needs("experiments"):
        from scipy import sparse
        from scipy.sparse import csgraph

    graph = sparse.csr_array(mask.numpy())
    share = -(-mask.shape[0] // mask.shape[1])
    while True:  # With as many copies of every input as there are outputs, all are matched.
        copies = sparse.csr_array(sparse.hstack([graph] * share))
        matched = csgraph.maximum_bipartite_matching(copies, perm_type="column")
        if (matched >= 0).all():
            return torch.from_numpy(matched.astype(np.int64) % mask.shape[1])
        share += 1
