"""Convolutions whose pointwise part is a Clos network."""

import torch
from torch import Tensor, nn

from golden.arguments import empty_parameter, instance, real_number, whole_number
from golden.clos.initialise import sparse_xavier_
from golden.clos.layer import ClosLinear
from golden.clos.shape import ClosShape
from golden.errors import ShapeError
from golden.layers.algebra import square, svd
from golden.tensors.dense import dense_bias, dense_weight, keep_frozen
from golden.tensors.inputs import check_images

__all__ = ["ClosConv2d"]


class ClosConv2d(nn.Module):
    """A depthwise convolution and a Clos network over the channels: NeuroFabric, section III.

    `kernels` spatial kernels for each of the c input channels, then at every pixel a `ClosLinear`
    from c `kernels` channels to the output channels. With a kernel of 1 x 1 there is no depthwise
    part: the layer is then a pointwise Clos convolution, which a torus can compute, a pixel being
    a sample. Weights: f^2 c n + Rm (c n + k + Ri Ro), where f^2 c k would be dense.

    Parameters
    ----------
    in_channels, out_channels
        Channels c and k.
    routers
        Input, middle and output routers (Ri, Rm, Ro) of the pointwise part, whose inputs are
        c `kernels` channels.
    kernel_size
        Side f of the kernels; as `stride` and `padding` a number, or a pair of equal ones.
    stride, padding
        Of the depthwise part, or of the pixels where there is none, as for `nn.Conv2d`.
    kernels
        Kernels n for each input channel; 1 where `kernel_size` is 1.
    bias
        Whether to add a learned bias [k].
    device, dtype
        Of the parameters, as for `nn.Conv2d`.

    Attributes
    ----------
    depthwise_weight : Parameter or None
        [c n, 1, f, f]; rows i n to (i + 1) n belong to input channel i.
    pointwise : ClosLinear
        From c n to k channels, with the bias.

    Raises
    ------
    ShapeError
        If a size makes no layer, or `forward` gets no images of `in_channels` channels.
    """

    depthwise_weight: nn.Parameter | None

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        routers: tuple[int, int, int],
        *,
        kernel_size: int = 1,
        stride: int = 1,
        padding: int = 0,
        kernels: int = 1,
        bias: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        """Make both parts; see the class."""
        super().__init__()
        in_channels = whole_number("in_channels", in_channels, 1)
        kernel_size = square("kernel_size", kernel_size, 1)
        stride = square("stride", stride, 1)
        padding = square("padding", padding)
        kernels = whole_number("kernels", kernels, 1)
        if not 0 <= padding < kernel_size:
            raise ShapeError(
                f"padding must be at least 0 and below the kernel_size {kernel_size}, not {padding}"
            )
        if kernel_size == 1 and kernels != 1:
            raise ShapeError(
                f"kernels must be 1 where kernel_size is 1, not {kernels}: they would only be "
                "scales of one channel"
            )
        self.in_channels = in_channels
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding
        self.kernels = kernels
        size = (in_channels * kernels, 1, kernel_size, kernel_size)
        weight = None
        if kernel_size > 1:
            weight = empty_parameter(size, device, dtype)
        self.register_parameter("depthwise_weight", weight)
        self.pointwise = ClosLinear(
            in_channels * kernels, out_channels, routers, bias, device, dtype
        )
        self.out_channels = self.pointwise.out_features
        self.reset_parameters()

    @classmethod
    def from_budget(
        cls,
        in_channels: int,
        out_channels: int,
        *,
        reduction: float,
        kernel_size: int = 1,
        stride: int = 1,
        padding: int = 0,
        kernels: int = 1,
        bias: bool = True,
    ) -> "ClosConv2d":
        """Make a layer with at most f^2 c k / `reduction` weights, the depthwise ones included.

        Raises
        ------
        ShapeError
            If that many weights make no layer.
        """
        in_channels = whole_number("in_channels", in_channels, 1)
        out_channels = whole_number("out_channels", out_channels, 1)
        kernel_size = square("kernel_size", kernel_size, 1)
        kernels = whole_number("kernels", kernels, 1)
        reduction = real_number("reduction", reduction)
        dense = kernel_size**2 * in_channels * out_channels
        depthwise = kernel_size**2 * in_channels * kernels if kernel_size > 1 else 0
        left = dense / reduction - depthwise if reduction > 0 else 0.0
        if left <= 0:
            raise ShapeError(
                f"reduction must be above 0 and leave weights for the pointwise part besides the "
                f"{depthwise} of the depthwise one, not {reduction:g} of {dense} weights"
            )
        inputs = in_channels * kernels
        shape = ClosShape.from_budget(
            inputs, out_channels, reduction=inputs * out_channels / left
        )
        _, _, ri, rm, ro = shape.as_tuple()
        return cls(
            in_channels,
            out_channels,
            (ri, rm, ro),
            kernel_size=kernel_size,
            stride=stride,
            padding=padding,
            kernels=kernels,
            bias=bias,
        )

    @classmethod
    @torch.no_grad()
    def from_dense(
        cls,
        layer: nn.Conv2d,
        routers: tuple[int, int, int],
        *,
        kernels: int = 1,
        sweeps: int = 200,
        generator: torch.Generator | None = None,
    ) -> "ClosConv2d":
        """Make a layer near `layer`: the best kernels of every channel, then the nearest Clos.

        The kernels of an input channel are the first right singular vectors of its [k, f^2]
        weights; the matrix that combines them goes to `golden.clos.fit.fit_clos`.

        Raises
        ------
        ShapeError
            If `layer` is grouped, dilated, not square or padded otherwise than by zeros, or the
            sizes make no layer.
        """
        layer = instance("layer", layer, nn.Conv2d)
        equal = [len(set(pair)) == 1 for pair in (layer.kernel_size, layer.stride)]
        padding = layer.padding if isinstance(layer.padding, tuple) else (-1, -1)
        plain = layer.groups == 1 and set(layer.dilation) == {1} and layer.padding_mode == "zeros"
        if not (all(equal) and plain and len(set(padding)) == 1 and padding[0] >= 0):
            raise ShapeError(
                "layer must be a square convolution in one group, not dilated and padded by a "
                f"number of zeros, not {layer}"
            )
        weight, bias = dense_weight(layer, 4), dense_bias(layer)
        new = cls(
            layer.in_channels,
            layer.out_channels,
            routers,
            kernel_size=layer.kernel_size[0],
            stride=layer.stride[0],
            padding=int(padding[0]),
            kernels=kernels,
            bias=bias is not None,
            device=weight.device,
            dtype=weight.dtype,
        )
        mixing = weight.double().flatten(2).transpose(0, 1)  # [c, k, f^2]
        if new.depthwise_weight is not None:
            u, s, v = svd(mixing)
            held = min(kernels, s.shape[-1])
            spatial = mixing.new_zeros(layer.in_channels, kernels, mixing.shape[2])
            spatial[:, :held] = v[:, :held]
            new.depthwise_weight.copy_(spatial.reshape(new.depthwise_weight.shape))
            mixing = mixing.new_zeros(layer.in_channels, layer.out_channels, kernels)
            mixing[:, :, :held] = u[:, :, :held] * s[:, None, :held]
        matrix = mixing.transpose(0, 1).flatten(1)  # [k, c n]
        inner = nn.Linear(matrix.shape[1], matrix.shape[0], bias is not None).to(matrix)
        inner.weight.copy_(matrix)
        if bias is not None:
            inner.bias.copy_(bias)
        fitted = ClosLinear.from_dense(
            inner, new.pointwise.shape, sweeps=sweeps, generator=generator
        )
        new.pointwise.load_state_dict(fitted.state_dict())
        keep_frozen(new, weight, bias)
        return new

    @property
    def weight(self) -> Tensor:
        """The equivalent weight [k, c, f, f], `to_dense()`, for code that reads an `nn.Conv2d`'s.

        It is computed each time, so that a change of it changes nothing.
        """
        return self.to_dense()

    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """Draw all weights anew: each kernel sums f^2 values and is one sum of them."""
        if self.depthwise_weight is not None:
            sparse_xavier_(self.depthwise_weight, 2 * self.kernel_size**2, generator)
        self.pointwise.reset_parameters(generator)

    def forward(self, x: Tensor) -> Tensor:
        """Compute [N, c, H, W] or [c, H, W] to the same with k channels."""
        check_images(x, self.in_channels)
        if self.depthwise_weight is not None:
            x = nn.functional.conv2d(
                x,
                self.depthwise_weight,
                stride=self.stride,
                padding=self.padding,
                groups=self.in_channels,
            )
        elif self.stride > 1:
            x = x[..., :: self.stride, :: self.stride]
        return self.pointwise(x.movedim(-3, -1)).movedim(-1, -3)

    def to_dense(self) -> Tensor:
        """Multiply out to the equivalent weight [k, c, f, f] of an `nn.Conv2d`; differentiable."""
        mixing = self.pointwise.to_dense()
        if self.depthwise_weight is None:
            return mixing[:, :, None, None]
        pairs = (self.in_channels, self.kernels)
        return torch.einsum(
            "kcn,cnij->kcij",
            mixing.reshape(self.out_channels, *pairs),
            self.depthwise_weight.reshape(*pairs, self.kernel_size, self.kernel_size),
        )

    def multiply_adds(self, height: int, width: int) -> int:
        """Products for one image with outputs of this size: one a weight and a pixel."""
        spatial = 0 if self.depthwise_weight is None else self.depthwise_weight.numel()
        pixels = whole_number("height", height, 0) * whole_number("width", width, 0)
        return (spatial + self.pointwise.shape.parameters) * pixels

    def extra_repr(self) -> str:
        """Describe the layer as `nn.Conv2d` does."""
        return (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, "
            f"stride={self.stride}, padding={self.padding}, kernels={self.kernels}"
        )
