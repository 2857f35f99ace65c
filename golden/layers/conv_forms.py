"""How a Clos convolution is computed: by the layer at every place, or by two convolutions.

The first stage of a Clos layer on patches [c f^2] is a grouped convolution, for each of its input
routers takes whole channels. The two others are multiplied out, which costs one product for each
element of the result, and are a convolution with a kernel of 1.
"""

import torch
from torch import Tensor

from golden.clos.forms import ClosWeights
from golden.clos.initialise import sparse_xavier_
from golden.clos.layer import ClosLinear
from golden.clos.shape import ClosShape
from golden.layers.windows import Window
from golden.tensors.tracing import records_sizes, serves_any_batch

__all__ = ["ClosPatches", "at_every_place", "last_stages", "router_kernels"]

# PyTorch computes kernels of 1 by oneDNN from so many images on, or if they are dilated. For fewer
# it takes another library on one thread, which is half as fast where AVX-512 is.
_ONEDNN_FROM = 16
_MATRIX_UP_TO = 1 << 11  # Weights of stages 2 and 3 multiplied out.


def router_kernels(shape: ClosShape, weights: ClosWeights, kernel_size: tuple[int, ...]) -> Tensor:
    """Return the kernels [Ri Rm, c / Ri, f, f] of the first stage, of weights [c f^2, Rm]."""
    routers, paths = shape.input_routers, shape.middle_routers
    by_router = weights.input_weight.reshape(routers, -1, paths).transpose(1, 2)
    return by_router.reshape(routers * paths, -1, *kernel_size)


def last_stages(shape: ClosShape, weights: ClosWeights) -> Tensor:
    """Multiply the last two stages out to [O, Ri Rm], a column for each output of stage 1.

    Element [j, (r, m)] is W3[j, m] W2[m, r, o], o being the output router of j: a single path.
    """
    by_output = weights.middle_weight.permute(2, 1, 0)  # [Ro, Ri, Rm]
    found: list[Tensor] = []
    row = router = 0
    for count, size in shape.output_groups:
        rows = weights.output_weight[row : row + count * size]
        rows = rows.reshape(count, size, shape.middle_routers)
        middle = by_output[router : router + count]
        found.append((rows[:, :, None] * middle[:, None]).flatten(0, 1))
        row, router = row + count * size, router + count
    return (found[0] if len(found) == 1 else torch.cat(found)).flatten(1)


class ClosPatches(ClosLinear):
    """A `ClosLinear` on patches of [N, c, sides] or [c, sides], as `nn.Conv2d` takes them.

    Its weights and `stages` are those of the layer on features [c f^2], channel by channel. Hooks
    of pruning and of norms run, for it is called as any module.

    Attributes
    ----------
    window : Window
        How the patches are taken; the layer that makes this one sets it.
    """

    window: Window

    @torch.no_grad()
    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """Draw all weights as `ClosLinear` does, the first ones with the fans of convolutions.

        An input of stage 1 reaches Rm outputs at f^2 places, which count in its fan-out. Before the
        layer has its window the first ones are those of a `ClosLinear`.
        """
        super().reset_parameters(generator)
        if hasattr(self, "window"):
            self.draw_kernels(generator)

    def draw_kernels(self, generator: torch.Generator | None = None) -> None:
        """Draw the weights of the first stage; see `reset_parameters`."""
        inputs, _, ri, rm, _ = self.shape.as_tuple()
        fans = inputs // ri + rm * self.window.taps
        sparse_xavier_(self.input_weight, fans, generator)

    def forward(self, x: Tensor) -> Tensor:
        """Compute [N, c, sides] to [N, O, sides], by a convolution and one with a kernel of 1."""
        window = self.window
        one = len(window.kernel_size) == 1
        convolve = torch.nn.functional.conv1d if one else torch.nn.functional.conv2d
        x, padding = window.pad(x)
        turned = _gains_channels_last(self.shape, window, x)
        if turned:
            x = x.movedim(1, -1).contiguous().movedim(-1, 1)
        hidden = convolve(
            x,
            router_kernels(self.shape, self.weights, window.kernel_size),
            stride=window.stride,
            padding=padding,  # pyright: ignore[reportArgumentType]
            dilation=window.dilation,
            groups=self.shape.input_routers,
        )
        mixing = last_stages(self.shape, self.weights)
        if _is_small(window, hidden, mixing):
            y = _by_matrices(hidden, mixing, self.bias)
        else:
            y = convolve(
                hidden,
                mixing[(..., *(None for _ in window.kernel_size))],
                self.bias,
                dilation=2 if _is_few(hidden) else 1,  # Of a kernel of 1 it changes nothing.
            )
        return y.contiguous() if turned else y


def at_every_place(part: ClosLinear, window: Window, x: Tensor) -> Tensor:
    """Compute [N, c, sides] or [c, sides] as the layer on the channels of every place."""
    x = window.pick(x)
    dimensions = len(window.kernel_size)
    last = not records_sizes(x) and _is_channels_last(x)
    if last or records_sizes(x) or x.ndim == dimensions + 1:
        y = part(x.movedim(-1 - dimensions, -1))
        if last:
            return y.contiguous().movedim(-1, 1)
        return y.movedim(-1, -1 - dimensions).contiguous()
    # Channels first: the layer takes [pixels, c] with the pixels innermost as it is.
    columns = x.transpose(0, 1)
    y = part(columns.flatten(1).T).T
    return y.reshape(part.out_features, *columns.shape[1:]).transpose(0, 1).contiguous()


def _by_matrices(hidden: Tensor, mixing: Tensor, bias: Tensor | None) -> Tensor:
    """Mix the channels of [N, h, sides] by one matrix product for each image."""
    flat, matrices = hidden.flatten(2), mixing.expand(hidden.shape[0], -1, -1)
    if bias is None:
        y = torch.bmm(matrices, flat)
    else:
        y = torch.baddbmm(bias[:, None], matrices, flat)
    return y.reshape(y.shape[0], y.shape[1], *hidden.shape[2:])


def _is_plain(x: Tensor) -> bool:
    """Whether the choices that were measured hold: float32 on the CPU, computed at once."""
    return not serves_any_batch(x) and x.device.type == "cpu" and x.dtype == torch.float32


def _gains_channels_last(shape: ClosShape, window: Window, x: Tensor) -> bool:
    """Whether images are worth turning: first channels are slow in groups of no multiple of 8."""
    if not _is_plain(x) or x.ndim != 4 or len(window.kernel_size) == 1 or not x.is_contiguous():
        return False
    channels = shape.in_features // window.taps // shape.input_routers
    return bool(channels % 8 or shape.middle_routers % 8)


def _is_small(window: Window, hidden: Tensor, mixing: Tensor) -> bool:
    """Whether a product for each image is faster than a convolution, which turns the images."""
    if not _is_plain(hidden) or hidden.ndim != len(window.kernel_size) + 2:
        return False
    return mixing.numel() <= _MATRIX_UP_TO and hidden.is_contiguous()


def _is_few(x: Tensor) -> bool:
    """Whether there are so few images that PyTorch has to be led to its faster library."""
    return _is_plain(x) and x.shape[0] < _ONEDNN_FROM and torch.get_num_threads() == 1


def _is_channels_last(x: Tensor) -> bool:
    """Whether the channels of images are innermost; by strides, which `vmap` knows."""
    if x.ndim != 4:
        return False
    channels, width = x.shape[1], x.shape[3]
    return channels > 1 and x.stride()[1:] == (1, width * channels, channels)
