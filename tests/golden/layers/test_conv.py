"""Clos convolutions, against PyTorch's dense ones with the weights multiplied out."""

import pytest
import torch
from torch import nn

from golden import ClosLinear, ShapeError
from golden.clos.fit import fit_clos
from golden.layers import ClosConv1d, ClosConv2d

DENSE = {ClosConv1d: nn.Conv1d, ClosConv2d: nn.Conv2d}

OPTIONS = [
    {"kernel_size": 3, "padding": 1},
    {"kernel_size": 3, "padding": 5, "stride": 2},
    {"kernel_size": 2, "padding": "same"},
    {"kernel_size": 3, "padding": "valid", "dilation": 2},
    {"kernel_size": 3, "padding": "same", "dilation": 2, "padding_mode": "circular"},
    {"kernel_size": 2, "padding": "same", "padding_mode": "reflect"},
    {"kernel_size": 3, "padding": 2, "padding_mode": "replicate", "stride": 3},
    {"kernel_size": 3, "groups": 2, "padding": 1, "bias": False},
    {"kernel_size": 1, "stride": 2, "padding": 2},
    {"kernel_size": 1, "groups": 2, "padding": "same"},
    {"kernel_size": 1, "padding": 1, "padding_mode": "circular", "bias": False},
]

PAIRS = [
    {"kernel_size": (3, 1), "padding": (1, 0), "stride": (1, 2)},
    {"kernel_size": (2, 3), "padding": (0, 4), "dilation": (2, 1), "groups": 2},
    {"kernel_size": [1, 1], "padding": (0, 2), "stride": (2, 1)},
]


def pair(kind, routers=(2, 2, 3), channels=(8, 6), dtype=torch.float64, **options):
    """A layer, and the dense one of the same options with its weights."""
    torch.manual_seed(0)
    layer = kind(*channels, routers, dtype=dtype, **options)
    for part in layer.layers:
        if part.bias is not None:
            nn.init.normal_(part.bias)
    dense = DENSE[kind](*channels, dtype=dtype, **options)
    with torch.no_grad():
        dense.weight.copy_(layer.weight)
        if dense.bias is not None:
            dense.bias.copy_(layer.bias)
    return layer, dense


def sizes(kind):
    return (9, 8) if kind is ClosConv2d else (9,)


@pytest.mark.parametrize(
    ("kind", "options"),
    [(kind, options) for kind in DENSE for options in OPTIONS]
    + [(ClosConv2d, options) for options in PAIRS],
    ids=str,
)
@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
def test_options_are_those_of_the_dense_convolution(kind, options):
    options = options | {"routers": (2, 2, 1)} if "groups" in options else options
    layer, dense = pair(kind, **options)
    x = torch.randn(2, 8, *sizes(kind), dtype=torch.float64, requires_grad=True)
    y, wanted = layer(x), dense(x)
    torch.testing.assert_close(y, wanted)
    assert y.is_contiguous() and dense.weight.shape == layer.weight.shape
    back = torch.randn_like(y)
    torch.testing.assert_close(
        torch.autograd.grad(y, x, back), torch.autograd.grad(wanted, x, back)
    )
    torch.testing.assert_close(layer(x[0]), y[0])
    assert layer(x[:0]).shape == dense(x[:0]).shape
    for name in ("kernel_size", "stride", "padding", "dilation", "groups", "padding_mode"):
        assert getattr(layer, name) == getattr(dense, name)


@pytest.mark.parametrize("routers", [(2, 2, 3), (2, 16, 4), (4, 40, 3), (16, 3, 5)])
@pytest.mark.filterwarnings("ignore:ClosConv2d .* times the weights")
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("batch", [0, 1, 3, 16])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last], ids=str)
@pytest.mark.parametrize("side", [1, 3])
def test_every_form_and_layout_computes_the_same(routers, threads, batch, layout, side):
    options = {"kernel_size": side, "padding": side // 2}
    channels = (32, 13) if side == 1 else (32, 11)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        layer, dense = pair(ClosConv2d, routers, channels, torch.float32, **options)
        x = torch.randn(batch, 32, 5, 4).to(memory_format=layout)
        y = layer(x)
        torch.testing.assert_close(y, dense(x), atol=1e-4, rtol=1e-4)
        assert batch == 0 or y.is_contiguous(memory_format=layout)
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("kind", DENSE)
@pytest.mark.parametrize("side", [1, 3])
def test_gradients_of_both_orders_are_right(kind, side):
    layer, _ = pair(kind, (2, 1, 3), (4, 3), kernel_size=side, padding=side // 2)
    x = torch.randn(2, 4, *(3 for _ in sizes(kind)), dtype=torch.float64, requires_grad=True)
    names, parameters = zip(*layer.named_parameters(), strict=True)

    def compute(x, *given):
        return torch.func.functional_call(layer, dict(zip(names, given, strict=True)), (x,))

    assert torch.autograd.gradcheck(compute, (x, *parameters))
    assert torch.autograd.gradgradcheck(compute, (x, *parameters))


@pytest.mark.parametrize("routers", [(2, 2, 3), (1, 8, 4)])
@pytest.mark.filterwarnings("ignore:ClosConv2d .* times the weights")
@pytest.mark.parametrize("side", [1, 3])
def test_gradients_of_each_image_by_vmap(routers, side):
    layer, _ = pair(ClosConv2d, routers, kernel_size=side, dtype=torch.float32)
    parameters = {name: p.detach() for name, p in layer.named_parameters()}
    images = torch.randn(3, 8, 5, 5)

    def loss(given, image):
        return torch.func.functional_call(layer, given, (image[None],)).square().sum()

    each = torch.vmap(torch.func.grad(loss), in_dims=(None, 0))(parameters, images)
    layer(images).square().sum().backward()
    for name, parameter in layer.named_parameters():
        torch.testing.assert_close(each[name].sum(0), parameter.grad, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("side", [1, 3])
def test_n3_it_is_the_clos_layer_on_every_patch(side):
    """ClosNets, eq. 1, with I = f^2 c inputs; NeuroFabric, section III, with n = Rm kernels."""
    layer, _ = pair(ClosConv2d, (4, 3, 2), kernel_size=side)
    plain = ClosLinear(8 * side**2, 6, (4, 3, 2), dtype=torch.float64)
    plain.load_state_dict(layer.parts[0].state_dict())
    x = torch.randn(2, 8, 5, 4, dtype=torch.float64)
    patches = nn.functional.unfold(x, side).transpose(1, 2)
    torch.testing.assert_close(layer(x).flatten(2).transpose(1, 2), plain(patches))
    weights = 3 * (8 * side**2 + 6 + 4 * 2)
    assert sum(p.numel() for p in layer.parameters()) == weights + 6
    assert layer.multiply_adds(4, 3) == weights * 4 * 3


def test_n3_routers_of_one_channel_are_depthwise_kernels_and_two_sparse_pointwise_layers():
    layer, _ = pair(ClosConv2d, (8, 3, 2), kernel_size=3)
    part = layer.layers[0]
    x = torch.randn(2, 8, 5, 5, dtype=torch.float64)
    kernels = part.input_weight.reshape(8, 9, 3).transpose(1, 2).reshape(24, 1, 3, 3)
    depthwise = nn.functional.conv2d(x, kernels, groups=8).unflatten(1, (8, 3))  # [N, r, m, ..]
    middle = torch.einsum("nrmhw,mro->nmohw", depthwise, part.middle_weight)
    outputs = part.output_weight.unflatten(0, (2, 3))
    y = torch.einsum("nmohw,opm->nophw", middle, outputs).flatten(1, 2)
    torch.testing.assert_close(layer(x), y + layer.bias[:, None, None])


@pytest.mark.parametrize("kind", DENSE)
@pytest.mark.filterwarnings("ignore:ClosConv.d .* times the weights")
def test_from_dense_is_exact_where_it_can_be_and_keeps_all_options(kind):
    for options in ({"kernel_size": 1}, {"kernel_size": 3, "padding": "same", "groups": 2}):
        torch.manual_seed(0)
        dense = DENSE[kind](4, 6, dtype=torch.float64, **options)
        dense.bias.requires_grad_(False)
        rank = 4 if options["kernel_size"] == 1 else 3
        layer = kind.from_dense(dense, (1, rank, 1), sweeps=500)
        x = torch.randn(2, 4, *sizes(kind), dtype=torch.float64)
        torch.testing.assert_close(layer(x), dense(x), atol=1e-4, rtol=1e-4)
        learn = {name.rpartition(".")[2]: p.requires_grad for name, p in layer.named_parameters()}
        assert learn == {"bias": False} | dict.fromkeys(
            ("input_weight", "middle_weight", "output_weight"), True
        )
    seeded = torch.Generator()
    near = kind.from_dense(dense, (2, 1, 1), sweeps=20, generator=seeded.manual_seed(0))
    seeded.manual_seed(0)
    for number, part in enumerate(near.layers):
        matrix = dense.weight[3 * number :][:3].flatten(1).detach()
        fitted = fit_clos(matrix, part.shape, sweeps=20, generator=seeded)
        for one, other in zip(part.weights, fitted, strict=True):
            torch.testing.assert_close(one, other)
    with pytest.raises(ShapeError, match=f"layer must be a Conv{kind.dimensions}d, not a Linear"):
        kind.from_dense(nn.Linear(4, 4), (2, 2, 2))


def test_states_of_the_former_form_are_loaded_or_refused():
    layer, _ = pair(ClosConv2d, kernel_size=1)
    former = {
        name.replace("parts.0", "pointwise"): value for name, value in layer.state_dict().items()
    }
    new = nn.Sequential(ClosConv2d(8, 6, (2, 2, 3), dtype=torch.float64))
    new.load_state_dict({f"0.{name}": value for name, value in former.items()})
    x = torch.randn(1, 8, 3, 3, dtype=torch.float64)
    assert new(x).equal(layer(x))
    spatial, _ = pair(ClosConv2d, kernel_size=3)
    before = spatial.weight.clone()
    for strict in (True, False):
        with pytest.raises(RuntimeError, match="depthwise_weight belongs to a former form"):
            spatial.load_state_dict(
                former | {"depthwise_weight": torch.ones(8, 1, 3, 3)}, strict=strict
            )
    assert spatial.weight.equal(before)


def test_a_layer_with_more_weights_than_the_dense_one_says_so():
    with pytest.warns(UserWarning, match=r"1\.97 times the weights of nn\.Conv2d: take fewer"):
        ClosConv2d(4, 4, (1, 6, 1), kernel_size=2)
    for kind, routers, message in [
        (ClosConv1d, (3, 1, 1), "input_routers must divide the 4 input channels, not 3"),
        (ClosConv2d, (1, 1, 7), "output_routers must be at most out_features"),
    ]:
        with pytest.raises(ShapeError, match=message):
            kind(4, 6, routers, kernel_size=3)


@pytest.mark.parametrize(
    "keywords, message",
    [
        ({"kernel_size": 0}, "kernel_size must be a whole number of at least 1, not 0"),
        ({"kernel_size": (3, 3, 3)}, "kernel_size must be a whole number, or 2 of them"),
        ({"stride": 0}, "stride must be a whole number of at least 1"),
        ({"padding": -1}, "padding must be a whole number of at least 0, not -1"),
        ({"padding": "full"}, 'padding must be numbers, "same" or "valid", not \'full\''),
        ({"padding": "same", "stride": 2}, r"padding must be numbers where stride is \(2, 2\)"),
        ({"dilation": 1.5}, "dilation must be a whole number"),
        ({"groups": 3}, r"groups must divide in_channels \(4\) and out_channels \(4\), not 3"),
        ({"padding_mode": "mirror"}, "padding_mode must be one of zeros, .*not 'mirror'"),
    ],
)
def test_refuses_what_makes_no_layer(keywords, message):
    with pytest.raises(ShapeError, match=message):
        ClosConv2d(4, 4, (2, 2, 2), **keywords)


def test_refuses_what_are_no_images():
    with pytest.raises(ShapeError, match=r"input must have shape \[N, 4, H, W\].*not \[4, 4\]"):
        ClosConv2d(4, 4, (2, 2, 2))(torch.ones(4, 4))
    with pytest.raises(ShapeError, match=r"input must have shape \[N, 4, L\].*not \[1, 3, 4\]"):
        ClosConv1d(4, 4, (2, 2, 2))(torch.ones(1, 3, 4))


def test_from_the_meta_device_and_by_the_generator():
    layer = ClosConv2d(8, 6, (2, 2, 3), kernel_size=3, device="meta").to_empty(device="cpu")
    for parameter in layer.parameters():
        nn.init.constant_(parameter, float("nan"))
    layer.reset_parameters(torch.Generator().manual_seed(1))
    other = ClosConv2d(8, 6, (2, 2, 3), kernel_size=3)
    other.reset_parameters(torch.Generator().manual_seed(1))
    assert layer.weight.equal(other.weight) and layer.bias.eq(0).all()
    fans = 9 * 8 // 2 + 9 * 2
    assert layer.parts[0].input_weight.abs().max() <= (6 / fans) ** 0.5
    source = {name: value.clone() for name, value in layer.state_dict().items()}
    taken = ClosConv2d(8, 6, (2, 2, 3), kernel_size=3, device="meta")
    taken.load_state_dict(source, assign=True)
    x = torch.randn(2, 8, 5, 5)
    assert taken(x).equal(layer(x))


def test_repr_names_what_differs_from_the_usual():
    text = repr(ClosConv2d(8, 6, (2, 2, 3), kernel_size=3, padding=4))
    assert "routers=(2, 2, 3), kernel_size=(3, 3), stride=(1, 1), padding=(4, 4)" in text
    assert "dilation" not in text and "density=" in text
