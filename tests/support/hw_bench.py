"""Helpers of the block tests: run a component in Amaranth's simulator, put and get streams."""

from random import Random

from amaranth.sim import Simulator

DEADLINE_CYCLES = 100_000


def simulate(dut, *testbenches, background=(), deadline_cycles=DEADLINE_CYCLES):
    """Run testbenches to their end; one that is stuck fails the test."""
    sim = Simulator(dut)
    sim.add_clock(1e-6)
    unfinished = set(range(len(testbenches)))

    def recorded(index, testbench):
        async def run(ctx):
            await testbench(ctx)
            unfinished.discard(index)
        return run

    for testbench in background:
        sim.add_testbench(testbench, background=True)
    for index, testbench in enumerate(testbenches):
        sim.add_testbench(recorded(index, testbench))
    steps = 0
    while sim.advance():
        steps += 1
        if steps > 8 * deadline_cycles:
            break
    assert not unfinished, f"stuck after {deadline_cycles} cycles: {sorted(unfinished)}"


# `tick().until()` would read better, but a testbench that is abandoned inside it warns when it is
# collected, and warnings are errors.

async def put(ctx, stream, payload):
    """Offer `payload` until it is transferred."""
    ctx.set(stream.payload, payload)
    ctx.set(stream.valid, 1)
    ready = 0
    while not ready:
        _, _, ready = await ctx.tick().sample(stream.ready)
    ctx.set(stream.valid, 0)


async def get(ctx, stream):
    """Take one item."""
    ctx.set(stream.ready, 1)
    valid = 0
    while not valid:
        _, _, valid, payload = await ctx.tick().sample(stream.valid, stream.payload)
    ctx.set(stream.ready, 0)
    return payload


def putter(stream, payloads, stall=0.0, seed=0):
    """A testbench that puts all `payloads`, idle before each with probability `stall` a cycle."""
    async def testbench(ctx):
        random = Random(seed)
        for payload in payloads:
            while random.random() < stall:
                await ctx.tick()
            await put(ctx, stream, payload)
    return testbench


def getter(stream, count, into, stall=0.0, seed=0):
    """A testbench that appends `count` items of `stream` to the list `into`."""
    async def testbench(ctx):
        random = Random(seed)
        for _ in range(count):
            while random.random() < stall:
                await ctx.tick()
            into.append(await get(ctx, stream))
    return testbench


def watcher(stream, into):
    """A background testbench that appends every valid payload (of a stream that never waits)."""
    async def testbench(ctx):
        while True:
            _, _, valid, payload = await ctx.tick().sample(stream.valid, stream.payload)
            if valid:
                into.append(payload)
    return testbench
