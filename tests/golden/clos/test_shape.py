"""Clos shapes: parameter count, splits, parsing and refused values."""

import numpy as np
import pytest
from hypothesis import given

from golden import ClosShape, ShapeError
from tests.support.golden_strategies import clos_shapes


@given(clos_shapes())
def test_c4_blocks_are_those_of_array_split(shape):
    for blocks, items, count in (
        (shape.input_blocks, shape.in_features, shape.input_routers),
        (shape.output_blocks, shape.out_features, shape.output_routers),
    ):
        expected = [part.tolist() for part in np.array_split(np.arange(items), count)]
        assert [list(range(start, stop)) for start, stop in blocks] == expected


@given(clos_shapes())
def test_c2_parameters_count_every_connection_of_the_cascade(shape):
    ri, rm, ro = shape.input_routers, shape.middle_routers, shape.output_routers
    connections = sum((stop - start) * rm for start, stop in shape.input_blocks)
    connections += rm * ri * ro
    connections += sum(rm * (stop - start) for start, stop in shape.output_blocks)
    assert shape.parameters == connections
    assert shape.density == connections / (shape.in_features * shape.out_features)


@given(clos_shapes(largest=20))
def test_masks_multiply_to_the_path_diversity_everywhere(shape):
    """ClosNets, eq. 1: every output is reached from every input by exactly Rm paths."""
    ri, rm, ro = shape.input_routers, shape.middle_routers, shape.output_routers
    input_mask = np.zeros((ri * rm, shape.in_features), dtype=int)
    for r, (start, stop) in enumerate(shape.input_blocks):
        input_mask[r * rm : (r + 1) * rm, start:stop] = 1
    middle_mask = np.zeros((ro * rm, ri * rm), dtype=int)
    for m in range(rm):
        middle_mask[np.ix_(np.arange(ro) * rm + m, np.arange(ri) * rm + m)] = 1
    output_mask = np.zeros((shape.out_features, ro * rm), dtype=int)
    for o, (start, stop) in enumerate(shape.output_blocks):
        output_mask[start:stop, o * rm : (o + 1) * rm] = 1
    paths = output_mask @ middle_mask @ input_mask
    assert (paths == shape.path_diversity).all()
    assert input_mask.sum() + middle_mask.sum() + output_mask.sum() == shape.parameters


def test_figures_of_the_papers_example():
    shape = ClosShape(4, 4, 2, 2, 2)
    assert (shape.parameters, shape.path_diversity) == (24, 2)


def test_fan_ins_are_the_widest_of_each_stage():
    assert ClosShape(33, 17, 5, 3, 4).fan_ins == (7, 5, 3)


@pytest.mark.parametrize("text", ["64,10,8,8,5", " (64, 10, 8, 8, 5) "])
def test_parse_reads_what_str_writes(text):
    shape = ClosShape.parse(text)
    assert shape.as_tuple() == (64, 10, 8, 8, 5)
    assert str(shape) == "(64, 10, 8, 8, 5)"
    assert ClosShape.parse(str(shape)) == shape


@pytest.mark.parametrize("text", ["", "64,10,8,8", "64,10,8,8,5,1", "64,10,8,8,x", "6.5,1,1,1,1"])
def test_parse_refuses_what_is_not_five_numbers(text):
    with pytest.raises(ShapeError, match="five whole numbers I,O,Ri,Rm,Ro.*not '"):
        ClosShape.parse(text)


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ((0, 4, 2, 2, 2), "in_features must be a whole number of at least 1, not 0"),
        ((4, -1, 2, 2, 2), "out_features must be a whole number of at least 1, not -1"),
        ((4, 4, 2, 0, 2), "middle_routers must be a whole number of at least 1, not 0"),
        ((4, 4, True, 2, 2), "input_routers must be a whole number of at least 1, not True"),
        ((4, 4, 2, 2.0, 2), r"middle_routers must be a whole number of at least 1, not 2\.0"),
        ((4, 4, 5, 2, 2), r"input_routers must be at most in_features \(4\), not 5"),
        ((4, 3, 2, 2, 4), r"output_routers must be at most out_features \(3\), not 4"),
    ],
)
def test_bad_numbers_are_refused_by_name(numbers, message):
    with pytest.raises(ShapeError, match=message):
        ClosShape(*numbers)
