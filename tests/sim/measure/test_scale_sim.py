"""Cycles of a systolic array, against counts by hand."""

import pytest

from golden import ClosShape
from sim.measure.scale_sim import Array, Dataflow, Gemm, best_cycles, clos_gemms, cycles, dense_gemm


@pytest.mark.parametrize(("gemm", "array", "dataflow", "expected"), [
    # One fold: 4 + 4 - 2 to fill, 10 steps, less one.
    (Gemm(4, 10, 4), Array(4, 4), Dataflow.OUTPUT, 15),
    # ceil(5 / 4) * ceil(9 / 4) = 6 folds of 4 + 4 - 2 + 10 cycles.
    (Gemm(5, 10, 9), Array(4, 4), Dataflow.OUTPUT, 6 * 16 - 1),
    # Weights fill K x N: ceil(10 / 4) * ceil(9 / 2) = 15 folds of 2 * 4 + 2 - 2 + 5.
    (Gemm(5, 10, 9), Array(4, 2), Dataflow.WEIGHT, 15 * 13 - 1),
    # Inputs fill K x M: ceil(10 / 2) * ceil(5 / 8) = 5 folds of 2 * 2 + 8 - 2 + 9.
    (Gemm(5, 10, 9), Array(2, 8), Dataflow.INPUT, 5 * 19 - 1),
    # One multiplier: every product takes a cycle.
    (Gemm(3, 5, 7), Array(1, 1), Dataflow.OUTPUT, 3 * 7 * 5 - 1),
])
def test_counts_by_hand(gemm, array, dataflow, expected):
    assert cycles(gemm, array, dataflow) == expected


def test_the_best_array_and_dataflow_are_found():
    # On 1x4: output stationary 2 folds of 1 + 4 - 2 + 6, less one; on 2x2 and 4x1 more, and the
    # other dataflows too.
    gemm = Gemm(1, 6, 8)
    total, array = best_cycles([gemm], 4)
    assert (total, array) == (17, Array(1, 4))
    assert total == min(cycles(gemm, Array(rows, 4 // rows), dataflow)
                        for rows in (1, 2, 4) for dataflow in Dataflow)


def test_all_products_of_a_layer_run_on_one_array():
    gemms = [Gemm(1, 6, 8), Gemm(8, 6, 1)]
    total, array = best_cycles(gemms, 4)
    assert total == sum(min(cycles(gemm, array, dataflow) for dataflow in Dataflow)
                        for gemm in gemms)


@pytest.mark.parametrize("shape", [
    ClosShape(784, 256, 28, 25, 16), ClosShape(10, 7, 3, 2, 2),
])
def test_products_of_a_clos_layer_have_its_weights(shape):
    gemms = clos_gemms(shape, batch=3)
    assert sum(gemm.k * gemm.n for gemm in gemms) == shape.parameters
    assert {gemm.m for gemm in gemms} == {3}
    _, _, routers_in, routers_mid, routers_out = shape.as_tuple()
    assert len(gemms) == routers_in + routers_mid + routers_out


def test_blocks_are_split_as_the_layer_splits_them():
    assert clos_gemms(ClosShape(10, 7, 3, 2, 2), batch=1) == [
        Gemm(1, 4, 2), Gemm(1, 3, 2), Gemm(1, 3, 2),  # 10 inputs in 3 blocks
        Gemm(1, 3, 2), Gemm(1, 3, 2),
        Gemm(1, 2, 4), Gemm(1, 2, 3),                 # 7 outputs in 2 blocks
    ]


def test_the_dense_layer_is_one_product():
    assert dense_gemm(ClosShape(784, 256, 28, 25, 16), batch=32) == [Gemm(32, 784, 256)]
