"""A classifier of chained Clos layers."""

import itertools
import numbers
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from golden.arguments import check_generator, items, real_number, shown
from golden.clos.layer import ClosLinear
from golden.clos.shape import ClosShape
from golden.errors import ShapeError

__all__ = ["ClosNet"]


class ClosNet(nn.Module):
    """Clos layers with a ReLU between, and none after the last.

    Parameters
    ----------
    shapes
        The layers, each a `ClosShape` or its five numbers; each takes the outputs of the one
        before.
    generator
        Of the initial weights; PyTorch's global one by default.
    dropout
        Parts of the inputs and of the hidden values that are dropped in training, such as (0.2,
        0.5) in Sparse Neural Network Topologies, section 4.4; one number is for both. Inference
        has no dropout.

    Attributes
    ----------
    layers : ModuleList
        The `ClosLinear` layers, each with a bias.

    Raises
    ------
    ShapeError
        If there is no layer, two layers do not fit together, or a part is not in [0, 1).
    """

    def __init__(
        self,
        shapes: Sequence[ClosShape | Sequence[int]],
        *,
        generator: torch.Generator | None = None,
        dropout: float | tuple[float, float] = (0.0, 0.0),
    ) -> None:
        """Make the layers; see the class."""
        super().__init__()
        check_generator(generator)
        self.shapes = _shapes(shapes)
        for index, (left, right) in enumerate(itertools.pairwise(self.shapes), 1):
            if right.in_features != left.out_features:
                raise ShapeError(
                    f"layer {index} {right}: in_features must be {left.out_features}, the outputs "
                    f"of layer {index - 1} {left}, not {right.in_features}"
                )
        self.dropout = _parts(dropout)
        self.layers = nn.ModuleList()
        for shape in self.shapes:
            layer = ClosLinear.of_shape(shape)
            if generator is not None:
                layer.reset_parameters(generator)
            self.layers.append(layer)

    @property
    def in_features(self) -> int:
        """Inputs of the first layer."""
        return self.shapes[0].in_features

    @property
    def out_features(self) -> int:
        """Outputs of the last layer."""
        return self.shapes[-1].out_features

    @property
    def weight_count(self) -> int:
        """Weights of all layers; biases do not count."""
        return sum(shape.parameters for shape in self.shapes)

    def forward(self, x: Tensor) -> Tensor:
        """Compute [..., I] of the first layer to [..., O] of the last."""
        for index, layer in enumerate(self.layers):
            part = self.dropout[min(index, 1)]
            x = x if index == 0 else torch.relu(x)
            x = layer(nn.functional.dropout(x, part, self.training) if part else x)
        return x


def _shapes(shapes: Sequence[ClosShape | Sequence[int]]) -> tuple[ClosShape, ...]:
    found: list[ClosShape] = []
    for index, shape in enumerate(items("shapes", shapes)):
        try:
            found.append(ClosShape.of(shape))
        except ShapeError as error:
            raise ShapeError(f"layer {index}: {error}") from error
    if not found:
        raise ShapeError("shapes must name at least one layer, not none")
    return tuple(found)


def _parts(dropout: float | tuple[float, float]) -> tuple[float, float]:
    given = (dropout, dropout) if isinstance(dropout, numbers.Number) else dropout
    inputs, hidden = (real_number("dropout", part) for part in items("dropout", given, 2))
    if not (0 <= inputs < 1 and 0 <= hidden < 1):
        raise ShapeError(f"dropout must be two numbers in [0, 1), not {shown(dropout)}")
    return inputs, hidden
