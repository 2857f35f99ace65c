"""Standardised inputs: the same numbers wherever the model goes."""

import json

import numpy as np
import pytest

from golden.data.preparation import Preparation
from golden.errors import DataError

X = np.array([[1.0, 5000.0, 7.0], [3.0, 5100.0, 7.0], [8.0, 4900.0, 7.0]])


def test_inputs_have_no_mean_and_a_deviation_of_one():
    found = Preparation.fitted(X).apply(X)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(found.std(axis=0), [1, 1, 0], atol=1e-6)
    assert not found[:, 2].any(), "an input that never changes becomes 0"


def test_a_constant_that_is_no_binary_fraction_becomes_0():
    x = np.full((7, 1), 0.1)
    assert not Preparation.fitted(x).apply(x).any()


def test_the_file_gives_the_same_bits():
    fitted = Preparation.fitted(X, features=("a", "b", "c"), classes=("x", "y"), split=(0.2, 3))
    again = Preparation.from_dict(json.loads(json.dumps(fitted.as_dict(), sort_keys=True)))
    assert again == fitted
    np.testing.assert_array_equal(again.apply(X / 3), fitted.apply(X / 3))


def test_what_is_far_off_is_clipped_not_infinite():
    prepared = Preparation(mean=(0.0,), scale=(1e-30,))
    assert np.isfinite(prepared.apply(np.array([[3e38], [-3e38]]))).all()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"features": ("a", "a")}, "features must be different names"),
        ({"classes": ()}, "classes must be different names"),
        ({"classes": (1, 2)}, "classes must be different names"),
        ({"label": 3}, "label must be a name or None, not 3"),
        ({"mean": (1.0,)}, "features, mean and scale must be of as many inputs"),
        ({"mean": (1.0,), "scale": (1.0, 2.0)}, "must be of as many inputs"),
        ({"mean": (float("nan"),), "scale": (1.0,)}, "mean must be finite numbers"),
        ({"mean": (1.0,), "scale": (0.0,)}, "scale must be above 0, not 0.0"),
        ({"mean": 3, "scale": 4}, "mean must be finite numbers, or None, not 3"),
        ({"split": (1.0, 0)}, "test_fraction must be above 0 and below 1, not 1.0"),
        ({"split": (0.5, -1)}, "split_seed must be a whole number from 0"),
        ({"split": (0.5,)}, "split must be a part and a seed, or None"),
        ({"split": 3}, "split must be a part and a seed, or None"),
    ],
)
def test_fields_that_are_wrong(fields, message):
    with pytest.raises(DataError, match=message):
        Preparation(**fields)


@pytest.mark.parametrize("held", [None, 3, {}, {"mean": None}, {1: 2}])
def test_other_dicts_are_refused(held):
    with pytest.raises(DataError, match="preparation must have the fields features, "):
        Preparation.from_dict(held)


def test_sizes_of_another_model():
    fitted = Preparation.fitted(X, classes=("x", "y"))
    fitted.check_sizes(3, 2)
    for inputs, outputs, message in ((4, 2, "mean must be of 4 inputs"), (3, 1, "classes must be")):
        with pytest.raises(DataError, match=message):
            fitted.check_sizes(inputs, outputs)
    with pytest.raises(DataError, match="data must be samples of 3 values"):
        fitted.apply(X[:, :2])
