"""`Residues` alone: right sums are never called wrong, and every flipped bit is."""

import dataclasses
from random import Random

import pytest

from hw.config import TorusConfig
from hw.mac.residues import Residues
from tests.support.hw_bench import simulate

BASE = TorusConfig(buffer_words=64, max_fan_in=32, weight_words=256, bias_words=16, act_bits=9,
                   weight_bits=12, checks=2)


def signed_word(random, bits):
    return random.choice([random.getrandbits(bits) - (1 << bits - 1), 0, -1 << bits - 1])


def found_bad(config, term_cycles, change, sums=150, seed=1):
    """Run sums of 1 to 4 rows, some of them after each other; return for each whether it is bad.

    `change` is given a random generator and a whole sum of a lane, and returns what the sum reads.
    """
    random, dut, found = Random(seed), Residues(config, term_cycles), []
    rows = []  # Of each cycle: words, weights, start, sums after it, whether it is the last; or no.
    for _ in range(sums):
        start, count = signed_word(random, config.bias_bits), random.randint(1, 4)
        totals = [start] * config.lanes_out
        for row in range(count):
            rows += [None] * random.choice([0, 0, 1, 3])
            words = [signed_word(random, config.act_bits) for _ in range(config.lanes_in)]
            weights = [[signed_word(random, config.weight_bits) for _ in words] for _ in totals]
            totals = [total + sum(map(int.__mul__, words, lane))
                      for total, lane in zip(totals, weights, strict=True)]
            rows.append((words, weights, start, list(totals), row == 0, row == count - 1))
    rows += [None] * 8

    async def testbench(ctx):
        for cycle in range(len(rows)):
            now, then, after = (rows[cycle - late] if cycle >= late else None
                                for late in (0, term_cycles, term_cycles + 1))
            done = after is not None and after[5]
            if now is not None:
                for at, word in enumerate(now[0]):
                    ctx.set(dut.words[at], word)
                for lane, weights in enumerate(now[1]):
                    for at, weight in enumerate(weights):
                        ctx.set(dut.weights[lane][at], weight)
            ctx.set(dut.en, then is not None)
            if then is not None:
                ctx.set(dut.first, then[4])
                ctx.set(dut.start, then[2])
            if after is not None:
                lane = random.randrange(config.lanes_out)
                for at, total in enumerate(after[3]):
                    ctx.set(dut.sums[at], change(random, total) if at == lane else total)
            ctx.set(dut.done, done)
            ends.append(done)
            await ctx.tick()
            if ctx.get(dut.bad):
                assert ends[cycle + 1 - dut.CHECK_CYCLES]
            if cycle + 1 >= dut.CHECK_CYCLES and ends[cycle + 1 - dut.CHECK_CYCLES]:
                found.append(ctx.get(dut.bad))
    ends = []
    simulate(dut, testbench)
    assert len(found) == sums
    return found


@pytest.mark.parametrize("lanes_in, lanes_out", [(1, 1), (2, 2), (1, 4)])
def test_sums(lanes_in, lanes_out):
    config = dataclasses.replace(BASE, lanes_in=lanes_in, lanes_out=lanes_out)
    term_cycles = 2 + (lanes_in > 1)
    assert not any(found_bad(config, term_cycles, lambda random, total: total))
    assert all(found_bad(config, term_cycles, lambda random, total: total + random.choice(
        [-1, 1]) * (1 << random.randrange(config.acc_bits - 2))))


def test_a_difference_of_three_is_not_seen():
    """As it must be: so the remainder is looked at, not something else."""
    assert not any(found_bad(BASE, 2, lambda random, total: total // 2 * 0 + total + 3))
