"""How a Clos convolution is computed: by the layer at every place, or by two convolutions.

The first stage of a Clos layer on patches [c f^2] is a grouped convolution, for each of its input
routers takes whole channels. The two others are multiplied out, which costs one product for each
element of the result, and are a convolution with a kernel of 1.
"""

import torch
from torch import Tensor

from golden.clos.forms import ClosWeights
from golden.clos.layer import ClosLinear
from golden.clos.shape import ClosShape
from golden.layers.windows import Window
from golden.tensors.tracing import records_sizes, serves_any_batch

__all__ = ["at_every_place", "by_two_convolutions", "last_stages", "router_kernels"]

# PyTorch computes kernels of 1 by oneDNN from so many images on, or if they are dilated. For fewer
# it takes another library on one thread, which is half as fast where AVX-512 is.
_ONEDNN_FROM = 16


def router_kernels(shape: ClosShape, weights: ClosWeights, kernel_size: tuple[int, ...]) -> Tensor:
    """Return the kernels [Ri Rm, c / Ri, f, f] of the first stage, of weights [c f^2, Rm]."""
    routers = shape.input_routers
    by_router = weights.input_weight.unflatten(0, (routers, -1)).transpose(1, 2)
    return by_router.flatten(0, 1).unflatten(1, (-1, *kernel_size))


def last_stages(shape: ClosShape, weights: ClosWeights) -> Tensor:
    """Multiply the last two stages out to [O, Ri Rm], a column for each output of stage 1.

    Element [j, (r, m)] is W3[j, m] W2[m, r, o], o being the output router of j: a single path.
    """
    by_output = weights.middle_weight.permute(2, 1, 0)  # [Ro, Ri, Rm]
    found: list[Tensor] = []
    row = router = 0
    for count, size in shape.output_groups:
        rows = weights.output_weight[row : row + count * size].unflatten(0, (count, size))
        middle = by_output[router : router + count]
        found.append((rows[:, :, None] * middle[:, None]).flatten(0, 1))
        row, router = row + count * size, router + count
    return (found[0] if len(found) == 1 else torch.cat(found)).flatten(1)


def by_two_convolutions(parts: tuple[ClosLinear, ...], window: Window, x: Tensor) -> Tensor:
    """Compute [N, c, sides] or [c, sides] by a grouped convolution and one with a kernel of 1."""
    one = len(window.kernel_size) == 1
    convolve = torch.nn.functional.conv1d if one else torch.nn.functional.conv2d
    kernels = _join([router_kernels(p.shape, p.weights, window.kernel_size) for p in parts])
    mixing = _join([last_stages(p.shape, p.weights) for p in parts])
    biases = [part.bias for part in parts if part.bias is not None]
    x, padding = window.pad(x)
    hidden = convolve(
        x,
        kernels,
        stride=window.stride,
        padding=padding,  # pyright: ignore[reportArgumentType]
        dilation=window.dilation,
        groups=sum(part.shape.input_routers for part in parts),
    )
    return convolve(
        hidden,
        mixing[(..., *(None for _ in window.kernel_size))],
        _join(biases) if biases else None,
        dilation=2 if _is_few(hidden) else 1,  # Of a kernel of 1 it changes nothing.
        groups=len(parts),
    )


def at_every_place(parts: tuple[ClosLinear, ...], window: Window, x: Tensor) -> Tensor:
    """Compute [N, c, sides] or [c, sides] as the layers on the channels of every place."""
    x = window.pick(x)
    dimensions = len(window.kernel_size)
    if records_sizes(x) or x.ndim == dimensions + 1 or _is_channels_last(x):
        places = x.movedim(-1 - dimensions, -1)
        y = _on_features(parts, places).movedim(-1, -1 - dimensions)
        return y if not records_sizes(x) and _is_channels_last(x) else y.contiguous()
    # Channels first: the layer takes [pixels, c] with the pixels innermost as it is.
    columns = x.transpose(0, 1)
    y = _on_features(parts, columns.flatten(1).T).T
    return y.unflatten(1, tuple(columns.shape[1:])).transpose(0, 1).contiguous()


def _on_features(parts: tuple[ClosLinear, ...], x: Tensor) -> Tensor:
    if len(parts) == 1:
        return parts[0](x)
    size, found = parts[0].in_features, list[Tensor]()
    for number, part in enumerate(parts):
        found.append(part(x[..., number * size : (number + 1) * size]))
    return torch.cat(found, dim=-1)


def _is_few(x: Tensor) -> bool:
    """Whether there are so few images that PyTorch has to be led to its faster library."""
    if serves_any_batch(x) or x.device.type != "cpu" or x.dtype != torch.float32:
        return False
    return x.shape[0] < _ONEDNN_FROM and torch.get_num_threads() == 1


def _is_channels_last(x: Tensor) -> bool:
    if x.ndim != 4 or x.is_contiguous():
        return False
    return x.is_contiguous(memory_format=torch.channels_last)


def _join(tensors: list[Tensor]) -> Tensor:
    return tensors[0] if len(tensors) == 1 else torch.cat(tensors)
