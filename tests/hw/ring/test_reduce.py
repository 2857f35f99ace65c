# amaranth: UnusedElaboratable=no
"""`RingReduce` and `LutQueue`, cycle by cycle; what they add up is held by the cocotb benches."""

import pytest

from hw.cells.lut_queue import LutQueue
from hw.config import TorusConfig, TrainingConfig
from hw.ring.reduce import RingReduce
from tests.support.hw_bench import simulate

DEPTH = 4
CONFIG = TorusConfig(training=TrainingConfig(reduce_words=DEPTH))
PLACE = {"addr": 7, "shift": 3, "zero": 1}


def contribution(value, *, takes=0, keeps=0, to_host=0):
    return {"sum": value, "takes": takes, "keeps": keeps, "to_host": to_host, "place": PLACE}


@pytest.mark.parametrize("keeps", [0, 1])
@pytest.mark.parametrize("last", ["contribution", "partial sum"])
def test_latency(keeps, last):
    """2 cycles from a contribution that comes last, 1 from a partial sum."""
    dut = RingReduce(CONFIG)

    async def one(ctx):
        ctx.set(dut.o.ready, 1)
        for what in ("partial sum", "contribution") if last == "contribution" else (
                "contribution", "partial sum"):
            if what == "contribution":
                ctx.set(dut.own.payload, contribution(40, takes=1, keeps=keeps, to_host=1))
                ctx.set(dut.own.valid, 1)
            else:
                ctx.set(dut.i.payload, {"sum": -42, "to_host": 0})
                ctx.set(dut.i.valid, 1)
            assert not ctx.get(dut.o.valid) and not ctx.get(dut.complete.valid)
            await ctx.tick()
            ctx.set(dut.own.valid, 0)
            ctx.set(dut.i.valid, 0)
        if last == "contribution":
            assert not ctx.get(dut.o.valid) and not ctx.get(dut.complete.valid)
            await ctx.tick()
        assert ctx.get(dut.o.valid) == (not keeps)
        assert ctx.get(dut.complete.valid) == keeps
        assert ctx.get(dut.taken)
        if keeps:
            assert ctx.get(dut.complete.p.sum) == -2
            assert ctx.get(dut.complete.p.place).as_bits() == (
                dut.complete.p.place.shape().const(PLACE).as_bits())
        else:
            assert (ctx.get(dut.o.p.sum), ctx.get(dut.o.p.to_host)) == (-2, 1)

    simulate(dut, one)


def test_one_a_cycle():
    """Contributions and partial sums go in on every cycle, and sums come out on every cycle."""
    dut = RingReduce(CONFIG)
    sums = []

    async def stream(ctx):
        ctx.set(dut.o.ready, 1)
        ctx.set(dut.own.valid, 1)
        ctx.set(dut.i.valid, 1)
        for number in range(30):
            ctx.set(dut.own.payload, contribution(number, takes=1))
            ctx.set(dut.i.payload, {"sum": 1000 * number, "to_host": 0})
            assert ctx.get(dut.i.ready)
            if number >= 2:
                assert ctx.get(dut.o.valid)
                sums.append(ctx.get(dut.o.p.sum))
            await ctx.tick()

    simulate(dut, stream)
    assert sums == [1001 * number for number in range(28)]


def test_a_sum_stays_while_the_output_waits():
    """A sum that is kept does not wait for one before it to leave."""
    dut = RingReduce(CONFIG)

    async def hold(ctx):
        ctx.set(dut.own.valid, 1)
        ctx.set(dut.own.payload, contribution(1))
        await ctx.tick()
        ctx.set(dut.own.payload, contribution(2, keeps=1))
        await ctx.tick()
        ctx.set(dut.own.valid, 0)
        await ctx.tick()
        assert ctx.get(dut.complete.valid)
        assert (ctx.get(dut.o.valid), ctx.get(dut.o.p.sum)) == (1, 1)
        assert not ctx.get(dut.idle)
        ctx.set(dut.o.ready, 1)
        await ctx.tick()
        assert ctx.get(dut.idle)

    simulate(dut, hold)


def test_partial_sums_that_wait_do_not_keep_it_busy():
    """`reduce_words` of them wait, no more; the engine is idle."""
    dut = RingReduce(CONFIG)

    async def fill(ctx):
        ctx.set(dut.i.valid, 1)
        for number in range(10):
            assert ctx.get(dut.i.ready) == (number < DEPTH)
            assert ctx.get(dut.idle)
            await ctx.tick()

    simulate(dut, fill)


@pytest.mark.parametrize("depth", [0, 1, 3, 12])
def test_depth_is_a_power_of_two(depth):
    with pytest.raises(ValueError, match=f"depth must be a power of two, at least 2, not {depth}"):
        LutQueue(8, depth)
