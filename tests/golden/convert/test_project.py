"""Dense layers replaced by the Clos layers nearest to them, where those have fewer weights."""

import pytest
import torch
from torch import nn

from golden import ChainNet, ClosLinear, ClosNet, ClosShape, GoldenError
from golden.convert.distance import relative_distance
from golden.convert.project import project_dense


def made_dense(*shapes):
    """Dense layers that are Clos layers multiplied out, with ReLUs between."""
    layers = []
    for shape in shapes:
        clos = ClosLinear.of_shape(shape).double()
        dense = nn.Linear(shape.in_features, shape.out_features).double()
        dense.weight = nn.Parameter(clos.to_dense().detach())
        layers += [dense, nn.ReLU()]
    return nn.Sequential(*layers[:-1]).eval()


def test_what_is_a_clos_layer_is_found_again():
    torch.manual_seed(2)
    shapes = [ClosShape.from_budget(16, 16, reduction=1.6), ClosShape(16, 8, 4, 1, 2)]
    model = made_dense(*shapes)
    projected = project_dense(model, 1.6)
    assert isinstance(projected.after, ClosNet)
    first = projected.layers[0]
    assert (first.position, first.in_features, first.out_features) == ("0", 16, 16)
    assert first.shape == shapes[0] and first.error < 0.2  # A local minimum.
    x = torch.rand(20, 16, dtype=torch.float64)
    assert torch.allclose(projected.before(x), model(x))


def test_every_layer_is_the_nearest_of_its_size_that_saves_weights():
    torch.manual_seed(3)
    model = nn.Sequential(nn.Linear(64, 32), nn.BatchNorm1d(32), nn.ReLU6(), nn.Linear(32, 10),
                          nn.LeakyReLU(0.25)).eval()
    projected = project_dense(model, 5.5)
    assert isinstance(projected.after, ChainNet)
    assert projected.after.operations()[0][0] == "clos"
    assert projected.after.operations()[1:] == projected.before.operations()[1:]
    body, head = projected.layers
    assert body.shape == ClosShape.from_budget(64, 32, reduction=5.5)
    assert body.shape.parameters <= 64 * 32 / 5.5
    assert head.shape is None and head.error == 0
    assert projected.before.weight_count == 64 * 32 + 320
    assert projected.after.weight_count == body.shape.parameters + 320
    assert [str(shape) for shape in projected.after.shapes] == [str(body.shape), "(32, 10)"]
    found = projected.after.layers[0]
    assert body.error == pytest.approx(
        relative_distance(found.to_dense().detach(), projected.before.layers[0].weight.detach()))
    assert torch.equal(found.bias, projected.before.layers[0].bias)


def test_clos_layers_stay_as_they_are():
    model = nn.Sequential(ClosLinear(16, 16, (4, 2, 4)), nn.ReLU(), nn.Linear(16, 16)).eval()
    projected = project_dense(model, 1.5)
    assert [one.position for one in projected.layers] == ["2"]
    assert torch.equal(projected.after.layers[0].middle_weight, model[0].middle_weight)


def test_the_same_seed_gives_the_same_layers():
    model = nn.Sequential(nn.Linear(16, 16)).eval()
    first, again = (project_dense(model, 1.5, seed=4).after.layers[0].middle_weight
                    for _ in range(2))
    assert torch.equal(first, again)


def test_a_matrix_of_zeros():
    model = nn.Sequential(nn.Linear(16, 16)).eval()
    nn.init.zeros_(model[0].weight)
    assert project_dense(model, 1.5).layers[0].error == pytest.approx(0)


@pytest.mark.parametrize("reduction, message", [
    (1, "reduction must be above 1 and finite, not 1"),
    (float("inf"), "reduction must be above 1 and finite"),
    ("2", "reduction must be"),
    (1e6, r"reduction must be above 1 and at most 5\.333, so that one"),
])
def test_reductions_that_are_refused(reduction, message):
    with pytest.raises(GoldenError, match=message):
        project_dense(nn.Sequential(nn.Linear(16, 16)).eval(), reduction)


def test_layers_that_no_reduction_replaces():
    with pytest.raises(GoldenError, match="reduction must be left out: .* none is replaced with 2"):
        project_dense(nn.Sequential(nn.Linear(3, 1), nn.ReLU(), nn.Linear(1, 2)).eval(), 2)


def test_the_largest_reduction_that_is_named_is_taken():
    projected = project_dense(nn.Sequential(nn.Linear(16, 16)).eval(), 5.333)
    assert projected.layers[0].shape == ClosShape(16, 16, 4, 1, 4)


def test_a_net_without_dense_layers():
    with pytest.raises(GoldenError, match="needs a model with a dense layer"):
        project_dense(ClosLinear(16, 16, (4, 2, 4)), 2)
