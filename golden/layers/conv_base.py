"""What Clos convolutions in one and in two directions have in common."""

import warnings
from typing import Any, ClassVar, Self, cast

import torch
from torch import Tensor, nn

from golden.arguments import instance, real_number, shown, whole_number
from golden.clos.fit import fit_clos
from golden.clos.layer import ClosLinear
from golden.clos.shape import ClosShape
from golden.layers.conv_forms import ClosPatches, at_every_place
from golden.layers.conv_shape import budget_routers, check_channels, patch_shape
from golden.layers.conv_state import take_former
from golden.layers.windows import Sides, Window
from golden.tensors.dense import dense_bias, dense_weight, keep_frozen
from golden.tensors.inputs import check_images

__all__ = ["ClosConvolution"]


class ClosConvolution(nn.Module):
    """A Clos layer on every patch of the inputs; see `ClosConv2d`, which says what holds of both.

    Attributes
    ----------
    parts : ModuleList
        A `ClosLinear` from c f^2 / groups to k / groups for each group, with its bias; a
        `ClosPatches` where the kernel is more than 1.
    window : Window
        How the patches are taken.
    """

    dimensions: ClassVar[int] = 2
    dense_kind: ClassVar[type[nn.Conv1d] | type[nn.Conv2d]] = nn.Conv2d

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        routers: tuple[int, int, int],
        *,
        kernel_size: Sides = 1,
        stride: Sides = 1,
        padding: Sides | str = 0,
        dilation: Sides = 1,
        groups: int = 1,
        padding_mode: str = "zeros",
        bias: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        """Make the layers of all groups; see the class."""
        super().__init__()
        self.window = Window.of(
            self.dimensions, kernel_size, stride, padding, dilation, padding_mode
        )
        channels = check_channels(in_channels, out_channels, groups)
        self.in_channels, self.out_channels, self.groups = channels
        shape = patch_shape(*channels, routers, self.window.taps)
        kind = ClosLinear if self.window.taps == 1 else ClosPatches
        self.parts = nn.ModuleList(
            kind.of_shape(shape, bias, device, dtype) for _ in range(self.groups)
        )
        if self.window.taps > 1:
            for part in self.parts:
                patches = cast(ClosPatches, part)
                patches.window = self.window
                patches.draw_kernels()
            if self.density > 1:
                warnings.warn(
                    f"{type(self).__name__} {shape} has {self.density:.3g} times the weights of "
                    f"nn.{self.dense_kind.__name__}: take fewer middle routers, or from_budget",
                    stacklevel=2,
                )
        self.register_load_state_dict_pre_hook(take_former)  # pyright: ignore[reportUnknownMemberType]

    @classmethod
    def from_budget(
        cls,
        in_channels: int,
        out_channels: int,
        *,
        reduction: float,
        kernel_size: Sides = 1,
        stride: Sides = 1,
        padding: Sides | str = 0,
        dilation: Sides = 1,
        groups: int = 1,
        padding_mode: str = "zeros",
        bias: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> Self:
        """Make a layer with at most f^2 c k / (groups `reduction`) weights.

        `golden.layers.conv_shape.budget_routers` says how the routers are chosen, and with them
        the kernels that each input channel has.

        Raises
        ------
        ShapeError
            If that many weights make no layer, or `reduction` is below 1.
        """
        window = Window.of(cls.dimensions, kernel_size)
        channels = check_channels(in_channels, out_channels, groups)
        return cls(
            *channels[:2],
            budget_routers(*channels, window.taps, real_number("reduction", reduction)),
            kernel_size=kernel_size,
            stride=stride,
            padding=padding,
            dilation=dilation,
            groups=groups,
            padding_mode=padding_mode,
            bias=bias,
            device=device,
            dtype=dtype,
        )

    @classmethod
    @torch.no_grad()
    def from_dense(
        cls,
        layer: Any,
        routers: tuple[int, int, int],
        *,
        sweeps: int = 200,
        generator: torch.Generator | None = None,
    ) -> Self:
        """Make a layer near the dense convolution `layer`, with all of its options.

        The weights [k, c f^2] of each group go to `golden.clos.fit.fit_clos`.

        Raises
        ------
        ShapeError
            If `layer` is no such convolution, or the sizes make no layer.
        """
        layer = cast(nn.Conv2d, instance("layer", layer, cls.dense_kind))
        weight, bias = dense_weight(layer, cls.dimensions + 2), dense_bias(layer)
        new = cls(
            layer.in_channels,
            layer.out_channels,
            routers,
            kernel_size=layer.kernel_size,
            stride=layer.stride,
            padding=layer.padding,
            dilation=layer.dilation,
            groups=layer.groups,
            padding_mode=layer.padding_mode,
            bias=bias is not None,
            device=weight.device,
            dtype=weight.dtype,
        )
        rows = layer.out_channels // layer.groups
        for number, part in enumerate(new.layers):
            matrix = weight[number * rows : (number + 1) * rows].flatten(1)
            fitted = fit_clos(matrix, part.shape, sweeps=sweeps, generator=generator)
            for parameter, found in zip(part.weights, fitted, strict=True):
                parameter.copy_(found)
            if part.bias is not None and bias is not None:
                part.bias.copy_(bias[number * rows : (number + 1) * rows])
        keep_frozen(new, weight, bias)
        return new

    @property
    def layers(self) -> tuple[ClosLinear, ...]:
        """The Clos layer of each group."""
        return tuple(cast(ClosLinear, part) for part in self.parts)

    @property
    def shape(self) -> ClosShape:
        """The shape of each group's layer, (c f^2 / groups, k / groups, Ri, Rm, Ro)."""
        return self.layers[0].shape

    @property
    def routers(self) -> tuple[int, int, int]:
        """Input, middle and output routers (Ri, Rm, Ro) of a group."""
        return self.layers[0].routers

    @property
    def density(self) -> float:
        """Weights relative to those of the dense convolution."""
        return self.shape.density

    @property
    def kernel_size(self) -> tuple[int, ...]:
        """Sides of the kernels."""
        return self.window.kernel_size

    @property
    def stride(self) -> tuple[int, ...]:
        """Steps of the window."""
        return self.window.stride

    @property
    def padding(self) -> tuple[int, ...] | str:
        """Padding on both sides, or "same" or "valid"."""
        return self.window.padding

    @property
    def dilation(self) -> tuple[int, ...]:
        """Steps between the values of a window."""
        return self.window.dilation

    @property
    def padding_mode(self) -> str:
        """What it is padded by."""
        return self.window.padding_mode

    @property
    def weight(self) -> Tensor:
        """The equivalent weight, `to_dense()`, for code that reads that of a dense convolution.

        It is computed each time, so that a change of it changes nothing.
        """
        return self.to_dense()

    @property
    def bias(self) -> Tensor | None:
        """The bias [k] of all groups, or None."""
        found: list[Tensor] = [part.bias for part in self.layers if part.bias is not None]
        return (found[0] if len(found) == 1 else torch.cat(found)) if found else None

    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """Draw all weights anew by the Xavier range of each stage; see `ClosPatches`."""
        for part in self.layers:
            part.reset_parameters(generator)

    def forward(self, x: Tensor) -> Tensor:
        """Compute [N, c, ...] or [c, ...] to the same with k channels, as `nn.Conv2d` does.

        The result is contiguous, or channels_last where `x` is.
        """
        check_images(x, self.in_channels, self.dimensions)
        if self.groups == 1:
            return self._compute(self.layers[0], x)
        size, axis = self.in_channels // self.groups, -1 - self.dimensions
        found: list[Tensor] = []
        for number, part in enumerate(self.layers):
            found.append(self._compute(part, x.narrow(axis, number * size, size)))
        return torch.cat(found, dim=axis)

    def _compute(self, part: ClosLinear, x: Tensor) -> Tensor:
        return at_every_place(part, self.window, x) if self.window.taps == 1 else part(x)

    def to_dense(self) -> Tensor:
        """Multiply out to the equal dense weight [k, c / groups, f, ...]; differentiable."""
        size = (-1, self.in_channels // self.groups, *self.kernel_size)
        found = [part.to_dense().reshape(size) for part in self.layers]
        return found[0] if len(found) == 1 else torch.cat(found)

    def products(self, *sizes: object) -> int:
        """Products of the stages for one input with outputs of these sizes: one a weight."""
        places = 1
        for name, size in zip(("height", "width"), sizes, strict=False):
            places *= whole_number(name, size, 0)
        return self.groups * self.shape.parameters * places

    def extra_repr(self) -> str:
        """Describe the layer as `nn.Conv2d` does, and its routers."""
        text = (
            f"{self.in_channels}, {self.out_channels}, routers={self.routers}, "
            f"kernel_size={self.kernel_size}, stride={self.stride}"
        )
        nothing = (0,) * self.dimensions
        for name, usual in (
            ("padding", nothing),
            ("dilation", tuple(1 for _ in nothing)),
            ("groups", 1),
            ("padding_mode", "zeros"),
        ):
            if getattr(self, name) != usual:
                text += f", {name}={shown(getattr(self, name))}"
        return text + f", bias={self.layers[0].bias is not None}, density={self.density:.3g}"
