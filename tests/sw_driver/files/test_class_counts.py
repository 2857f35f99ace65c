"""Counts of each class, with labels and without."""

import numpy as np

from sw_driver.files.class_counts import ClassCount, count_classes

OUTPUTS = np.array([[5, 1, 0], [0, 2, 1], [3, 2, 1], [0, 0, 9]])


def test_samples_of_each_class():
    found = count_classes(OUTPUTS, np.array([0, 1, 1, 1]), ("a", "b"))
    assert found == [ClassCount("a", 2, 1, 1), ClassCount("b", 1, 3, 1)]
    assert found[0].row() == ("a", "2", "1", "1")


def test_without_labels():
    found = count_classes(OUTPUTS, None, ("a", "b"))
    assert found == [ClassCount("a", 2, None, None), ClassCount("b", 1, None, None)]
    assert found[0].row() == ("a", "2")


def test_without_names():
    assert count_classes(OUTPUTS, np.array([0, 1, 1, 1]), ()) == []
