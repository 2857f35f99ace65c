"""What an epoch costs, and when a cascade pays."""

import itertools

import pytest

from golden import ClosShape
from golden.analysis import cascade_pays, epoch_cost
from golden.errors import AnalysisError


def test_c8_time_falls_with_the_batch_until_arithmetic_bounds_it():
    machine = {"bytes_per_second": 1e9, "operations_per_second": 1e10}
    costs = [epoch_cost(10_000, 4096, 2**power, **machine) for power in range(13)]
    assert [cost.weight_bytes for cost in costs[:2]] == [4096 * 40_000, 2048 * 40_000]
    assert {cost.operations for cost in costs} == {10_000 * 4096}
    for cost, larger in itertools.pairwise(costs):
        if larger.memory_bound:
            assert cost.seconds == 2 * larger.seconds
    assert [cost.memory_bound for cost in costs] == [power < 6 for power in range(13)]
    assert costs[6].seconds == costs[12].seconds
    assert epoch_cost(10, 7, 3, **machine).weight_bytes == 3 * 40
    with pytest.raises(AnalysisError, match="batch must be above 0 and finite, not 0"):
        epoch_cost(10, 7, 0, **machine)


def test_n1_a_cascade_pays_if_depth_times_density_is_below_1():
    clos_layer = ClosShape(256, 256, 16, 16, 16)
    density = clos_layer.parameters / 3 / 256**2
    assert cascade_pays(3, density)
    assert not cascade_pays(4, 0.25)
