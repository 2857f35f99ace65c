"""How the stages of any layer that have weights are wired: sums and products over given weights."""

from torch import Tensor

from golden.clos.routing import ClosRouting
from golden.layers.dense import DenseShape, LayerShape

__all__ = ["DenseRouting", "Routing", "routing_of"]


class DenseRouting:
    """A dense layer, of one stage: every input feeds every output.

    Its inputs and results are [..., I] and [..., O], its weights [O, I]. Methods are those of
    `ClosRouting`; `stage` is 0.
    """

    def sums(self, stage: int, weight: Tensor, inputs: Tensor) -> Tensor:
        """Return for every result the sum of weight * input over all inputs."""
        return inputs @ weight.mT

    def transposed(self, stage: int, weight: Tensor, gradient: Tensor) -> Tensor:
        """Return for every input the sum of weight * gradient over all results."""
        return gradient @ weight

    def products(self, stage: int, inputs: Tensor, gradient: Tensor) -> Tensor:
        """Return for every weight its input times the gradient of its result."""
        return gradient[..., :, None] * inputs[..., None, :]


Routing = ClosRouting | DenseRouting
"""The wiring of any layer that a torus trains."""


def routing_of(shape: LayerShape) -> Routing:
    """Return the wiring of a layer."""
    return DenseRouting() if isinstance(shape, DenseShape) else ClosRouting.of(shape)
