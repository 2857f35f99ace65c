"""How the window of a convolution moves: the options of `nn.Conv2d`, for any dimensions."""

import dataclasses
from collections.abc import Sequence
from typing import cast

from torch import Tensor, nn

from golden.arguments import shown, whole_number
from golden.errors import ShapeError

__all__ = ["PADDING_MODES", "Sides", "Window"]

PADDING_MODES = ("zeros", "reflect", "replicate", "circular")
"""What `padding_mode` may be, as in `nn.Conv2d`."""

Sides = int | Sequence[int]
"""A number for every direction, or one for each."""


@dataclasses.dataclass(frozen=True)
class Window:
    """The window of a convolution in one or two directions, as `nn.Conv2d` describes it.

    Parameters
    ----------
    kernel_size, stride, dilation
        One number for each direction, at least 1.
    padding
        One number for each direction, at least 0; "valid" for none; or "same" for outputs of the
        inputs' size, which needs a stride of 1.
    padding_mode
        One of `PADDING_MODES`.
    """

    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...] | str
    dilation: tuple[int, ...]
    padding_mode: str

    @classmethod
    def of(
        cls,
        dimensions: int,
        kernel_size: Sides,
        stride: Sides = 1,
        padding: Sides | str = 0,
        dilation: Sides = 1,
        padding_mode: str = "zeros",
    ) -> "Window":
        """Make it of what `nn.Conv2d` takes.

        Raises
        ------
        ShapeError
            If a value makes no window; the message names it.
        """
        strides = _sides("stride", stride, dimensions, 1)
        around: tuple[int, ...] | str
        if isinstance(padding, str):
            if padding not in ("same", "valid"):
                raise ShapeError(f'padding must be numbers, "same" or "valid", not {padding!r}')
            if padding == "same" and set(strides) != {1}:
                raise ShapeError(f'padding must be numbers where stride is {strides}, not "same"')
            around = padding
        else:
            around = _sides("padding", padding, dimensions, 0)
        given = cast(object, padding_mode)
        if not isinstance(given, str) or given not in PADDING_MODES:
            raise ShapeError(
                f"padding_mode must be one of {', '.join(PADDING_MODES)}, "
                f"not {shown(given)}"
            )
        return cls(
            _sides("kernel_size", kernel_size, dimensions, 1),
            strides,
            around,
            _sides("dilation", dilation, dimensions, 1),
            padding_mode,
        )

    @property
    def taps(self) -> int:
        """Inputs of a channel that a window covers, f^2 for a square of side f."""
        taps = 1
        for side in self.kernel_size:
            taps *= side
        return taps

    @property
    def moves_by_one(self) -> bool:
        """Whether there is an output for each input: no stride, and no padding by numbers."""
        still = isinstance(self.padding, str) or not any(self.padding)
        return still and set(self.stride) == {1}

    def pad(self, x: Tensor) -> tuple[Tensor, tuple[int, ...] | str]:
        """Pad [..., sides] where a convolution cannot, and return what it is to pad itself."""
        if self.padding_mode == "zeros":
            return x, self.padding
        widths = [width for pair in reversed(self._widths()) for width in pair]
        return nn.functional.pad(x, widths, mode=self.padding_mode), (0,) * len(self.stride)

    def pick(self, x: Tensor) -> Tensor:
        """Pad [..., sides] and take every stride-th place: all that a 1 x 1 kernel does."""
        x, padding = self.pad(x)
        if not isinstance(padding, str) and any(padding):
            x = nn.functional.pad(x, [one for one in reversed(padding) for _ in range(2)])
        if set(self.stride) == {1}:
            return x
        return x[(..., *(slice(None, None, step) for step in self.stride))]

    def _widths(self) -> list[tuple[int, int]]:
        """The padding (before, after) in each direction."""
        if self.padding == "valid":
            return [(0, 0)] * len(self.stride)
        if isinstance(self.padding, str):
            totals = [
                step * (side - 1)
                for step, side in zip(self.dilation, self.kernel_size, strict=True)
            ]
            return [(total // 2, total - total // 2) for total in totals]
        return [(one, one) for one in self.padding]


def _sides(name: str, value: object, dimensions: int, least: int) -> tuple[int, ...]:
    what = value
    if isinstance(value, tuple | list):
        given = cast(Sequence[object], value)
        if len(given) not in (1, dimensions):
            raise ShapeError(
                f"{name} must be a whole number, or {dimensions} of them, not {shown(what)}"
            )
        numbers = [whole_number(name, one, least) for one in given]
        return tuple(numbers) if len(numbers) == dimensions else tuple(numbers * dimensions)
    return (whole_number(name, value, least),) * dimensions
