"""Convolutions in which every filter sees only some channels, or of which there are fewer."""

import math
from typing import Any

import torch
from torch import Tensor, nn

from golden.arguments import (
    check_generator,
    empty_parameter,
    enough_memory,
    real_number,
    whole_number,
)
from golden.clos.initialise import sparse_xavier_
from golden.errors import ShapeError
from golden.layers.algebra import square
from golden.tensors.inputs import check_images

__all__ = ["SparseRandomConv2d", "live_channels", "scaled_channels"]


class SparseRandomConv2d(nn.Module):
    """A convolution whose filters each see a random part of the input channels.

    Power of Sparsity in CNNs, section 3.2: the connections between channels are chosen beforehand
    and are the same at every place of the k x k window. Every filter has as many, so that weights
    and indices are stored without gaps. Only those weights are held, learned and saved; the product
    itself is PyTorch's dense one, on a kernel that is filled up for the time being.

    Parameters
    ----------
    in_channels, out_channels
        Channels.
    kernel_size, stride, padding
        As for `nn.Conv2d`, the same in both directions.
    alpha
        Fraction of the connections kept, above 0 and at most 1. Where one side has a single channel
        its root is taken (section 5.2.1, which says "deactivated" but means kept).
    bias
        Whether to add a learned bias [out], which starts at 0.
    generator
        Of the connections and the weights; PyTorch's global one by default.
    device, dtype
        Of the parameters, as for `nn.Conv2d`.

    Attributes
    ----------
    weight : Parameter
        [out, degree, k, k].
    channels : Tensor
        Int64 [out, degree]: the input channel of each of these; all differ in a row.
    bias : Parameter or None
        [out].

    Raises
    ------
    ShapeError
        If a size or `alpha` is out of range, or `forward` gets no images of `in_channels` channels.
    """

    bias: nn.Parameter | None
    channels: Tensor

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        *,
        alpha: float,
        stride: int = 1,
        padding: int = 0,
        bias: bool = True,
        generator: torch.Generator | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        """Choose the connections and draw the weights; see the class."""
        super().__init__()
        kernel_size, stride = square("kernel_size", kernel_size, 1), square("stride", stride, 1)
        padding = square("padding", padding, 0)
        channels = live_channels(in_channels, out_channels, alpha, generator)
        self.in_channels, self.out_channels = int(in_channels), int(out_channels)
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding
        size = (*channels.shape, kernel_size, kernel_size)
        self.weight = empty_parameter(size, device, dtype)
        offset = empty_parameter((self.out_channels,), device, dtype) if bias else None
        self.register_parameter("bias", offset)
        self.register_buffer("channels", channels.to(self.weight.device))
        self._draw_weights(generator)
        self.register_load_state_dict_pre_hook(_check_degree)  # pyright: ignore[reportUnknownMemberType]

    @property
    def degree(self) -> int:
        """Input channels that each filter sees."""
        return self.channels.shape[1]

    @property
    def density(self) -> float:
        """Fraction of the connections kept."""
        return self.degree / self.in_channels

    @torch.no_grad()
    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """Choose as many connections anew, draw all weights by sparse Xavier, set the bias to 0.

        So a layer that comes from the meta device by `to_empty` has connections again.
        """
        channels = _choose(self.in_channels, self.out_channels, self.degree, generator)
        self.channels.copy_(channels)
        self._draw_weights(generator)

    def _draw_weights(self, generator: torch.Generator | None) -> None:
        self.draw_(self.weight, generator)
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    def draw_(self, weight: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Draw `weight`, of any shape, as this layer's weights are drawn, and return it."""
        fans = (self.in_channels + self.out_channels) * self.density * self.kernel_size**2
        return sparse_xavier_(weight, fans, generator)

    def forward(self, x: Tensor) -> Tensor:
        """Compute [N, in, H, W] or [in, H, W] as `nn.Conv2d` does."""
        check_images(x, self.in_channels)
        return nn.functional.conv2d(
            x, self.to_dense(), self.bias, stride=self.stride, padding=self.padding
        )

    def to_dense(self) -> Tensor:
        """Return the weight [out, in, k, k] of the equal `nn.Conv2d`; differentiable."""
        size = (self.out_channels, self.in_channels, self.kernel_size, self.kernel_size)
        index = self.channels[:, :, None, None].expand_as(self.weight)
        return self.weight.new_zeros(size).scatter(1, index, self.weight)

    def multiply_adds(self, height: int, width: int) -> int:
        """Products that the connections need for one image with outputs of this size.

        Power of Sparsity, appendix A, algorithm 2: k^2 a connection and a pixel.
        """
        pixels = whole_number("height", height, 0) * whole_number("width", width, 0)
        return self.weight.numel() * pixels

    def extra_repr(self) -> str:
        """Describe the layer as `nn.Conv2d` does, and its degree."""
        return (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, "
            f"stride={self.stride}, padding={self.padding}, degree={self.degree}"
        )


def live_channels(
    in_channels: int, out_channels: int, alpha: float, generator: torch.Generator | None = None
) -> Tensor:
    """Choose the input channels of every filter at random, so that none is unused.

    Power of Sparsity, section 5.1: every connection must have a path to the image and to the
    prediction. That is so in any chain of layers in which every filter sees a channel and every
    channel is seen by a filter.

    Parameters
    ----------
    in_channels, out_channels
        Channels.
    alpha
        Fraction of the connections kept; see `SparseRandomConv2d`.
    generator
        PyTorch's global one by default.

    Returns
    -------
    Int64 [out, degree] with differing numbers in each row. The degree is ceil(alpha in), or more
    where so few connections cannot reach all input channels.

    Raises
    ------
    ShapeError
        If a value is out of range.
    """
    in_channels = whole_number("in_channels", in_channels, 1)
    out_channels = whole_number("out_channels", out_channels, 1)
    alpha = _fraction(alpha)
    check_generator(generator)
    kept = math.sqrt(alpha) if 1 in (in_channels, out_channels) else alpha
    degree = max(math.ceil(kept * in_channels - 1e-9), math.ceil(in_channels / out_channels))
    return _choose(in_channels, out_channels, degree, generator)


def scaled_channels(channels: int, alpha: float, *, by_connections: bool = False) -> int:
    """Channels of a dense layer narrowed by the depth multiplier, at least 1.

    Power of Sparsity, section 3.1: ceil(alpha n) channels, so that weights go with alpha^2. To
    compare with a sparse layer that keeps the fraction alpha of its connections, the channels are
    ceil(sqrt(alpha) n): section 5.2.1.

    Parameters
    ----------
    channels
        Of the full layer, at least 1.
    alpha
        Above 0, at most 1.
    by_connections
        Whether `alpha` is the fraction of connections rather than of channels.

    Raises
    ------
    ShapeError
        If a value is out of its range.
    """
    channels, alpha = whole_number("channels", channels, 1), _fraction(alpha)
    kept = channels * (math.sqrt(alpha) if by_connections else alpha)
    return math.ceil(kept - 1e-9)  # A product like 0.07 * 100 is a little more than whole.


def _fraction(alpha: object) -> float:
    fraction = real_number("alpha", alpha)
    if not 0 < fraction <= 1:
        raise ShapeError(f"alpha must be above 0 and at most 1, not {alpha}")
    return fraction


def _choose(
    in_channels: int, out_channels: int, degree: int, generator: torch.Generator | None
) -> Tensor:
    """Choose `degree` channels of each filter, on the CPU whatever the default device is."""
    device = "cpu" if generator is None else generator.device
    with enough_memory(f"a choice of {in_channels} channels for each of {out_channels}"):
        order = torch.rand(out_channels, in_channels, generator=generator, device=device)
        # Each channel first goes to one filter, so many to each; these come before all others.
        given = torch.randperm(in_channels, generator=generator, device=device)
        filters = torch.arange(in_channels, device=device) % out_channels
        order[filters, given] -= 1
        return order.argsort(dim=1)[:, :degree].contiguous()


def _check_degree(
    layer: nn.Module, state_dict: dict[str, Tensor], prefix: str, *others: Any
) -> None:
    """Say of a state of another degree what to do; PyTorch then refuses it."""
    channels = state_dict.get(f"{prefix}channels")
    if channels is None or channels.ndim != 2 or not isinstance(layer, SparseRandomConv2d):
        return
    if channels.shape[1] != layer.degree:
        others[-1].append(
            f"{prefix}channels of the state are {channels.shape[1]} for each filter, and of this "
            f"layer {layer.degree}: make it with the alpha that the saved one was made with, and "
            "if that grew load the state of its Densification first"
        )
