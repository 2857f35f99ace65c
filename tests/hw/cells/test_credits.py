"""`Credits` against Python integers."""

from random import Random

import pytest

from hw.cells.credits import Credits
from tests.support.hw_bench import simulate


def run(dut, cycles):
    """`enough` in each cycle, given (add, take, start) of each."""
    found = []

    async def bench(ctx):
        for add, take, start in cycles:
            ctx.set(dut.add, add)
            ctx.set(dut.take, take)
            ctx.set(dut.start, start)
            found.append(ctx.get(dut.enough))
            await ctx.tick()
        found.append(ctx.get(dut.enough))

    simulate(dut, bench)
    return found


@pytest.mark.parametrize("width", [1, 4, 8])
@pytest.mark.parametrize("seed", range(3))
def test_random_events_and_demands(width, seed):
    """As far ahead and as far behind as it can count, with a new start now and then."""
    random, limit = Random(seed), 1 << width
    count, cycles, expected = 0, [], []
    for _ in range(600):
        expected.append(count >= 0)
        add, start = random.random() < 0.5, random.random() < 0.01
        take = random.randrange(limit) if random.random() < 1 / limit + 0.1 else 0
        take = min(take, count + add + limit)
        if count + add - take == limit:
            add = 0
        cycles.append((add, take, start))
        count = 0 if start else count + add - take
    expected.append(count >= 0)
    assert run(Credits(width), cycles) == expected
    assert 0 < sum(expected) < len(expected)


def test_enough_shows_in_the_next_cycle():
    """Events may come first or last, or in the cycle in which they are asked for."""
    nothing, event = (0, 0, 0), (1, 0, 0)
    assert run(Credits(3), [(0, 2, 0), event, event, nothing]) == [1, 0, 0, 1, 1]
    assert run(Credits(3), [event, event, (0, 2, 0), (0, 1, 0)]) == [1, 1, 1, 1, 0]
    assert run(Credits(3), [(1, 1, 0), (1, 2, 0), event]) == [1, 1, 0, 1]


def test_a_start_forgets_what_comes_with_it():
    assert run(Credits(3), [(0, 5, 0), (0, 0, 1), (0, 0, 0)]) == [1, 0, 1, 1]
    assert run(Credits(3), [(1, 0, 1), (0, 1, 0), (0, 3, 1), (0, 0, 0)]) == [1, 1, 0, 1, 1]


@pytest.mark.parametrize("width", [1, 3])
def test_ends_of_the_range(width):
    least, most = -(1 << width), (1 << width) - 1
    full = 1 << width
    up = run(Credits(width), [(1, 0, 0)] * most + [(0, most, 0), (0, 1, 0)])
    assert up == [1] * (most + 2) + [0]
    down = run(Credits(width), [(0, full - 1, 0), (0, 1, 0)] + [(1, 0, 0)] * -least)
    assert down == [1] + [0] * (1 - least) + [1]
