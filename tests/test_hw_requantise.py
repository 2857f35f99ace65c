"""`Requantise` against rounding and saturation written with Python's fractions."""

from fractions import Fraction
from random import Random

import pytest

from hw.config import TorusConfig
from hw.requantise import Requantise
from tests.hw_bench import simulate, watcher


def ref_requantise(sums, act_bits):
    """Python's `round` of a fraction rounds half to even."""
    low, high = -1 << (act_bits - 1), (1 << (act_bits - 1)) - 1
    results = []
    for acc, shift, relu in sums:
        word = min(max(round(Fraction(acc, 1 << shift)), low), high)
        results.append(max(0, word) if relu else word)
    return results


def rtl_requantise(config, sums):
    dut = Requantise(config)
    results = []

    async def feed(ctx):
        for acc, shift, relu in sums:
            ctx.set(dut.i.payload, {"acc": acc, "finish": {
                "shift": shift - config.min_shift, "relu": relu}})
            ctx.set(dut.i.valid, 1)
            await ctx.tick()
        ctx.set(dut.i.valid, 0)
        await ctx.tick().repeat(Requantise.LATENCY_CYCLES)

    simulate(dut, feed, background=[watcher(dut.o, results)])
    return results


@pytest.mark.parametrize("act_bits, weight_bits, max_fan_in, min_shift, shift_bits", [
    (16, 16, 256, 0, 6), (4, 4, 2, 0, 6), (8, 4, 16, 0, 5), (18, 18, 1024, 0, 6), (4, 18, 31, 0, 6),
    (16, 16, 256, 8, 4), (16, 16, 256, 15, 1), (4, 4, 2, 3, 3), (18, 18, 1024, 40, 2),
])
def test_random_sums(act_bits, weight_bits, max_fan_in, min_shift, shift_bits):
    config = TorusConfig(act_bits=act_bits, weight_bits=weight_bits, max_fan_in=max_fan_in,
                         buffer_words=1024, min_shift=min_shift, shift_bits=shift_bits)
    random = Random(act_bits * 100 + weight_bits)
    edge = 1 << (config.acc_bits - 1)
    sums = []
    for _ in range(600):
        shift = random.randint(min_shift, config.max_shift)
        # Mostly values whose result is near the range of an activation; always many exact halves.
        size = random.choice([act_bits + shift, act_bits + shift + 1, config.acc_bits, shift + 2])
        acc = random.randint(-1 << size, 1 << size) >> 1
        if random.random() < 0.3 and shift:
            acc = (acc >> shift << shift) + (1 << (shift - 1))
        sums.append((min(max(acc, -edge), edge - 1), shift, random.randint(0, 1)))
    sums += [(acc, shift, 0) for acc in (-edge, edge - 1, 0, -1, 1)
             for shift in range(min_shift, config.max_shift + 1)]
    assert rtl_requantise(config, sums) == ref_requantise(sums, act_bits)


def test_latency():
    config = TorusConfig()
    dut = Requantise(config)

    async def one(ctx):
        ctx.set(dut.i.valid, 1)
        ctx.set(dut.i.payload, {"acc": 6, "finish": {"shift": 2, "relu": 0}})
        await ctx.tick()
        ctx.set(dut.i.valid, 0)
        latency = 1
        while not ctx.get(dut.o.valid):
            await ctx.tick()
            latency += 1
        assert latency == Requantise.LATENCY_CYCLES
        assert ctx.get(dut.o.payload) == 2  # 1.5 rounds to the even neighbour.

    simulate(dut, one)
