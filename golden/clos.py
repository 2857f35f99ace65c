"""Clos layers in PyTorch: only the weights that exist, no masks and no indices."""

import math

import torch
from torch import Tensor, nn

from golden.errors import ShapeError
from golden.shape import ClosShape

__all__ = ["ClosLinear", "einsum_form"]


class ClosLinear(nn.Module):
    """A drop-in for `nn.Linear` whose matrix is a Clos cascade: ClosNets, section II.

    y = bias + output stage(middle stage(input stage(x))), each stage a set of small dense routers.
    The hidden stages are linear. The layer holds exactly P = Rm (I + O + Ri Ro) weights.

    Parameters
    ----------
    in_features, out_features
        Size I and O of the last dimension of input and output.
    routers
        Input, middle and output routers (Ri, Rm, Ro); `ClosShape` says how remainders are split.
    bias
        Whether to add a learned bias [O].
    device, dtype
        Of the parameters, as for `nn.Linear`.

    Attributes
    ----------
    shape : ClosShape
        The layer's 5-tuple.
    input_weight : Parameter
        [I, Rm]: row i holds the weights from input i to the outputs of its input router.
    middle_weight : Parameter
        [Rm, Ri, Ro]: middle router m's weights from its input r to its output o.
    output_weight : Parameter
        [O, Rm]: row j holds the weights from its output router's inputs to output j.
    bias : Parameter or None
        [O].

    Raises
    ------
    ShapeError
        If the sizes make no Clos layer, or `forward` gets another last dimension than I.
    """

    bias: nn.Parameter | None

    def __init__(
        self,
        in_features: int,
        out_features: int,
        routers: tuple[int, int, int],
        bias: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        """Make the parameters and initialise them; see the class."""
        super().__init__()
        if len(routers) != 3:
            raise ShapeError(f"routers must be three numbers (Ri, Rm, Ro), not {routers!r}")
        self.shape = ClosShape(in_features, out_features, *routers)
        ri, rm, ro = routers

        def empty(*size: int) -> nn.Parameter:
            return nn.Parameter(torch.empty(size, device=device, dtype=dtype))

        self.input_weight = empty(in_features, rm)
        self.middle_weight = empty(rm, ri, ro)
        self.output_weight = empty(out_features, rm)
        self.register_parameter("bias", empty(out_features) if bias else None)
        self.reset_parameters()

    @property
    def in_features(self) -> int:
        """Inputs I of the layer."""
        return self.shape.in_features

    @property
    def out_features(self) -> int:
        """Outputs O of the layer."""
        return self.shape.out_features

    @property
    def routers(self) -> tuple[int, int, int]:
        """Input, middle and output routers (Ri, Rm, Ro)."""
        return self.shape.input_routers, self.shape.middle_routers, self.shape.output_routers

    @property
    def path_diversity(self) -> int:
        """Paths between any input and any output, D = Rm."""
        return self.shape.path_diversity

    @torch.no_grad()
    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """Draw every router's weights from Xavier's U(-r, r), r = sqrt(6 / (fan-in + fan-out)).

        For a Clos stage that is the sparse Xavier of NeuroFabric, eq. 2. The bias starts at zero:
        the range that `nn.Linear` draws it from assumes a fan-in of I, which no router has.
        """
        ri, rm, ro = self.routers
        for start, stop in self.shape.input_blocks:
            _xavier(self.input_weight[start:stop], stop - start + rm, generator)
        _xavier(self.middle_weight, ri + ro, generator)
        for start, stop in self.shape.output_blocks:
            _xavier(self.output_weight[start:stop], rm + stop - start, generator)
        if self.bias is not None:
            self.bias.zero_()

    def forward(self, x: Tensor) -> Tensor:
        """Compute [..., I] to [..., O]."""
        return self.stages(x)[2]

    def stages(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Compute [..., I] to the results of all stages: [..., Ri, Rm], [..., Ro, Rm], [..., O].

        Inside, features come first and the batch last. Both Clos permutations then only swap the
        two leading strides, which `bmm` reads as they are: nothing is copied between stages.
        """
        self._check_input(x)
        ri, rm, ro = self.routers
        batch = x.shape[:-1]
        columns = x.reshape(-1, self.in_features).T

        input_out = _join(
            [
                weight.transpose(1, 2) @ block
                for weight, block in zip(
                    _equal_blocks(self.input_weight, self.shape.input_blocks),
                    _equal_blocks(columns, self.shape.input_blocks),
                    strict=True,
                )
            ]
        )  # [Ri, Rm, N]
        middle_out = self.middle_weight.transpose(1, 2) @ input_out.transpose(0, 1)  # [Rm, Ro, N]
        middle_by_router = middle_out.transpose(0, 1)
        outputs: list[Tensor] = []
        router = 0
        for weight in _equal_blocks(self.output_weight, self.shape.output_blocks):
            block = weight @ middle_by_router[router : router + len(weight)]
            outputs.append(block.flatten(0, 1))
            router += len(weight)
        y = _join(outputs).T
        if self.bias is not None:
            y = y + self.bias
        return (
            input_out.permute(2, 0, 1).reshape(*batch, ri, rm),
            middle_out.permute(2, 1, 0).reshape(*batch, ro, rm),
            y.reshape(*batch, self.out_features),
        )

    def to_dense(self) -> Tensor:
        """Multiply the stages out to the equivalent weight [O, I] of an `nn.Linear`.

        Element [j, i] is the sum over all Rm paths from i to j of the product of the weights on the
        path: NeuroFabric, eq. 5. Differentiable; needs O I + I Rm Ro numbers of memory.
        """
        device = self.middle_weight.device
        router_of_input = torch.repeat_interleave(
            torch.arange(self.shape.input_routers, device=device),
            torch.tensor([stop - start for start, stop in self.shape.input_blocks], device=device),
        )
        to_middle_out = self.input_weight.T[:, :, None] * self.middle_weight[:, router_of_input]
        return torch.cat(
            [
                self.output_weight[start:stop] @ to_middle_out[:, :, router]
                for router, (start, stop) in enumerate(self.shape.output_blocks)
            ]
        )

    def extra_repr(self) -> str:
        """Describe the layer as `nn.Linear` does, and its routers."""
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, "
            f"routers={self.routers}, bias={self.bias is not None}"
        )

    def _check_input(self, x: Tensor) -> None:
        if x.ndim == 0 or x.shape[-1] != self.in_features:
            raise ShapeError(
                f"input must have shape [..., {self.in_features}] for layer {self.shape}, "
                f"not {list(x.shape)}"
            )


def einsum_form(layer: ClosLinear, x: Tensor) -> Tensor:
    """Compute `layer` on [N, I] to [N, O] in the form of the definition, one einsum; an oracle.

    y[b, o, p] = sum over m, r, i of W3[o, m, p] W2[m, r, o] W1[r, i, m] x[b, r, i], with routers of
    unequal size padded by zeros.
    """
    shape = layer.shape

    def routers_first(rows: Tensor, blocks: tuple[tuple[int, int], ...]) -> Tensor:
        return nn.utils.rnn.pad_sequence(
            [rows[start:stop] for start, stop in blocks], batch_first=True
        )

    padded = torch.einsum(
        "rib,rim,mro,opm->opb",
        routers_first(x.T, shape.input_blocks),
        routers_first(layer.input_weight, shape.input_blocks),
        layer.middle_weight,
        routers_first(layer.output_weight, shape.output_blocks),
    )
    rows = [padded[o, : stop - start] for o, (start, stop) in enumerate(shape.output_blocks)]
    y = torch.cat(rows).T
    return y if layer.bias is None else y + layer.bias


def _equal_blocks(rows: Tensor, blocks: tuple[tuple[int, int], ...]) -> list[Tensor]:
    """View rows [I, K] as [blocks, rows a block, K], once for the longer and once for the others.

    A remainder so costs one further `bmm`, and no padding.
    """
    sizes = [stop - start for start, stop in blocks]
    columns = rows.shape[1]
    longer = sizes.count(sizes[0])
    split = longer * sizes[0]
    groups = [rows[:split].view(longer, sizes[0], columns)]
    if longer < len(sizes):
        groups.append(rows[split:].view(len(sizes) - longer, sizes[-1], columns))
    return groups


def _join(groups: list[Tensor]) -> Tensor:
    """Concatenate along the first dimension, without a copy where there is but one tensor."""
    return groups[0] if len(groups) == 1 else torch.cat(groups)


def _xavier(weight: Tensor, fans: int, generator: torch.Generator | None) -> None:
    bound = math.sqrt(6 / fans)
    weight.uniform_(-bound, bound, generator=generator)
