"""`ReverseGateway`: sums for the host come out as words when they are due, the others go on."""

from random import Random

import pytest

from hw.config import TorusConfig, TrainingConfig
from hw.host.reverse_gateway import ReverseGateway
from tests.support.hw_bench import getter, putter, simulate

CONFIG = TorusConfig(act_bits=8, weight_bits=8, training=TrainingConfig(grad_bits=8))


@pytest.mark.parametrize("stall", [0.0, 0.5])
def test_each_sum_goes_where_it_belongs(stall):
    dut, random = ReverseGateway(CONFIG), Random(7)
    limit = 1 << (CONFIG.acc_bits - 1)
    sums = [{"sum": random.choice([random.randrange(-limit, limit), -1, -limit, limit - 1]),
             "to_host": random.getrandbits(1)} for _ in range(60)]
    for_host = [one["sum"] for one in sums if one["to_host"]]
    gone_on, words = [], []

    async def is_due(ctx):
        """Each fifth sum for the host closes a beat; it is due some cycles after the one before."""
        for number in range(len(for_host)):
            for _ in range(random.randrange(4)):
                await ctx.tick()
            ctx.set(dut.is_due, 1)
            ctx.set(dut.is_last, number % 5 == 4)
            done = 0
            while not done:
                _, _, done = await ctx.tick().sample(dut.handed_out)
            ctx.set(dut.is_due, 0)

    simulate(dut, is_due, putter(dut.i, sums, stall, seed=1),
             getter(dut.o, len(sums) - len(for_host), gone_on, stall, seed=2),
             getter(dut.words, len(for_host) * CONFIG.sum_chunks, words, stall, seed=3))
    assert [one.sum for one in gone_on] == [one["sum"] for one in sums if not one["to_host"]]
    assert not any(one.to_host for one in gone_on)
    chunks, mask = CONFIG.sum_chunks, (1 << CONFIG.word_bits) - 1
    assert [(word.word, word.last) for word in words] == [
        (total >> chunk * CONFIG.word_bits & mask, number % 5 == 4 and chunk == chunks - 1)
        for number, total in enumerate(for_host) for chunk in range(chunks)]
