"""The Clos shape of a convolution that a budget of weights makes."""

import pytest

from golden import ShapeError
from golden.layers import ClosConv1d, ClosConv2d
from golden.layers.conv_shape import budget_routers

CASES = [(64, 64), (256, 256), (128, 256), (512, 512), (3, 32), (48, 7), (1, 5)]


@pytest.mark.parametrize("channels", CASES)
@pytest.mark.parametrize("reduction", [1, 2, 4, 5.5, 8])
@pytest.mark.parametrize("side", [2, 3])
def test_a_budget_is_kept_and_saves(channels, reduction, side):
    inputs, outputs = channels
    dense = side**2 * inputs * outputs
    try:
        ri, rm, ro = budget_routers(inputs, outputs, 1, side**2, reduction)
    except ShapeError:
        assert min(channels) < 4 * reduction  # A single path has c f^2 + k weights and more.
        return
    weights = rm * (side**2 * inputs + outputs + ri * ro)
    assert weights <= dense / reduction and inputs % ri == 0
    assert rm < 8 or rm % 8 == 0
    if 2 * ri * rm < min(channels):  # Then the next divisor has no path that the budget pays.
        following = min(n for n in range(ri + 1, inputs + 1) if inputs % n == 0)
        assert side**2 * inputs + outputs + following * ro > dense / reduction


@pytest.mark.parametrize("groups", [1, 4])
@pytest.mark.parametrize("kind", [ClosConv1d, ClosConv2d])
def test_n3_budget_counts_all_weights_of_the_layer(kind, groups):
    layer = kind.from_budget(
        64, 128, reduction=4, kernel_size=3, padding=2, groups=groups, dilation=2, device="meta"
    )
    weights = sum(p.numel() for p in layer.parameters()) - 128
    assert weights <= 3**kind.dimensions * 64 * 128 / groups / 4
    assert layer.density <= 1 / 4 and layer.padding == (2,) * kind.dimensions
    assert layer.dilation == (2,) * kind.dimensions and layer.groups == groups
    assert weights == layer.multiply_adds(*(1,) * kind.dimensions)


@pytest.mark.parametrize("reduction", [0, 0.5, -1, float("nan")])
def test_what_would_not_save_is_refused(reduction):
    for side in (1, 3):
        with pytest.raises(ShapeError, match="reduction must be at least 1, not .* more weights"):
            ClosConv2d.from_budget(64, 128, reduction=reduction, kernel_size=side)


def test_what_no_path_has_room_in_is_refused_with_what_can_be_had():
    with pytest.raises(ShapeError, match=r"reduction must be at most (\d+\.?\d*) .*not 200") as e:
        ClosConv2d.from_budget(64, 128, reduction=200, kernel_size=3)
    most = float(str(e.value).split("at most ")[1].split(" ")[0])
    layer = ClosConv2d.from_budget(64, 128, reduction=most, kernel_size=3)
    assert layer.routers[1] == 1 and 1 / layer.density >= most
