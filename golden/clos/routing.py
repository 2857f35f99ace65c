"""How the three stages of a Clos layer are wired: sums and products over given weights."""

import dataclasses

import torch
from torch import Tensor

from golden.clos.shape import ClosShape

__all__ = ["ClosRouting"]


@dataclasses.dataclass(frozen=True, eq=False)
class ClosRouting:
    """The router of every input and output of a layer; stages are 0 (input), 1 and 2 (output).

    A stage's inputs and results are [..., I], [..., Ri, Rm], [..., Ro, Rm] and [..., O], its
    weights as in `QuantisedLayer`. Integers give exact integers, float64 gives float64.
    """

    router_of_input: Tensor
    router_of_output: Tensor
    input_routers: int
    output_routers: int

    @classmethod
    def of(cls, shape: ClosShape) -> "ClosRouting":
        """Return the routing of a layer."""

        def routers(blocks: tuple[tuple[int, int], ...]) -> Tensor:
            sizes = torch.tensor([stop - start for start, stop in blocks])
            return torch.repeat_interleave(torch.arange(len(blocks)), sizes)

        return cls(
            routers(shape.input_blocks),
            routers(shape.output_blocks),
            shape.input_routers,
            shape.output_routers,
        )

    def sums(self, stage: int, weight: Tensor, inputs: Tensor) -> Tensor:
        """Return for every result of a stage the sum of weight * input over what feeds it."""
        if stage == 0:
            return _sum_by_router(
                weight * inputs[..., None], self.router_of_input, self.input_routers
            )
        if stage == 1:
            return (weight * inputs.mT[..., None]).sum(-2).mT
        return (weight * inputs[..., self.router_of_output, :]).sum(-1)

    def transposed(self, stage: int, weight: Tensor, gradient: Tensor) -> Tensor:
        """Return for every input of a stage the sum of weight * gradient over what it feeds."""
        if stage == 0:
            return (weight * gradient[..., self.router_of_input, :]).sum(-1)
        if stage == 1:
            return (weight * gradient.mT[..., None, :]).sum(-1).mT
        return _sum_by_router(
            weight * gradient[..., None], self.router_of_output, self.output_routers
        )

    def products(self, stage: int, inputs: Tensor, gradient: Tensor) -> Tensor:
        """Return for every weight of a stage its input times the gradient of its result."""
        if stage == 0:
            return inputs[..., None] * gradient[..., self.router_of_input, :]
        if stage == 1:
            return inputs.mT[..., None] * gradient.mT[..., None, :]
        return inputs[..., self.router_of_output, :] * gradient[..., None]


def _sum_by_router(products: Tensor, router: Tensor, routers: int) -> Tensor:
    """Sum [..., features, Rm] to [..., routers, Rm]."""
    size = (*products.shape[:-2], routers, products.shape[-1])
    return products.new_zeros(size).index_add_(-2, router, products)
