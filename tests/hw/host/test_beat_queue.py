"""`BeatQueue`: beats come out as of a `Queue`. tests/sim/device/test_twins.py flips bits in it."""

import dataclasses
from random import Random

import pytest
from amaranth.hdl import Fragment

from hw.cells.queue import Queue
from hw.host.beat_queue import BeatQueue, beat_queue
from hw.presets import TEST
from tests.support.hw_bench import simulate

CONFIG = dataclasses.replace(TEST, checks=3, host_bits=32, host_fifo_beats=5)


def run(beats):
    """Pass beats through, with stalls; return what came, and whether each was said to be bad."""
    dut, random = BeatQueue(CONFIG), Random(3)
    taken, bad = [], []

    async def testbench(ctx):
        sent = 0
        while len(taken) < len(beats):
            ctx.set(dut.i.valid, sent < len(beats) and random.random() < 0.7)
            ctx.set(dut.i.payload, beats[min(sent, len(beats) - 1)])
            ctx.set(dut.o.ready, random.random() < 0.6)
            if ctx.get(dut.o.valid) and ctx.get(dut.o.ready):
                taken.append(ctx.get(dut.o.payload))
                bad.append(ctx.get(dut.bad))
            elif not ctx.get(dut.o.valid):
                assert not ctx.get(dut.bad)
            sent += ctx.get(dut.i.valid) and ctx.get(dut.i.ready)
            await ctx.tick()
    simulate(dut, testbench)
    return taken, bad


def test_beats_pass():
    random = Random(1)
    beats = [random.getrandbits(32) for _ in range(200)]
    taken, bad = run(beats)
    assert taken == beats and not any(bad)


@pytest.mark.parametrize("checks, kind", [(0, Queue), (1, Queue), (2, Queue), (3, BeatQueue)])
def test_it_is_used_where_everything_is_checked(checks, kind):
    queue = beat_queue(dataclasses.replace(CONFIG, checks=checks))
    Fragment.get(queue, None)  # Amaranth warns of what nobody elaborates.
    assert isinstance(queue, kind)
