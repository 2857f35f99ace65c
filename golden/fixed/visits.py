"""Where every weight is visited in a backward pass.

`Placement` says which processing element (PE) holds a weight and when it visits it, for that
decides which random bits round the weight's update.
"""

import dataclasses
import functools
from collections.abc import Collection, Sequence

import torch
from torch import Tensor

from golden.arguments import instance, items, whole_number
from golden.arguments import tensor as tensor_of
from golden.errors import ModelError, ShapeError
from golden.fixed.layer_format import STAGES
from golden.fixed.lfsr import states_after
from golden.layers.dense import DenseShape, LayerShape, layer_shape

__all__ = ["Placement", "StagePlacement", "check_tensor", "weight_sizes", "weight_stages"]


def weight_sizes(shape: LayerShape) -> tuple[tuple[int, ...], ...]:
    """Return the sizes of a layer's weights: (I, Rm), (Rm, Ri, Ro), (O, Rm); or, dense, (O, I)."""
    if isinstance(shape, DenseShape):
        return ((shape.out_features, shape.in_features),)
    inputs, outputs, ri, rm, ro = shape.as_tuple()
    return (inputs, rm), (rm, ri, ro), (outputs, rm)


def weight_stages(shape: LayerShape) -> tuple[str, ...]:
    """Return the names of a layer's stages that have weights, in the order of `weight_sizes`."""
    return ("dense",) if isinstance(shape, DenseShape) else STAGES


@dataclasses.dataclass(frozen=True, eq=False)
class StagePlacement:
    """Where and when one stage's weights are visited in a backward pass.

    Parameters
    ----------
    pe
        int64, the shape of the stage's weights: the PE that holds the weight, row * columns + col.
    visit
        int64, the same shape: which of that PE's visits is the weight's, from 0.
    visits
        Visits of the whole pass, padding included; the same for every PE.
    """

    pe: Tensor
    visit: Tensor
    visits: int

    def __post_init__(self) -> None:
        """Check types; `Placement.check` checks values."""
        tensor_of("pe", self.pe)
        tensor_of("visit", self.visit)
        object.__setattr__(self, "visits", whole_number("visits", self.visits, 0))


@dataclasses.dataclass(frozen=True, eq=False)
class Placement:
    """Where all weights are visited, on `pes` PEs; layers[l] holds the stages of layer l.

    These are the three of a Clos layer, or the one of a dense layer.
    """

    pes: int
    layers: tuple[tuple[StagePlacement, ...], ...]

    def __post_init__(self) -> None:
        """Check types; `check` checks values."""
        object.__setattr__(self, "pes", whole_number("pes", self.pes, 1))
        layers = tuple(items("each layer", layer) for layer in items("layers", self.layers))
        for stage in (stage for layer in layers for stage in layer):
            instance("each stage", stage, StagePlacement)
        object.__setattr__(self, "layers", layers)

    @classmethod
    def one_pe(cls, shapes: Sequence[LayerShape]) -> "Placement":
        """Place all weights of layers of `shapes` in one PE, visited in the order of the tensor."""

        def place(size: tuple[int, ...]) -> StagePlacement:
            visit = torch.arange(torch.Size(size).numel()).reshape(size)
            return StagePlacement(torch.zeros_like(visit), visit, visit.numel())

        given = [layer_shape(shape) for shape in items("shapes", shapes)]
        return cls(1, tuple(tuple(map(place, weight_sizes(shape))) for shape in given))

    def check(self, shapes: Sequence[LayerShape]) -> None:
        """Check that this places the weights of layers of `shapes`.

        Raises
        ------
        ShapeError
            If the number of layers or a tensor's shape differs.
        ModelError
            If a PE or a visit is out of range.
        """
        shapes = [layer_shape(shape) for shape in items("shapes", shapes)]
        if len(self.layers) != len(shapes):
            raise ShapeError(
                f"placement must be of {len(shapes)} layers, not of {len(self.layers)}"
            )
        for index, (layer, shape) in enumerate(zip(self.layers, shapes, strict=True)):
            names = weight_stages(shape)
            items(f"placement of layer {index}", layer, len(names))
            for stage, placed, size in zip(names, layer, weight_sizes(shape), strict=True):
                where = f"placement of layer {index}, {stage} stage"
                for name, tensor, limit in (
                    ("pe", placed.pe, self.pes),
                    ("visit", placed.visit, placed.visits),
                ):
                    check_tensor(f"{where}: {name}", tensor, size)
                    if int(tensor.min()) < 0 or int(tensor.max()) >= limit:
                        raise ModelError(
                            f"{where}: {name} must be 0 to {limit - 1}, "
                            f"not {int(tensor.min())} to {int(tensor.max())}"
                        )

    def random_words(
        self, lfsr: Tensor, frozen: Collection[int] = ()
    ) -> tuple[dict[tuple[int, int], Tensor], Tensor]:
        """Return the LFSR's state at the visit of every weight of a backward pass.

        Parameters
        ----------
        lfsr
            [pes] int64: the states before the pass.
        frozen
            Layers whose weights are not visited.

        Returns
        -------
        The states by (layer, stage), int64 of the weights' shape, and those after the pass.
        """
        passes = [
            (index, stage)
            for index in reversed(range(len(self.layers)))
            if index not in frozen
            for stage in reversed(range(len(self.layers[index])))
        ]
        visits = [self.layers[index][stage].visits for index, stage in passes]
        states = states_after(lfsr, sum(visits))
        flat = states.flatten()
        found: dict[tuple[int, int], Tensor] = {}
        first = 0
        for (index, stage), count in zip(passes, visits, strict=True):
            found[index, stage] = flat[first * self.pes :][self._places[index][stage]]
            first += count
        return found, states[-1]

    @functools.cached_property
    def _places(self) -> tuple[tuple[Tensor, ...], ...]:
        """Of every weight, the place of its LFSR state in a flat [visits, PEs]."""
        return tuple(
            tuple(stage.visit * self.pes + stage.pe for stage in layer) for layer in self.layers
        )


def check_tensor(name: str, tensor: Tensor, size: tuple[int, ...]) -> None:
    """Refuse a tensor, called `name` in the message, that is not int64 of shape `size`."""
    tensor_of(name, tensor)
    if tensor.dtype != torch.int64 or tuple(tensor.shape) != size:
        raise ShapeError(
            f"{name} must be int64 {list(size)}, not {tensor.dtype} {list(tensor.shape)}"
        )
