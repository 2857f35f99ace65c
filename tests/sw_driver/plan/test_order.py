"""Orders of stages, their search, and the cycle model that judges them."""

import itertools

import pytest

from golden import ClosShape
from golden.vectors.nets import random_net
from sw_driver.compiler import compile
from sw_driver.plan.order import (
    best_extra_turns,
    best_order,
    delays,
    instances,
    no_extra_turns,
    program_order,
)


def test_delays():
    assert delays((0, 1, 2, 3)) == [0, 0, 0, 0]
    assert delays((1, 0, 2, 3)) == [0, 1, 1, 1]
    assert delays((3, 2, 1, 0)) == [0, 1, 2, 3]


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_every_order_uses_words_before_they_are_made_again(order):
    """One region per word is enough: made, used, made again, in every order of stages."""
    seen = list(instances(order, 5))
    assert sorted(seen) == sorted(itertools.product(range(4), range(5)))
    place = {instance: index for index, instance in enumerate(seen)}
    for stage, sample in seen:
        if stage:
            assert place[stage - 1, sample] < place[stage, sample]
        if stage and sample:
            assert place[stage, sample - 1] < place[stage - 1, sample]


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
@pytest.mark.parametrize("extra", [(0, 1, 0, 0), (0, 0, 1, 1), (0, 1, 1, 1)])
def test_with_an_extra_turn_two_regions_are_enough(order, extra):
    """What a stage reads is used before it is made again for the sample after the next."""
    assert delays(order, extra) == [
        turns + sum(extra[: stage + 1]) for stage, turns in enumerate(delays(order))]
    seen = list(instances(order, 6, extra))
    assert sorted(seen) == sorted(itertools.product(range(4), range(6)))
    place = {instance: index for index, instance in enumerate(seen)}
    one_is_enough = [True] * 4
    for stage, sample in seen:
        if stage:
            assert place[stage - 1, sample] < place[stage, sample]
        if stage and sample > 1:
            assert place[stage, sample - 2] < place[stage - 1, sample]
        if stage and sample:
            one_is_enough[stage] &= place[stage, sample - 1] < place[stage - 1, sample]
    assert one_is_enough == [not turns for turns in extra]


def test_extra_turns_are_taken_only_where_they_bring_something():
    order, none = (0, 3, 2, 1), no_extra_turns(4)
    assert best_extra_turns(order, lambda *_: 10.0, 10.0) == (order, none)
    assert best_extra_turns(order, lambda *_: None, 10.0) == (order, none)
    assert best_extra_turns(order, lambda *_: 5.0, 10.0, bound=10.0) == (order, none)
    assert best_extra_turns(order, lambda *_: 5.0, 10.0, go_on=lambda: False) == (order, none)

    def cost(order, extra):
        return 20.0 - 3 * extra[1] - 4 * extra[3] + 2 * extra[2] + (order != (0, 1, 3, 2))

    found = best_extra_turns(order, cost, 21.0)
    assert found[1] == (0, 1, 0, 1)
    rotations = [(0, 1, 3, 2)[index:] + (0, 1, 3, 2)[:index] for index in range(4)]
    assert cost(*found) == 13 or found[0] in rotations


def test_the_search_finds_an_order_that_is_good_enough_and_stops():
    """Moves lead from the regular orders to the best one; the bound ends the search."""
    wanted = (0, 2, 1, 4, 3)
    tried = []

    def cost(order):
        # Rotations have the same steady state.
        tried.append(order)
        follows = dict(zip(order, order[1:] + order[:1], strict=True))
        return 10.0 + sum(follows[a] != b for a, b in zip(wanted, wanted[1:], strict=False))

    found = best_order(5, cost, bound=10.0)
    assert cost(found) == 10
    rotations = [wanted[index:] + wanted[:index] for index in range(5)]
    assert found in rotations and max(delays(found)) == min(max(delays(r)) for r in rotations)
    assert len(tried) == len(set(tried)) + 1  # Each once, and the one here.
    assert cost(tried[-2]) == 10


def test_many_stages_are_searched_as_long_as_one_may():
    tried = []

    def cost(order):
        tried.append(order)
        return float(sum(abs(a - b) for a, b in zip(order, reversed(range(12)), strict=True)))

    best = best_order(12, cost, go_on=lambda: len(tried) < 40)
    assert len(tried) == 40
    assert cost(best) < cost(program_order(12))
    tried.clear()
    assert best == best_order(12, cost, go_on=lambda: len(tried) < 40)
    tried.clear()
    best_order(12, cost, go_on=lambda: False)
    assert len(tried) == 3  # Where a cost takes long, few are asked for.


def test_orders_that_cannot_be_used_are_not_taken():
    plain = program_order(5)
    assert best_order(5, lambda order: 1.0 if order == plain else None) == plain


def test_prediction_respects_its_bounds():
    for texts, torus, host_bits in (
            (["64,64,8,8,8", "64,10,8,8,5"], "4x4", 64), (["784,256,28,25,16"], "8x8", 32)):
        net = random_net([ClosShape.parse(text) for text in texts], seed=1)
        prediction = compile(net, torus, host_bits=host_bits).prediction
        assert prediction.cycles >= max(prediction.bounds.values())
        assert prediction.utilisation <= prediction.padding_cap <= 1
        rows, cols = map(int, torus.split("x"))
        assert prediction.ideal_cycles == sum(
            shape.parameters for shape in net.shapes) / (rows * cols)


def test_narrowest_host_stream_that_does_not_bound():
    """32 blocks of 25 words in 392 cycles of MAC: 13 beats each at 32 bits, 7 at 64 bits."""
    net = random_net([ClosShape(800, 256, 32, 16, 16)], seed=1)
    prediction = compile(net, "8x8", host_bits=32).prediction
    assert prediction.bounds["MAC"] == 392
    assert prediction.bounds["host input"] == 32 * 13
    assert prediction.bound_by == "host input"
    assert prediction.host_bits == 64
