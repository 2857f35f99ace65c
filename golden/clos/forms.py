"""The forms in which a Clos layer can be computed, and which of them is fastest.

All take the shape, the weights as `ClosLinear` holds them and the inputs [N, I], and return the
results without the bias. They differ in the order of memory, not in what they compute. PyTorch can
differentiate, compile, export and vectorise them; `golden.clos.function` has the same products with
fewer calls.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from golden.clos.shape import ClosShape

__all__ = [
    "FEWEST_COLUMNS",
    "ClosWeights",
    "by_columns",
    "by_matrix",
    "by_padded_columns",
    "by_rows",
    "equal_blocks",
    "fastest_form",
    "hidden_columns",
    "hidden_rows",
    "in_groups",
    "of_routers",
    "padding_pays",
    "to_matrix",
    "transposing_pays",
]

# Measured on an x86 processor, on one thread and on two, with the matrix library of PyTorch's
# wheels. It takes a product of 2 to 15 columns several times longer than one of as many rows, and
# longer than one of 16 columns. Other devices have not been measured, and compute by columns.
FEWEST_COLUMNS = 16
_MOST_ROWS = 10
# Weights of a layer:
_ROWS_PAY_FROM = 1 << 13
_PADDING_PAYS_FROM = 1 << 15
# Samples of a product of two stages' values, whose transposed one is faster, and its unit of rows.
_TRANSPOSING_PAYS_FROM = 256
_UNIT = 8


class ClosWeights(NamedTuple):
    """Weights of the three stages: [I, Rm], [Rm, Ri, Ro] and [O, Rm]."""

    input_weight: Tensor
    middle_weight: Tensor
    output_weight: Tensor


def fastest_form(shape: ClosShape, samples: int, device: str = "cpu") -> str:
    """Return "rows", "columns", "padded columns" or "matrix", the fastest for so many samples.

    Columns keep both Clos permutations free for any number of samples. Of a larger layer, up to 10
    samples are faster by rows, although each permutation is then a copy, and 11 to 15 as 16 columns
    are. The whole matrix pays only where the layer has far more
    weights than the matrix, and samples enough to make up for multiplying it out. On any device but
    the CPU nothing was measured, and the form is "columns" or "matrix".
    """
    weights, elements = shape.parameters, shape.in_features * shape.out_features
    if weights > 2.5 * elements:  # Whatever multiplying out takes.
        composing = shape.middle_routers * (shape.in_features * shape.output_routers + elements)
        if samples * weights > 2.5 * (samples * elements + composing):
            return "matrix"
    if device != "cpu" or not 0 < samples < FEWEST_COLUMNS or weights < _ROWS_PAY_FROM:
        return "columns"
    if samples <= _MOST_ROWS:
        return "rows"
    return "padded columns" if padding_pays(shape, samples, device) else "columns"


def padding_pays(shape: ClosShape, samples: int, device: str = "cpu") -> bool:
    """Say whether 16 columns are computed faster than so many, of which there are fewer."""
    few = device == "cpu" and 1 < samples < FEWEST_COLUMNS
    return few and shape.parameters >= _PADDING_PAYS_FROM


def transposing_pays(left: Tensor, right: Tensor) -> bool:
    """Say whether the product [R, n, m] of [R, n, N] and [R, m, N] is faster transposed.

    It is with many samples, where n is a multiple of 8, and m is none or `left` has its samples
    apart in memory; the copy back into order is counted.
    """
    _, size, samples = left.shape
    if left.device.type != "cpu" or samples < _TRANSPOSING_PAYS_FROM or size % _UNIT:
        return False
    return left.stride(2) != 1 or right.shape[1] % _UNIT != 0


def by_columns(shape: ClosShape, weights: ClosWeights, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Compute all stages, [Ri, Rm, N], [Rm, Ro, N] and [N, O], with the samples innermost.

    Both Clos permutations then only swap the two leading strides, which `bmm` reads as they are:
    nothing is copied between the stages.
    """
    input_out, middle_out = hidden_columns(shape, weights, x)
    groups = shape.output_groups
    y = in_groups(
        lambda weight, block: torch.bmm(weight, block).flatten(0, 1),
        equal_blocks(weights.output_weight, groups),
        of_routers(middle_out.transpose(0, 1), groups),
    )
    return input_out, middle_out, y.T


def hidden_columns(shape: ClosShape, weights: ClosWeights, x: Tensor) -> tuple[Tensor, Tensor]:
    """Compute the first two stages, [Ri, Rm, N] and [Rm, Ro, N], with the samples innermost."""
    groups = shape.input_groups
    input_out = in_groups(
        lambda weight, block: torch.bmm(weight.mT, block),
        equal_blocks(weights.input_weight, groups),
        equal_blocks(x.T, groups),
    )  # [Ri, Rm, N]
    return input_out, torch.bmm(weights.middle_weight.mT, input_out.transpose(0, 1))


def by_padded_columns(shape: ClosShape, weights: ClosWeights, x: Tensor) -> Tensor:
    """Compute [N, I] to [N, O] by columns, with zeros for the samples that 16 have more."""
    samples = x.shape[0]
    padded = nn.functional.pad(x, (0, 0, 0, max(FEWEST_COLUMNS - samples, 0)))
    return by_columns(shape, weights, padded)[2][:samples]


def by_rows(shape: ClosShape, weights: ClosWeights, x: Tensor) -> Tensor:
    """Compute [N, I] to [N, O] with the features innermost."""
    _, output_in = hidden_rows(shape, weights, x)
    groups = shape.output_groups
    if len(groups) == 1 and output_in.shape[1] == 1:
        ((routers, size),) = groups
        weight = weights.output_weight.view(routers, size, shape.middle_routers)
        return torch.bmm(output_in, weight.mT).view(1, shape.out_features)
    return in_groups(
        lambda weight, block: torch.bmm(block, weight.mT).transpose(0, 1).flatten(1),
        equal_blocks(weights.output_weight, groups),
        of_routers(output_in, groups),
        dimension=1,
    )


def hidden_rows(shape: ClosShape, weights: ClosWeights, x: Tensor) -> tuple[Tensor, Tensor]:
    """Compute what the middle and the output routers take, [Rm, N, Ri] and [Ro, N, Rm].

    Each is put in order in memory: `bmm` would compute routers one by one otherwise.
    """
    groups, samples = shape.input_groups, x.shape[0]
    if len(groups) == 1 and samples == 1:
        ((routers, size),) = groups
        weight = weights.input_weight.view(routers, size, shape.middle_routers)
        input_out = torch.bmm(x.reshape(routers, 1, size), weight)
    else:
        input_out = in_groups(
            lambda weight, block: torch.bmm(block.mT, weight),
            equal_blocks(weights.input_weight, groups),
            equal_blocks(x.T, groups),
        )  # [Ri, N, Rm]
    middle_in = input_out.transpose(0, 2).contiguous()
    middle_out = torch.bmm(middle_in, weights.middle_weight)  # [Rm, N, Ro]
    return middle_in, middle_out.transpose(0, 2).contiguous()


def by_matrix(shape: ClosShape, weights: ClosWeights, x: Tensor) -> Tensor:
    """Compute [N, I] to [N, O] as the product with the multiplied out matrix."""
    return nn.functional.linear(x, to_matrix(shape, weights))


def to_matrix(shape: ClosShape, weights: ClosWeights) -> Tensor:
    """Multiply the stages out to [O, I]; needs O I + I Rm Ro numbers of memory.

    Element [j, i] is the sum over all Rm paths from i to j of the product of the weights on the
    path: NeuroFabric, eq. 5.
    """
    device = weights.middle_weight.device
    router_of_input = torch.repeat_interleave(
        torch.arange(shape.input_routers, device=device),
        torch.tensor([stop - start for start, stop in shape.input_blocks], device=device),
        output_size=shape.in_features,
    )
    to_middle_out = weights.input_weight.T[:, :, None] * weights.middle_weight[:, router_of_input]
    return torch.cat(
        [
            weights.output_weight[start:stop] @ to_middle_out[:, :, router]
            for router, (start, stop) in enumerate(shape.output_blocks)
        ]
    )


def equal_blocks(rows: Tensor, groups: tuple[tuple[int, int], ...]) -> list[Tensor]:
    """View rows [I, K] as [routers, rows a router, K], once for each group of equal routers.

    A remainder so costs one further `bmm`, and no padding.
    """
    width = rows.shape[1]
    if len(groups) == 1:
        return [rows.view(*groups[0], width)]
    (routers, size), other = groups
    return [
        rows[: routers * size].view(routers, size, width),
        rows[routers * size :].view(*other, width),
    ]


def of_routers(values: Tensor, groups: tuple[tuple[int, int], ...]) -> list[Tensor]:
    """View values [routers, ...] once for each group of equal routers."""
    if len(groups) == 1:
        return [values]
    return [values[: groups[0][0]], values[groups[0][0] :]]


def in_groups(
    product: Callable[[Tensor, Tensor], Tensor],
    lefts: Sequence[Tensor],
    rights: Sequence[Tensor],
    dimension: int = 0,
) -> Tensor:
    """Concatenate the products of each group of routers, without a copy if there is but one."""
    if len(lefts) == 1:
        return product(lefts[0], rights[0])
    return torch.cat([product(*pair) for pair in zip(lefts, rights, strict=True)], dimension)
