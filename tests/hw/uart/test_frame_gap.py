"""Bytes between frames of a link without a UART: none in the 16 cycles after a zero."""

from random import Random

import pytest

from hw.uart.frame_gap import FrameGap
from tests.support.hw_bench import putter, simulate


@pytest.mark.parametrize("stall, seed", [(0.0, 1), (0.4, 2)])
def test_no_byte_follows_an_end_at_once(stall, seed):
    print(f"seed {seed}")
    dut, came = FrameGap(), []
    data = [Random(seed).choice((0, 1, 255)) for _ in range(120)]

    async def watch(ctx):
        cycle = 0
        async for _, _, valid, byte in ctx.tick().sample(dut.o.valid, dut.o.payload):
            cycle += 1
            if valid:
                came.append((cycle, byte))

    simulate(dut, putter(dut.i, data, stall, seed), background=[watch])
    assert [byte for _, byte in came] == data
    for (before, byte), (after, _) in zip(came, came[1:], strict=False):
        assert after - before > 16 if byte == 0 else stall or after - before == 1
