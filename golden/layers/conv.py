"""Convolutions in two directions that are Clos networks."""

from torch import nn

from golden.layers.conv_base import ClosConvolution

__all__ = ["ClosConv2d"]


class ClosConv2d(ClosConvolution):
    """A drop-in for `nn.Conv2d` whose kernel is a Clos cascade: a Clos layer on every patch.

    A patch is f x f values of each of c channels. A Clos layer takes it as c f^2 inputs, channel by
    channel: its Ri input routers are convolutions, from c / Ri channels to Rm each; then Rm middle
    routers (Ri to Ro) and Ro output routers (Rm to k / Ro) mix the channels at every place:

    y[o, p] = bias + sum over m, r of W3[o, p, m] W2[m, r, o] (W1[r, m] * x[r]),

    * being the convolution of the channels of router r with the kernel W1[r, m], [c / Ri, f, f].
    Weights: Rm (f^2 c + k + Ri Ro), which is eq. 1 of ClosNets with I = f^2 c; f^2 c k would be
    dense. Rm is at once the number of kernels that each input channel has, and of paths from it to
    every output. With Ri = c it is NeuroFabric's convolution, section III: n = Rm depthwise kernels
    a channel, and t = 2 sparse pointwise layers.

    With a kernel of 1 x 1 it is a pointwise Clos layer, which a torus can compute, a pixel being a
    sample. Ri may then be any number, otherwise it divides c.

    Parameters
    ----------
    in_channels, out_channels
        Channels c and k.
    routers
        Input, middle and output routers (Ri, Rm, Ro), of each group.
    kernel_size, stride, padding, dilation, groups, padding_mode, bias
        As for `nn.Conv2d`. Each group has a Clos layer of its own, from c / groups channels to
        k / groups.
    device, dtype
        Of the parameters, as for `nn.Conv2d`.

    Attributes
    ----------
    parts : ModuleList
        A `ClosLinear` from c f^2 / groups to k / groups for each group, with its bias.

    Raises
    ------
    ShapeError
        If a size makes no layer, or `forward` gets no images of `in_channels` channels.

    Warns
    -----
    UserWarning
        If it has more weights than `nn.Conv2d`, with a kernel of more than 1 x 1.
    """

    dimensions = 2
    dense_kind = nn.Conv2d

    def multiply_adds(self, height: int, width: int) -> int:
        """Products of the stages for one image with outputs of this size: one a weight and pixel.

        `forward` multiplies the last two stages out, and so needs more of them but less time.
        """
        return self.products(height, width)
