"""How the three stages of a Clos layer are wired, for one sample of integers: no weights."""

import dataclasses

import torch
from torch import Tensor

from golden.shape import ClosShape

__all__ = ["ClosRouting"]


@dataclasses.dataclass(frozen=True, eq=False)
class ClosRouting:
    """The router of every input and output of a layer; stages are 0 (input), 1 and 2 (output).

    A stage's inputs and results are [I], [Ri, Rm], [Ro, Rm] and [O], its weights as in
    `QuantisedLayer`, all int64.
    """

    router_of_input: Tensor
    router_of_output: Tensor
    output_routers: int

    @classmethod
    def of(cls, shape: ClosShape) -> "ClosRouting":
        """Return the routing of a layer."""

        def routers(blocks: tuple[tuple[int, int], ...]) -> Tensor:
            sizes = torch.tensor([stop - start for start, stop in blocks])
            return torch.repeat_interleave(torch.arange(len(blocks)), sizes)

        return cls(routers(shape.input_blocks), routers(shape.output_blocks), shape.output_routers)

    def transposed(self, stage: int, weight: Tensor, gradient: Tensor) -> Tensor:
        """Return for every input of a stage the sum of weight * gradient over what it feeds."""
        if stage == 0:
            return (weight * gradient[self.router_of_input]).sum(1)
        if stage == 1:
            return (weight * gradient.T[:, None, :]).sum(2).T
        products = weight * gradient[:, None]
        return products.new_zeros(self.output_routers, weight.shape[1]).index_add_(
            0, self.router_of_output, products
        )

    def products(self, stage: int, inputs: Tensor, gradient: Tensor) -> Tensor:
        """Return for every weight of a stage its input times the gradient of its result."""
        if stage == 0:
            return inputs[:, None] * gradient[self.router_of_input]
        if stage == 1:
            return inputs.T[:, :, None] * gradient.T[:, None, :]
        return inputs[self.router_of_output] * gradient[:, None]
