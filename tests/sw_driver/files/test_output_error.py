"""Errors of outputs: each of its own, and of many those that matter."""

import numpy as np
import pytest

from sw_driver.files.output_error import OutputErrors


def test_figures_of_each_output():
    found = OutputErrors.of(np.array([[1.0, -3.0], [-1.0, 4.0]]), ["a", "b"])
    assert found.largest == (1, 4) and found.mean == (1, 3.5)
    assert found.rms == pytest.approx((1, np.sqrt(12.5)))
    assert found.all == pytest.approx((4, 2.25, np.sqrt(6.75)))
    assert found.rows() == [("a", "1", "1", "1"), ("b", "4", "3.5", "3.54"),
                            ("all 2", "4", "2.25", "2.6")]


def test_of_many_outputs_those_with_the_largest_error():
    found = OutputErrors.of(np.arange(100.0)[np.newaxis], [str(n) for n in range(100)])
    rows = found.rows()
    assert [row[0] for row in rows] == [*map(str, range(99, 79, -1)), "all 100"]
