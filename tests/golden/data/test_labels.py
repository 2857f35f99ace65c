"""Classes: numbers or names, in one order, and the same later."""

import numpy as np
import pytest

from golden.data.labels import class_count, class_names, class_numbers, labels_of_array
from golden.data.samples import Samples, row_place
from golden.errors import DataError


def samples(labels):
    values = labels if isinstance(labels, tuple) else np.array(labels)
    return Samples(np.zeros((len(labels), 1)), values, "d", row_place("d"), label="c")


def test_names_are_numbered_in_the_order_of_code_points():
    found = samples(("b", "é", "a", "B", "b"))
    names = class_names(found)
    assert names == ("B", "a", "b", "é") and class_count(found) == 4
    np.testing.assert_array_equal(class_numbers(found, names, 4), [2, 3, 1, 0, 2])
    np.testing.assert_array_equal(class_numbers(samples(("a",)), names, 4), [1])


def test_numbers_are_as_they_are():
    found = samples([1, 0, 2])
    assert class_names(found) is None and class_count(found) == 3
    np.testing.assert_array_equal(class_numbers(found, None, 3), [1, 0, 2])


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([1, 1], "must hold samples of 2 classes, not only 1"),
        (("a", "a"), "must hold samples of 2 classes, not only 'a'"),
        ([0, 1, 3], "of every class from 0 to 3, but has none of class 2: number"),
        ([1, 2], "of every class from 0 to 2, but has none of class 0"),
        ([0, -1], "d, row 1: its class must be 0 or more, not -1"),
    ],
)
def test_classes_that_cannot_be_trained(labels, message):
    with pytest.raises(DataError, match=message):
        class_names(samples(labels))


@pytest.mark.parametrize(
    ("labels", "names", "message"),
    [
        (("a", "z"), ("a", "b"), "d, row 1, column 'c': its class must be one of a, b, not 'z'"),
        ([0], ("a", "b"), "must be one of a, b, not the number 0"),
        (("a",), None, "must be 0 to 1, not 'a'"),
        ([0, 2], None, "d, row 1, column 'c': its class must be 0 to 1, not 2"),
        (("z",), tuple(map(str, range(11))), "one of the 11 classes that the model was trained"),
    ],
)
def test_classes_of_another_model(labels, names, message):
    with pytest.raises(DataError, match=message):
        class_numbers(samples(labels), names, 2)


@pytest.mark.parametrize("kind", [bool, np.uint8, np.int64, np.float16, np.float32])
def test_whole_numbers_of_every_kind(kind):
    found = labels_of_array(np.array([0, 1, 1], kind), "y", row_place("y"))
    assert found.dtype == np.int64 and found.tolist() == [0, 1, 1]


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((2, 1)), r"must have shape \[N\], .*, not \[2, 1\]"),
        (np.array([0, 0.5]), "row 1, column 'y' must hold a class, not 0.5"),
        (np.array([0, np.nan]), "row 1, column 'y' must hold a class, not nan"),
        (np.array([1e300]), "row 0, column 'y' must hold a class, not 1e"),
        (np.array([1j]), "must hold classes, whole numbers or text, not complex128"),
        (np.array(["a", ""]), "row 1, column 'y' must hold a class, but is empty"),
    ],
)
def test_arrays_that_are_no_classes(array, message):
    with pytest.raises(DataError, match=message):
        labels_of_array(array, "y", row_place("y"))
