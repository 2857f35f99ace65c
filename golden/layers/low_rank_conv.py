"""A convolution of low rank: to few channels, and from them to all."""

from typing import Any, cast

import torch
from torch import Tensor, nn

from golden.arguments import enough_memory, instance, whole_number
from golden.clos.initialise import sparse_xavier_
from golden.errors import ShapeError
from golden.layers.algebra import svd
from golden.layers.low_rank import budget_rank
from golden.layers.windows import Window
from golden.tensors.dense import dense_bias, dense_weight, keep_frozen
from golden.tensors.inputs import check_images

__all__ = ["LowRankConv2d"]


class LowRankConv2d(nn.Module):
    """A drop-in for `nn.Conv2d` in one group: a convolution to `rank` channels, then one of 1 x 1.

    The matrix [k, c f g] of its weights is a product of rank at most `rank`. Weights: rank (c f g +
    k), where c f g k would be dense.

    Parameters
    ----------
    in_channels, out_channels
        Channels c and k.
    rank
        Channels between the two convolutions: 1 to min(c f g, k).
    kernel_size, stride, padding, dilation, padding_mode
        Of the first convolution, f x g being its kernel, as for `nn.Conv2d`.
    bias
        Whether to add a learned bias [k], which starts at 0.
    device, dtype
        Of the parameters, as for `nn.Conv2d`.

    Attributes
    ----------
    narrow, widen : Conv2d
        The two convolutions; the second has the bias.

    Raises
    ------
    ShapeError
        If a size makes no layer, the rank is out of range, or `forward` gets no images of
        `in_channels` channels.
    """

    narrow: nn.Conv2d

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        rank: int,
        *,
        kernel_size: int | tuple[int, int] = 1,
        stride: int | tuple[int, int] = 1,
        padding: int | str | tuple[int, int] = 0,
        dilation: int | tuple[int, int] = 1,
        padding_mode: str = "zeros",
        bias: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        """Make both convolutions and draw them; see the class."""
        super().__init__()
        in_channels = whole_number("in_channels", in_channels, 1)
        out_channels = whole_number("out_channels", out_channels, 1)
        rank = whole_number("rank", rank, 1)
        by_numbers = 0 if isinstance(padding, str) else padding
        window = Window.of(2, kernel_size, stride, by_numbers, dilation)
        around = padding if isinstance(padding, str) else window.padding
        most = min(in_channels * window.taps, out_channels)
        if rank > most:
            raise ShapeError(f"rank must be from 1 to {most}, that of the weights, not {rank}")
        with enough_memory(f"a convolution of {in_channels} to {rank} and {out_channels} channels"):
            self.narrow = cast(Any, nn.Conv2d)(
                in_channels, rank, window.kernel_size, window.stride, around,
                window.dilation, 1, False, padding_mode, device, dtype,
            )  # fmt: skip
            self.widen = nn.Conv2d(rank, out_channels, 1, bias=bias, device=device, dtype=dtype)
        self.in_channels, self.out_channels, self.rank = in_channels, out_channels, rank
        self.kernel_size, self.stride = window.kernel_size, window.stride
        self.padding, self.padding_mode = around, padding_mode
        self.dilation = window.dilation
        if not self.narrow.weight.is_floating_point():
            raise ShapeError(f"dtype must be one of real numbers, not {dtype}")
        self.reset_parameters()

    @classmethod
    def from_budget(
        cls, in_channels: int, out_channels: int, *, reduction: float, **options: Any
    ) -> "LowRankConv2d":
        """Make the layer of most rank with at most c f g k / `reduction` weights.

        `options` are further arguments of the class, such as `kernel_size`.

        Raises
        ------
        ShapeError
            If not even rank 1 has so few weights, or `reduction` is not above 0.
        """
        in_channels = whole_number("in_channels", in_channels, 1)
        out_channels = whole_number("out_channels", out_channels, 1)
        inputs = in_channels * Window.of(2, options.get("kernel_size", 1)).taps
        rank = budget_rank(inputs, out_channels, reduction)
        return cls(in_channels, out_channels, rank, **options)

    @classmethod
    @torch.no_grad()
    def from_dense(cls, layer: nn.Conv2d, rank: int) -> "LowRankConv2d":
        """Make the nearest layer of this rank to `layer` in L2: its largest singular values.

        Raises
        ------
        ShapeError
            If `layer` has more than one group, or not so high a rank.
        """
        layer = instance("layer", layer, nn.Conv2d)
        if layer.groups != 1:
            raise ShapeError(f"layer must be a convolution in one group, not in {layer.groups}")
        weight, bias = dense_weight(layer, 4), dense_bias(layer)
        geometry = {
            name: getattr(layer, name)
            for name in ("kernel_size", "stride", "padding", "dilation", "padding_mode")
        }
        new = cls(
            layer.in_channels,
            layer.out_channels,
            rank,
            **geometry,
            bias=bias is not None,
            device=weight.device,
            dtype=weight.dtype,
        )
        u, s, v = svd(weight.double().flatten(1))
        root = s[:rank].sqrt()
        new.narrow.weight.copy_((root[:, None] * v[:rank]).reshape(new.narrow.weight.shape))
        new.widen.weight.copy_((u[:, :rank] * root)[:, :, None, None])
        if new.bias is not None and bias is not None:
            new.bias.copy_(bias)
        keep_frozen(new, weight, bias)
        return new

    @property
    def bias(self) -> nn.Parameter | None:
        """The bias [k], or None: that of the second convolution."""
        return cast(nn.Parameter | None, self.widen.bias)

    @property
    def weight(self) -> Tensor:
        """The equivalent weight [k, c, f, g], `to_dense()`, for code that reads an `nn.Conv2d`'s.

        It is computed each time, so that a change of it changes nothing.
        """
        return self.to_dense()

    @property
    def density(self) -> float:
        """Weights relative to those of a dense layer; above 1 nothing is saved."""
        inputs = self.narrow.weight[0].numel()
        return self.rank * (inputs + self.out_channels) / (inputs * self.out_channels)

    @torch.no_grad()
    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """Draw both matrices from Xavier's range, and set the bias to 0."""
        inputs = self.narrow.weight[0].numel()
        sparse_xavier_(self.narrow.weight, inputs + self.rank, generator)
        sparse_xavier_(self.widen.weight, self.rank + self.out_channels, generator)
        if self.bias is not None:
            self.bias.zero_()

    def forward(self, x: Tensor) -> Tensor:
        """Compute [N, c, H, W] or [c, H, W] as `nn.Conv2d` does."""
        check_images(x, self.in_channels)
        return self.widen(self.narrow(x))

    def to_dense(self) -> Tensor:
        """Multiply out to the equivalent weight [k, c, f, g] of an `nn.Conv2d`; differentiable."""
        matrix = self.widen.weight.flatten(1) @ self.narrow.weight.flatten(1)
        return matrix.reshape(self.out_channels, *self.narrow.weight.shape[1:])

    def extra_repr(self) -> str:
        """Describe the layer by its sizes and its rank."""
        return f"{self.in_channels}, {self.out_channels}, rank={self.rank}"
