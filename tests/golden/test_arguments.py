"""Odd arguments of what users call are taken, or refused in one line by an error of `golden`."""

import resource
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from golden import ClosLinear, ClosNet, ClosShape, GoldenError, ShapeError
from golden.data import datasets
from golden.layers import ClosConv2d, ClosLSTM, LowRankLinear, SparseRandomConv2d
from golden.topologies import parse_topology, regular
from tests.support import api_analysis, api_layers, api_training
from tests.support.odd_values import ODD

CALLS = api_layers.CALLS | api_training.CALLS | api_analysis.CALLS
CASES = [(name, argument) for name, (_, right) in CALLS.items() for argument in right]

MORE_BYTES = 4 << 30  # What is too large must be refused before it is made.

OWN_FUNCTIONS = {("propose_format", "loss", "type"), ("propose_format", "loss", "module")}
"""Functions of the user's that fail when they are called: their error is theirs."""


@pytest.fixture(autouse=True)
def limited_memory():
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    before = resource.getrlimit(resource.RLIMIT_AS)
    limit = pages * resource.getpagesize() + MORE_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


@pytest.mark.parametrize("name", [name for name in CALLS if name != "datasets.load_idx_directory"])
def test_what_is_right_is_taken(name):
    called, right = CALLS[name]
    called(**right)


@pytest.mark.parametrize(("name", "argument"), CASES)
def test_what_is_odd_is_taken_or_refused_in_one_line(name, argument):
    called, right = CALLS[name]
    for kind, value in ODD.items():
        if (name, argument, kind) in OWN_FUNCTIONS:
            continue
        torch.manual_seed(0)
        try:
            called(**(right | {argument: value}))
        except GoldenError as error:
            message = str(error)
            assert message and "\n" not in message and len(message) < 600, kind
        except Exception as error:
            raise AssertionError(f"{argument} = {kind}: {error!r}") from error


def test_most_odd_values_are_refused():
    """That of the test above is not that everything is taken."""
    refused = taken = 0
    for name in ("ClosLinear", "ClosConv2d", "Densification", "torus", "QuantisedNet"):
        called, right = CALLS[name]
        for argument in right.keys() - {"device", "dtype", "padding"}:
            for value in ODD.values():
                try:
                    called(**(right | {argument: value}))
                    taken += 1
                except GoldenError:
                    refused += 1
    assert refused > 9 * taken


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: ClosLinear(8, 8, 2), r"routers must be three numbers \(Ri, Rm, Ro\), not 2"),
        (lambda: ClosLinear(8, 8, "222"), "routers must be three numbers .*, not '222'"),
        (lambda: ClosLinear(8.0, 8, (2, 2, 2)), "in_features must be a whole number .*not 8.0"),
        (lambda: ClosLinear(8, 8, (2, True, 2)), "middle_routers must be .*, not True"),
        (lambda: ClosShape("8", 8, 2, 2, 2), "in_features must be a whole number .*not '8'"),
        (lambda: ClosShape(8, -8, 2, 2, 2), "out_features must be .* at least 1, not -8"),
        (lambda: ClosLinear.from_budget(8, 8, reduction=-1), "reduction must be above 0.*not -1"),
        (lambda: ClosLinear.from_budget(8, 8, reduction=float("inf")), "reduction .*not inf"),
        (lambda: ClosLinear.from_budget(8, 8, reduction="4"), "reduction must be a number"),
        (lambda: ClosLinear.from_dense(nn.ReLU(), ClosShape(8, 8, 2, 2, 2)), "a ReLU"),
        (lambda: ClosLinear.from_dense(nn.Conv1d(8, 8, 3), (8, 8, 2, 2, 2)), "2 dimensions"),
        (lambda: ClosLinear(8, 8, (2, 2, 2))([[1.0] * 8]), "input must be a tensor, not"),
        (lambda: ClosLinear(8, 8, (2, 2, 2), dtype=torch.int64), "dtype must be one of real"),
        (lambda: ClosLinear(8, 8, (2, 1 << 39, 2)), r"shape \[8, 549755813888\] cannot be made"),
        (lambda: ClosNet([(64, 64, 8, 8)]), "layer 0: shape must be a ClosShape or five numbers"),
        (lambda: ClosConv2d(4, 4, (2, 2, 2), kernel_size=(3, 5, 3)), "kernel_size .* or 2 of them"),
        (lambda: SparseRandomConv2d(4, 4, 3, alpha=0.5, padding="same"), "padding must be a whole"),
        (lambda: datasets.load(Path("nowhere")), "directory of IDX files, not 'nowhere'"),
        (lambda: parse_topology(7), "topology must be a text, not 7"),
    ],
)
def test_messages_name_the_argument_and_the_value(make, message):
    with pytest.raises(GoldenError, match=message):
        make()


def test_nested_tensors_are_refused():
    nested = torch.nested.nested_tensor(
        [torch.ones(2, 8), torch.ones(3, 8)], layout=torch.jagged
    )
    with pytest.raises(ShapeError, match="input must be a padded tensor, not a nested one"):
        ClosLinear(8, 8, (2, 2, 2))(nested)


def test_numbers_of_numpy_and_other_sequences_are_taken():
    eight, two = np.int64(8), np.uint8(2)
    shape = ClosLinear(eight, eight, [two, two, two]).shape
    assert shape == ClosShape(8, 8, 2, 2, 2) and str(shape) == "(8, 8, 2, 2, 2)"
    assert all(type(number) is int for number in shape.as_tuple())
    assert ClosLinear(8, 8, np.array([2, 2, 2])).shape == shape
    assert ClosLinear.from_budget(eight, 8, reduction=np.float32(1.5)).in_features == 8
    assert LowRankLinear(eight, eight, two).rank == 2
    assert ClosConv2d(two, two, (1, 1, 1), kernel_size=(3, 3), padding=[1, 1]).padding == (1, 1)
    assert ClosLSTM(eight, two, reduction=np.float64(0.5)).hidden_size == 2
    assert regular(np.array([8, 6]), 2).widths == (8, 6)
    net = ClosNet([(8, 8, 2, 2, 2), [8, 4, 2, 2, 2]], dropout=0.5)
    assert net.shapes == (shape, ClosShape(8, 4, 2, 2, 2)) and net.dropout == (0.5, 0.5)
    assert ClosNet([shape], dropout=(0, np.float32(0.5))).dropout == (0.0, 0.5)
    assert datasets.load("digits").features == 64
