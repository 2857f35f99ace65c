"""`Link`: order, no loss, rule 2 of streams, one word a cycle."""

from random import Random

import pytest

from hw.ring.link import Link
from tests.support.hw_bench import getter, putter, simulate


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("in_stall, out_stall", [(0.0, 0.0), (0.5, 0.0), (0.0, 0.5), (0.4, 0.6)])
def test_words_come_out_once_and_in_order(in_stall, out_stall, seed):
    random = Random(seed)
    words = [random.getrandbits(16) for _ in range(200)]
    dut = Link(16)
    received, held = [], []

    async def hold(ctx):
        """Payload and valid stay until transfer."""
        offered = None
        while True:
            _, _, valid, ready, payload = await ctx.tick().sample(
                dut.o.valid, dut.o.ready, dut.o.payload)
            if offered is not None:
                held.append(valid and payload == offered)
            offered = payload if valid and not ready else None

    simulate(dut, putter(dut.i, words, in_stall, seed),
             getter(dut.o, len(words), received, out_stall, seed + 1), background=[hold])
    assert received == words
    assert all(held)
    assert bool(held) == (out_stall > 0)


def test_one_word_a_cycle_one_cycle_late():
    dut = Link(8)
    arrivals = []

    async def run(ctx):
        ctx.set(dut.o.ready, 1)
        ctx.set(dut.i.valid, 1)
        for cycle in range(20):
            ctx.set(dut.i.payload, cycle)
            _, _, ready, valid, word = await ctx.tick().sample(
                dut.i.ready, dut.o.valid, dut.o.payload)
            assert ready
            if valid:
                arrivals.append((cycle, word))

    simulate(dut, run)
    assert arrivals == [(cycle, cycle - 1) for cycle in range(1, 20)]
