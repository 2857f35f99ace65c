"""The forms in which a Clos layer can be computed, and which of them is fastest.

All take the shape, the weights as `ClosLinear` holds them and the inputs [N, I], and return the
results without the bias. They differ in the order of memory, not in what they compute.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from golden.clos.shape import ClosShape
from golden.tensors.tracing import serves_any_batch

__all__ = [
    "FEWEST_COLUMNS",
    "ClosWeights",
    "by_columns",
    "by_matrix",
    "by_padded_columns",
    "by_rows",
    "compute",
    "fastest_form",
    "to_matrix",
]

# Measured on two cores of an x86 processor with PyTorch's own matrix library, which is slow for
# products of 2 to 15 columns.
FEWEST_COLUMNS = 16
# Weights of a layer:
_PADDING_PAYS_FROM = 1 << 15
_PADDING_PAYS_FOR_ONE_FROM = 1 << 17
_ROWS_PAY_FROM = 1 << 19


class ClosWeights(NamedTuple):
    """Weights of the three stages: [I, Rm], [Rm, Ri, Ro] and [O, Rm]."""

    input_weight: Tensor
    middle_weight: Tensor
    output_weight: Tensor


def fastest_form(shape: ClosShape, samples: int, threads: int = 1) -> str:
    """Return "rows", "columns", "padded columns" or "matrix", the fastest for so many samples.

    Columns keep both Clos permutations free for any number of samples; of a large layer, few
    samples are computed faster as 16. Rows pay for one sample of a very large layer on one thread,
    where the weights are read once and nothing else counts. The whole matrix pays only where the
    layer has far more weights than the matrix, and samples enough to make up for multiplying it
    out.
    """
    elements = shape.in_features * shape.out_features
    composing = shape.middle_routers * (shape.in_features * shape.output_routers + elements)
    if samples * shape.parameters > 2.5 * (samples * elements + composing):
        return "matrix"
    if samples == 1 and threads == 1 and shape.parameters >= _ROWS_PAY_FROM:
        return "rows"
    from_weights = _PADDING_PAYS_FOR_ONE_FROM if samples == 1 else _PADDING_PAYS_FROM
    if 0 < samples < FEWEST_COLUMNS and shape.parameters >= from_weights:
        return "padded columns"
    return "columns"


def compute(shape: ClosShape, weights: ClosWeights, x: Tensor) -> Tensor:
    """Compute [N, I] to [N, O] in the fastest form; by columns where a graph serves any N."""
    if serves_any_batch(x):
        return by_columns(shape, weights, x)[2]
    form = fastest_form(shape, x.shape[0], torch.get_num_threads())
    if form == "rows":
        return by_rows(shape, weights, x)
    if form == "matrix":
        return by_matrix(shape, weights, x)
    if form == "padded columns":
        return by_padded_columns(shape, weights, x)
    return by_columns(shape, weights, x)[2]


def by_columns(shape: ClosShape, weights: ClosWeights, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Compute all stages, [Ri, Rm, N], [Rm, Ro, N] and [N, O], with the samples innermost.

    Both Clos permutations then only swap the two leading strides, which `bmm` reads as they are:
    nothing is copied between the stages.
    """
    groups = shape.input_groups
    input_out = _join(
        [
            weight.transpose(1, 2) @ block
            for weight, block in zip(
                _equal_blocks(weights.input_weight, groups),
                _equal_blocks(x.T, groups),
                strict=True,
            )
        ]
    )  # [Ri, Rm, N]
    middle_out = weights.middle_weight.transpose(1, 2) @ input_out.transpose(0, 1)  # [Rm, Ro, N]
    middle_by_router = middle_out.transpose(0, 1)
    outputs: list[Tensor] = []
    router = 0
    groups = shape.output_groups
    for (count, _), weight in zip(
        groups, _equal_blocks(weights.output_weight, groups), strict=True
    ):
        block = weight @ middle_by_router[router : router + count]
        outputs.append(block.flatten(0, 1))
        router += count
    return input_out, middle_out, _join(outputs).T


def by_padded_columns(shape: ClosShape, weights: ClosWeights, x: Tensor) -> Tensor:
    """Compute [N, I] to [N, O] by columns, with zeros for the samples that 16 have more."""
    samples = x.shape[0]
    padded = nn.functional.pad(x, (0, 0, 0, max(FEWEST_COLUMNS - samples, 0)))
    return by_columns(shape, weights, padded)[2][:samples]


def by_rows(shape: ClosShape, weights: ClosWeights, x: Tensor) -> Tensor:
    """Compute [N, I] to [N, O] with the features innermost."""
    samples = x.shape[0]
    inputs: list[Tensor] = []
    start = 0
    for weight in _equal_blocks(weights.input_weight, shape.input_groups):
        routers, size, _ = weight.shape
        block = x[:, start : start + routers * size].reshape(samples, routers, size)
        inputs.append(block.transpose(0, 1) @ weight)
        start += routers * size
    middle = _join(inputs).permute(2, 1, 0) @ weights.middle_weight  # [Rm, N, Ro]
    by_router = middle.permute(2, 1, 0)
    outputs: list[Tensor] = []
    router = 0
    groups = shape.output_groups
    for (count, _), weight in zip(
        groups, _equal_blocks(weights.output_weight, groups), strict=True
    ):
        block = by_router[router : router + count] @ weight.transpose(1, 2)
        outputs.append(block.transpose(0, 1).flatten(1))
        router += count
    return outputs[0] if len(outputs) == 1 else torch.cat(outputs, dim=1)


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


def _equal_blocks(rows: Tensor, groups: tuple[tuple[int, int], ...]) -> list[Tensor]:
    """View rows [I, K] as [routers, rows a router, K], once for each group of equal routers.

    A remainder so costs one further `bmm`, and no padding.
    """
    if len(groups) == 1:
        return [rows.unflatten(0, groups[0])]
    (routers, size), other = groups
    return [
        rows[: routers * size].unflatten(0, (routers, size)),
        rows[routers * size :].unflatten(0, other),
    ]


def _join(parts: list[Tensor]) -> Tensor:
    """Concatenate along the first dimension, without a copy where there is but one tensor."""
    return parts[0] if len(parts) == 1 else torch.cat(parts)
