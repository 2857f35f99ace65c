"""ClosLinear's forms, its budget, and the layer nearest to a dense one."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from golden import ClosLinear, ClosShape, ShapeError
from golden.clos.forms import (
    by_columns,
    by_matrix,
    by_padded_columns,
    by_rows,
    fastest_form,
    padding_pays,
    transposing_pays,
)
from tests.support.clos_definition import einsum_form
from tests.support.golden_strategies import clos_shapes

FORMS = {
    "columns": lambda shape, weights, x: by_columns(shape, weights, x)[2],
    "padded columns": by_padded_columns,
    "rows": by_rows,
    "matrix": by_matrix,
}


@settings(deadline=None, max_examples=60)
@given(clos_shapes(), st.integers(0, 5), st.integers(0, 1000))
def test_c1_n29_forms_agree_with_each_other_in_results_and_gradients(shape, samples, seed):
    torch.manual_seed(seed)
    layer = ClosLinear.of_shape(shape, bias=False, dtype=torch.float64)
    x = torch.randn(samples, shape.in_features, dtype=torch.float64, requires_grad=True)
    expected = einsum_form(layer, x)
    back = torch.randn_like(expected)
    wanted = torch.autograd.grad(expected, [x, *layer.weights], back)
    for form in FORMS.values():
        y = form(shape, layer.weights, x)
        torch.testing.assert_close(y, expected)
        for found, want in zip(
            torch.autograd.grad(y, [x, *layer.weights], back), wanted, strict=True
        ):
            torch.testing.assert_close(found, want)


@pytest.mark.parametrize("numbers", [(7, 5, 3, 2, 2), (4, 6, 2, 2, 3)])
def test_c1_gradients_of_every_form_are_right(numbers):
    shape = ClosShape(*numbers)
    torch.manual_seed(0)
    layer = ClosLinear.of_shape(shape, dtype=torch.float64)
    x = torch.randn(2, numbers[0], dtype=torch.float64, requires_grad=True)
    for form in FORMS.values():
        assert torch.autograd.gradcheck(
            lambda x, *w, form=form: form(shape, type(layer.weights)(*w), x), (x, *layer.weights)
        )


SMALL, MIDDLE, LARGE = (64, 10, 8, 8, 5), (256, 256, 16, 16, 16), (1024, 1024, 32, 16, 32)


@pytest.mark.parametrize(
    "numbers, samples, form",
    [
        (SMALL, 1, "columns"),
        (SMALL, 15, "columns"),
        (MIDDLE, 1, "rows"),
        (MIDDLE, 10, "rows"),
        (MIDDLE, 11, "columns"),
        (LARGE, 0, "columns"),
        (LARGE, 1, "rows"),
        (LARGE, 10, "rows"),
        (LARGE, 11, "padded columns"),
        (LARGE, 15, "padded columns"),
        (LARGE, 16, "columns"),
        ((16, 16, 4, 64, 4), 1000, "matrix"),
        ((16, 16, 4, 64, 4), 1, "columns"),
    ],
)
def test_n29_form_follows_samples_and_weights(numbers, samples, form):
    assert fastest_form(ClosShape(*numbers), samples) == form
    if form != "matrix":  # Elsewhere nothing was measured.
        assert fastest_form(ClosShape(*numbers), samples, "cuda") == "columns"


@pytest.mark.parametrize("numbers, pays", [(MIDDLE, False), (LARGE, True)])
def test_n29_padding_pays_for_a_few_samples_of_a_large_layer_on_a_cpu(numbers, pays):
    shape = ClosShape(*numbers)
    assert [padding_pays(shape, n) for n in (0, 1, 2, 15, 16)] == [False, False, pays, pays, False]
    assert not padding_pays(shape, 2, "cuda")


@pytest.mark.parametrize("samples, size, other, apart, pays", [
    (256, 16, 24, True, True), (255, 16, 24, True, False), (256, 12, 24, True, False),
    (256, 16, 24, False, False), (256, 16, 25, False, True)])
def test_transposing_pays_for_many_samples_and_whole_units_of_rows(
    samples, size, other, apart, pays
):
    left = torch.empty(samples, 2, size).permute(1, 2, 0) if apart else None
    left = torch.empty(2, size, samples) if left is None else left
    assert transposing_pays(left, torch.empty(2, other, samples)) is pays
    assert not transposing_pays(left.to("meta"), torch.empty(2, other, samples, device="meta"))


def test_layer_is_traced_whole():
    """`torch.compile` finds nothing in a layer that would break its graph."""
    layer = ClosLinear(64, 64, routers=(8, 8, 8))
    x = torch.randn(4, 64)
    traced = torch.compile(layer, backend="eager", fullgraph=True)
    torch.testing.assert_close(traced(x), layer(x))


@pytest.mark.parametrize("form", ["rows", "columns", "padded columns", "matrix"])
def test_n29_layer_computes_the_same_in_every_form_that_is_chosen(form, monkeypatch):
    torch.manual_seed(0)
    layer = ClosLinear(13, 11, (4, 3, 2), dtype=torch.float64)
    x = torch.randn(5, 13, dtype=torch.float64, requires_grad=True)
    expected = torch.autograd.grad(einsum_form(layer, x).square().sum(), x)[0]
    monkeypatch.setattr("golden.clos.function.fastest_form", lambda *size: form)
    torch.testing.assert_close(layer(x), einsum_form(layer, x))
    torch.testing.assert_close(torch.autograd.grad(layer(x).square().sum(), x)[0], expected)


def test_c14_n29_layer_runs_in_other_dtypes_and_under_vmap():
    torch.manual_seed(0)
    layer = ClosLinear(12, 10, (3, 4, 2))
    x = torch.randn(3, 12)
    y = layer(x)
    torch.testing.assert_close(layer.bfloat16()(x.bfloat16()).float(), y, atol=0.1, rtol=0.1)
    layer.float()
    torch.testing.assert_close(torch.vmap(layer)(x[:, None])[:, 0], layer(x))


@settings(deadline=None, max_examples=200)
@given(st.integers(1, 2000), st.integers(1, 2000), st.floats(0.2, 64))
def test_n2_c2_budget_is_kept_and_used(inputs, outputs, reduction):
    narrowest = ClosShape.from_budget(inputs, outputs, reduction=1e-9)
    one = ClosShape(inputs, outputs, narrowest.input_routers, 1, narrowest.output_routers)
    if reduction > 1 / one.density:
        with pytest.raises(ShapeError, match=r"reduction must be above 0 and at most .* not"):
            ClosShape.from_budget(inputs, outputs, reduction=reduction)
        return
    shape = ClosShape.from_budget(inputs, outputs, reduction=reduction)
    budget = inputs * outputs / reduction
    assert shape.parameters <= budget * (1 + 1e-9)
    assert shape.parameters + one.parameters > budget * (1 - 1e-9)
    for routers, size in ((shape.input_routers, inputs), (shape.output_routers, outputs)):
        assert 0.5 <= routers / math.sqrt(size) <= 1.5


def test_n2_budget_prefers_the_square_torus_and_equal_routers():
    assert ClosShape.from_budget(784, 256, reduction=5.5).as_tuple() == (784, 256, 28, 24, 16)
    assert ClosShape.from_budget(4096, 4096, reduction=21).as_tuple() == (4096, 4096, 64, 65, 64)
    layer = ClosLinear.from_budget(64, 10, reduction=1.5, bias=False)
    assert sum(p.numel() for p in layer.parameters()) == layer.shape.parameters <= 640 / 1.5
    assert ClosShape(784, 256, 28, 5, 16).bandwidth == 80
    assert ClosShape(64, 10, 8, 8, 5).bandwidth == 10
    with pytest.raises(ShapeError, match="in_features must be a whole number"):
        ClosShape.from_budget(0, 4, reduction=1)
    with pytest.raises(ShapeError, match="reduction must be above 0.*not nan"):
        ClosShape.from_budget(64, 64, reduction=float("nan"))
