"""`SparseCascade` beside `nn.Linear`, and beside each of the two forms that it chooses from."""

from collections.abc import Callable
from types import MappingProxyType

import torch
from torch import Tensor, nn

from golden.layers import SparseCascade
from golden.topologies import Topology, parse_topology, random_edge, random_regular

from .layer_pairs import Aims, LayerPair

__all__ = ["CASCADES", "FORMS"]

FORMS = ("gather", "matrix")
"""Names of the forms, for all stages alike."""

_BATCHES: Aims = MappingProxyType({batch: (None, None) for batch in (1, 16, 512)})


class _InForm(nn.Module):
    """The stages of a `SparseCascade` in one form, whatever would be fastest."""

    def __init__(self, cascade: SparseCascade, form: str) -> None:
        super().__init__()
        self.cascade, self.form = cascade, form

    def forward(self, x: Tensor) -> Tensor:
        columns = x.T
        for stage in self.cascade.parts:
            gather = self.form == FORMS[0]
            columns = stage.by_gather(columns) if gather else stage.by_matrix(columns)
        return columns.T


def _pair(name: str, inputs: int, outputs: int, make: Callable[[], Topology]) -> LayerPair:
    def ours() -> SparseCascade:
        topology = make()
        return SparseCascade(topology.masks, topology.constants, bias=False)

    def forms(layer: SparseCascade) -> dict[str, nn.Module]:
        return {form: _InForm(layer, form) for form in FORMS}

    return LayerPair(
        name=name,
        ours=ours,
        dense=lambda: nn.Linear(inputs, outputs, bias=False),
        inputs=lambda batch: torch.randn(batch, inputs),
        aims=_BATCHES,
        others=forms,
    )


CASCADES: tuple[LayerPair, ...] = (
    _pair("butterfly:1024,10", 1024, 1024, lambda: parse_topology("butterfly:1024,10")),
    _pair("two stages of 512, 16 outputs an input", 512, 512,
          lambda: random_regular((512, 512, 512), 16)),
    _pair("one stage of 784 to 300, density 1/5.5", 784, 300,
          lambda: random_edge((784, 300), 300 / 5.5)),
    _pair("hypercube:64,6", 64, 64, lambda: parse_topology("hypercube:64,6")),
)
"""Every cascade that is measured, of few, sparse stages and of many."""
