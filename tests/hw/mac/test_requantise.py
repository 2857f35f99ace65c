"""`Requantise` against rounding and saturation written with Python's fractions."""

from random import Random

import pytest

from hw.config import TorusConfig, TrainingConfig
from hw.mac.requantise import Requantise
from tests.support.activations import ref_activations, rounded
from tests.support.hw_bench import simulate, watcher


def ref_gradients(sums, grad_bits):
    return [0 if zero else rounded(acc, shift, grad_bits) for acc, shift, zero in sums]


def rtl_results(dut, drop, sums):
    """What comes out for sums with a shift each, and a bit: the `drop` of its finish."""
    results = []

    async def feed(ctx):
        for acc, shift, dropped in sums:
            ctx.set(dut.i.payload, {"acc": acc, "finish": {
                "shift": shift - dut.min_shift, drop: dropped}})
            ctx.set(dut.i.valid, 1)
            await ctx.tick()
        ctx.set(dut.i.valid, 0)
        await ctx.tick().repeat(Requantise.LATENCY_CYCLES)

    simulate(dut, feed, background=[watcher(dut.o, results)])
    return results


def random_sums(random, config, result_bits, min_shift, max_shift):
    """Sums with a shift and a bit each."""
    edge = 1 << (config.acc_bits - 1)
    sums = []
    for _ in range(600):
        shift = random.randint(min_shift, max_shift)
        # Mostly values whose result is near the range of a word; always many exact halves.
        size = random.choice([
            result_bits + shift, result_bits + shift + 1, config.acc_bits, shift + 2])
        acc = random.randint(-1 << size, 1 << size) >> 1
        if random.random() < 0.3 and shift:
            acc = (acc >> shift << shift) + (1 << (shift - 1))
        sums.append((min(max(acc, -edge), edge - 1), shift, random.randint(0, 1)))
    return sums + [(acc, shift, 0) for acc in (-edge, edge - 1, 0, -1, 1)
                   for shift in range(min_shift, max_shift + 1)]


@pytest.mark.parametrize("act_bits, weight_bits, max_fan_in, min_shift, shift_bits", [
    (16, 16, 256, 0, 6), (4, 4, 2, 0, 6), (8, 4, 16, 0, 5), (18, 18, 1024, 0, 6), (4, 18, 31, 0, 6),
    (16, 16, 256, 8, 4), (16, 16, 256, 15, 1), (4, 4, 2, 3, 3), (18, 18, 1024, 40, 2),
])
def test_random_sums(act_bits, weight_bits, max_fan_in, min_shift, shift_bits):
    config = TorusConfig(act_bits=act_bits, weight_bits=weight_bits, max_fan_in=max_fan_in,
                         buffer_words=1024, min_shift=min_shift, shift_bits=shift_bits)
    sums = random_sums(Random(act_bits * 100 + weight_bits), config, act_bits,
                       min_shift, config.max_shift)
    assert rtl_results(Requantise(config), "relu", sums) == ref_activations(sums, act_bits)


@pytest.mark.parametrize("options", [{"leaky": 1}, {"bounded": 1}, {"leaky": 1, "bounded": 1}])
@pytest.mark.parametrize("act_bits, weight_bits, max_fan_in, min_shift, shift_bits", [
    (16, 16, 256, 0, 6), (4, 4, 2, 0, 6), (18, 18, 1024, 0, 6), (8, 4, 16, 3, 3),
])
def test_leaks_and_bounds(options, act_bits, weight_bits, max_fan_in, min_shift, shift_bits):
    """Negative sums are shifted by places of their own; results lie between two words."""
    config = TorusConfig(act_bits=act_bits, weight_bits=weight_bits, max_fan_in=max_fan_in,
                         buffer_words=1024, min_shift=min_shift, shift_bits=shift_bits, **options)
    dut, random = Requantise(config), Random(act_bits)
    edge = 1 << (act_bits - 1)
    given, wanted, results = [], [], []
    for acc, shift, relu in random_sums(random, config, act_bits, min_shift, config.max_shift):
        negative_shift = random.randint(shift, config.max_shift)
        near = rounded(acc, shift, act_bits) + random.randint(-2, 2)
        low, high = sorted(min(max(bound, -edge), edge - 1) for bound in (
            random.choice([-edge, near, random.randint(-edge, edge - 1)]),
            random.choice([edge - 1, near, random.randint(-edge, edge - 1)])))
        finish = {"shift": shift - min_shift, "relu": relu}
        if config.leaky:
            finish["negative_shift"] = negative_shift - min_shift
        if config.bounded:
            finish |= {"low": low, "high": high}
        given.append({"acc": acc, "finish": finish})
        word = rounded(acc, negative_shift if config.leaky and acc < 0 else shift, act_bits)
        word = min(max(word, low), high) if config.bounded else word
        # A ReLU has no bounds besides.
        if relu and config.bounded:
            finish["relu"] = 0
        wanted.append(max(word, 0) if finish["relu"] else word)

    async def feed(ctx):
        for payload in given:
            ctx.set(dut.i.payload, payload)
            ctx.set(dut.i.valid, 1)
            await ctx.tick()
        ctx.set(dut.i.valid, 0)
        await ctx.tick().repeat(Requantise.LATENCY_CYCLES)

    simulate(dut, feed, background=[watcher(dut.o, results)])
    assert results == wanted


@pytest.mark.parametrize("act_bits, grad_bits, min_grad_shift, grad_shift_bits", [
    (16, 16, 0, 6), (8, 16, 0, 6), (16, 8, 8, 4), (18, 4, 20, 1), (4, 18, 2, 5),
])
def test_random_gradients(act_bits, grad_bits, min_grad_shift, grad_shift_bits):
    training = TrainingConfig(
        grad_bits=grad_bits, min_grad_shift=min_grad_shift, grad_shift_bits=grad_shift_bits)
    # Shifts of activations must not matter to those of gradients.
    config = TorusConfig(act_bits=act_bits, min_shift=5, shift_bits=2, training=training)
    sums = random_sums(Random(act_bits * 100 + grad_bits), config, grad_bits,
                       min_grad_shift, training.max_grad_shift)
    results = rtl_results(Requantise(config, gradients=True), "zero", sums)
    assert results == ref_gradients(sums, grad_bits)


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
