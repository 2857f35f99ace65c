"""How well a graph hangs together: Sparse Neural Network Topologies, section 4.5.

The paper calls the first and second largest eigenvalues of the Laplacian so; these are the usual
definitions. They are those of whole graphs, constant edges included, each with the weight 1.
"""

import itertools

import numpy as np
import torch
from torch import Tensor

from golden.arguments import instance, tensor
from golden.errors import AnalysisError
from golden.topologies import Topology

__all__ = ["algebraic_connectivity", "network_connectivity", "spectral_gap"]

_LARGEST = 4000  # Neurons: the eigenvalues of a dense matrix then take about 20 s.


def algebraic_connectivity(stage: Tensor) -> float:
    """Second smallest eigenvalue of L = D - A of one stage, bool [out, in]; 0 if it falls apart.

    Raises
    ------
    AnalysisError
        If the stage is no bool matrix, or has more than 4000 neurons.
    """
    _check_stage(stage)
    return _second_smallest([stage])


def network_connectivity(topology: Topology) -> float:
    """Return the algebraic connectivity of all stages as one graph; errors as for one stage."""
    topology = instance("topology", topology, Topology, error=AnalysisError)
    return _second_smallest(topology.adjacency)


def spectral_gap(stage: Tensor) -> float:
    """1 - sigma_2 of D_out^-1/2 A D_in^-1/2 for one stage, bool [out, in]: 1 for a complete graph.

    Neurons without edges count as a part of their own: the gap is then 0, as for any stage that
    falls apart.

    Raises
    ------
    AnalysisError
        As `algebraic_connectivity`.
    """
    _check_stage(stage)
    _check_size(sum(stage.shape))
    edges = stage.double()
    out, into = edges.sum(1), edges.sum(0)
    if bool((out == 0).any()) or bool((into == 0).any()):
        return 0.0
    scaled = edges / out.sqrt()[:, None] / into.sqrt()
    values = np.linalg.svd(scaled.numpy(), compute_uv=False)
    return max(1.0 - float(values[1]), 0.0) if len(values) > 1 else 1.0


def _second_smallest(stages: list[Tensor] | tuple[Tensor, ...]) -> float:
    sizes = [stages[0].shape[1], *(len(stage) for stage in stages)]
    _check_size(sum(sizes))
    starts = list(itertools.accumulate(sizes, initial=0))
    joined = torch.zeros(starts[-1], starts[-1], dtype=torch.float64)
    for layer, stage in enumerate(stages):
        rows = slice(starts[layer + 1], starts[layer + 2])
        joined[rows, starts[layer] : starts[layer + 1]] = stage.double()
    joined = joined + joined.T
    values = np.linalg.eigvalsh((torch.diag(joined.sum(1)) - joined).numpy())
    return max(float(values[1]), 0.0)


def _check_stage(stage: object) -> None:
    edges = tensor("stage", stage, error=AnalysisError)
    if edges.ndim != 2 or edges.dtype != torch.bool or 0 in edges.shape:
        raise AnalysisError(
            f"stage must be bool [out, in], none of them 0, not {edges.dtype} {list(edges.shape)}"
        )


def _check_size(neurons: int) -> None:
    if neurons > _LARGEST:
        raise AnalysisError(f"neurons must be at most {_LARGEST} for eigenvalues, not {neurons}")
