"""The front of points against its definition, written out."""

import numpy as np
import pytest

from fpga.explore.front import beaten_by, front


def by_definition(values):
    """Indices of the points that no other one matches or beats; the first of equal ones."""
    def beats(a, b):
        better = (values[a] <= values[b]).all()
        return better and ((values[a] < values[b]).any() or a < b)

    finite = [index for index, row in enumerate(values) if np.isfinite(row).all()]
    return [one for one in finite if not any(beats(other, one) for other in finite if other != one)]


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize(("points", "columns"), [(1, 1), (30, 1), (40, 2), (60, 4)])
def test_the_front_is_what_its_definition_says(points, columns, seed):
    draw = np.random.default_rng(seed)
    values = draw.integers(0, 6, (points, columns)).astype(float)  # Many of them are equal.
    values[draw.random(values.shape) < 0.05] = np.inf
    assert front(values).tolist() == by_definition(values)


def test_no_points_have_no_front():
    assert front(np.empty((0, 4))).tolist() == []
    assert front(np.full((3, 2), np.inf)).tolist() == []


def test_what_is_matched_in_every_column_is_beaten():
    values = np.array([[1.0, 2], [2, 2], [0, 3], [2, 1]])
    assert beaten_by(values, np.array([[1.0, 2]])).tolist() == [True, True, False, False]
    assert beaten_by(values, np.empty((0, 2))).tolist() == [False] * 4
