"""A classifier of chained Clos layers."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from golden.clos import ClosLinear
from golden.errors import ShapeError
from golden.shape import ClosShape

__all__ = ["ClosNet"]


class ClosNet(nn.Module):
    """Clos layers with a ReLU between, and none after the last.

    Parameters
    ----------
    shapes
        The layers; each takes the outputs of the one before.
    generator
        Of the initial weights; PyTorch's global one by default.
    dropout
        Parts of the inputs and of the hidden values that are dropped in training, such as (0.2,
        0.5) in Sparse Neural Network Topologies, section 4.4; inference has no dropout.

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
        shapes: Sequence[ClosShape],
        *,
        generator: torch.Generator | None = None,
        dropout: tuple[float, float] = (0.0, 0.0),
    ) -> None:
        """Make the layers; see the class."""
        super().__init__()
        if not shapes:
            raise ShapeError("shapes must name at least one layer, not none")
        for index, (left, right) in enumerate(zip(shapes, shapes[1:], strict=False), 1):
            if right.in_features != left.out_features:
                raise ShapeError(
                    f"layer {index} {right}: in_features must be {left.out_features}, the outputs "
                    f"of layer {index - 1} {left}, not {right.in_features}"
                )
        if not all(0 <= part < 1 for part in dropout):
            raise ShapeError(f"dropout must be two numbers in [0, 1), not {dropout}")
        self.dropout = dropout
        self.shapes = tuple(shapes)
        self.layers = nn.ModuleList()
        for shape in shapes:
            inputs, outputs, *routers = shape.as_tuple()
            layer = ClosLinear(inputs, outputs, (routers[0], routers[1], routers[2]))
            if generator is not None:
                layer.reset_parameters(generator)
            self.layers.append(layer)

    def forward(self, x: Tensor) -> Tensor:
        """Compute [..., I] of the first layer to [..., O] of the last."""
        for index, layer in enumerate(self.layers):
            part = self.dropout[min(index, 1)]
            x = x if index == 0 else torch.relu(x)
            x = layer(nn.functional.dropout(x, part, self.training) if part else x)
        return x
