"""The Clos shape of a convolution: of its patches, and of a budget of weights."""

import math
from collections.abc import Sequence

from golden.arguments import whole_number
from golden.clos.shape import ClosShape
from golden.errors import ShapeError

__all__ = ["budget_routers", "check_channels", "patch_shape"]


def check_channels(
    in_channels: object, out_channels: object, groups: object
) -> tuple[int, int, int]:
    """Return the channels and groups as numbers.

    Raises
    ------
    ShapeError
        If one is below 1, or `groups` does not divide both others.
    """
    inputs = whole_number("in_channels", in_channels, 1)
    outputs = whole_number("out_channels", out_channels, 1)
    parts = whole_number("groups", groups, 1)
    if inputs % parts or outputs % parts:
        raise ShapeError(
            f"groups must divide in_channels ({inputs}) and out_channels ({outputs}), not {parts}"
        )
    return inputs, outputs, parts


def patch_shape(
    in_channels: int, out_channels: int, groups: int, routers: Sequence[int], taps: int
) -> ClosShape:
    """Make the shape of a group's layer, whose inputs are patches of `taps` values a channel.

    Raises
    ------
    ShapeError
        If the sizes make no Clos shape, or a kernel of more than 1 has input routers that do not
        take equally many whole channels.
    """
    channels, outputs = in_channels // groups, out_channels // groups
    shape = ClosShape.of_routers(channels * taps, outputs, routers)
    if taps > 1 and channels % shape.input_routers:
        raise ShapeError(
            f"input_routers must divide the {channels} input channels"
            f"{' of a group' if groups > 1 else ''}, not {shape.input_routers}: with a kernel of "
            "more than 1 each input router is a convolution of equally many channels"
        )
    return shape


def budget_routers(
    in_channels: int, out_channels: int, groups: int, taps: int, reduction: float
) -> tuple[int, int, int]:
    """Choose (Ri, Rm, Ro) for at most f^2 c k / (groups `reduction`) weights, f^2 being `taps`.

    A kernel of 1 has the routers of `ClosShape.from_budget`. Otherwise Ro is near the root of k,
    and Ri the smallest divisor of c for which the Ri Rm hidden channels are at least half of c and
    of k, whichever is less: wider ones cost time and save nothing. Rm, the kernels of each input
    channel, takes up the budget; from 8 on it is a multiple of 8, for other numbers of channels
    are computed at a third of the speed.

    Raises
    ------
    ShapeError
        If `reduction` is below 1, or even one middle router has more weights.
    """
    channels, outputs = in_channels // groups, out_channels // groups
    if not reduction >= 1:
        raise ShapeError(
            f"reduction must be at least 1, not {reduction:g}: the layer would have more weights "
            "than the dense convolution"
        )
    if taps == 1:
        found = ClosShape.from_budget(channels, outputs, reduction=reduction).as_tuple()
        return found[2], found[3], found[4]
    # A square layer of any size has a path at this reduction.
    ro = ClosShape.from_budget(outputs, outputs, reduction=0.25).output_routers
    budget = channels * taps * outputs / reduction
    best: tuple[int, int, int] | None = None
    for ri in (ri for ri in range(1, channels + 1) if channels % ri == 0):
        rm = _even(int(budget / (channels * taps + outputs + ri * ro)))
        if rm < 1:
            break
        best = (ri, rm, ro)
        if 2 * ri * rm >= min(channels, outputs):
            break
    if best is None:
        most = channels * taps * outputs / (channels * taps + outputs + ro)
        if most < 1:
            raise ShapeError(
                f"in_channels and out_channels must be more than {channels} and {outputs} in a "
                "group: even a single path has more weights than the dense convolution"
            )
        raise ShapeError(
            f"reduction must be at most {math.floor(100 * most) / 100:g} for {in_channels} and "
            f"{out_channels} channels, {taps} values of each and {groups} groups, "
            f"not {reduction:g}"
        )
    return best


def _even(kernels: int) -> int:
    """Round down to a number of channels that is computed fast."""
    return kernels // 8 * 8 if kernels >= 8 else kernels
