"""The layer that README.md computes by hand is computed right, as `ClosLinear` computes it."""

import ast
import re

import numpy as np
import torch

from golden import ClosLinear, ClosShape
from tests.support.project import ROOT

SECTION = (ROOT / "README.md").read_text().split("\n## A ClosNet by hand\n")[1].split("\n## ")[0]
TUPLE = r"(\(.*?\)+)"
STAGES = ("input stage", "middle stage", "output stage")
LAYER = ClosShape(4, 4, 2, 2, 2)


def products(stage):
    """The rows, matrices and results of a stage, each an array with a router a row."""
    [line] = re.findall(rf"^    {stage} +(.*)$", SECTION, re.M)
    found = [[ast.literal_eval(part) for part in product]
             for product in re.findall(rf"{TUPLE} \* {TUPLE} = {TUPLE}", line)]
    assert len(found) == 2
    return [np.array(parts) for parts in zip(*found, strict=True)]


def vector(name):
    return np.array(ast.literal_eval(re.search(rf"^    {name} = (.*)$", SECTION, re.M)[1]))


def test_each_product_is_right():
    for stage in STAGES:
        rows, matrices, results = products(stage)
        np.testing.assert_array_equal(np.einsum("ri,rio->ro", rows, matrices), results)


def test_each_stage_takes_what_the_one_before_made():
    (first, _, made), (middle, _, mixed), (last, _, y) = map(products, STAGES)
    np.testing.assert_array_equal(first.ravel(), vector("x"))
    np.testing.assert_array_equal(middle, made.T)
    np.testing.assert_array_equal(last, mixed.T)
    np.testing.assert_array_equal(y.ravel(), vector("y"))


def test_the_layer_computes_it():
    layer = ClosLinear(*LAYER.as_tuple()[:2], LAYER.as_tuple()[2:], bias=False)
    first, middle, last = (torch.tensor(products(stage)[1], dtype=torch.float32)
                           for stage in STAGES)
    with torch.no_grad():
        layer.input_weight.copy_(first.reshape(4, 2))
        layer.middle_weight.copy_(middle)
        layer.output_weight.copy_(last.transpose(1, 2).reshape(4, 2))
        assert layer(torch.tensor(vector("x"), dtype=torch.float32)).tolist() == list(vector("y"))


def test_the_counts_of_weights_are_right():
    text = " ".join(SECTION.split())
    assert f"hold {LAYER.parameters} weights, more than the {4 * 4} of a dense matrix" in text
    large = ClosShape(1024, 1024, 32, 62, 32)
    assert f"{large.as_tuple()} hold {large.parameters:,}, where" in text
    assert f"a dense matrix has {1024 * 1024:,}." in text
