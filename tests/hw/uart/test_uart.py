"""The two ends of a UART: each against a wire that the test has, and both together."""

from random import Random

import pytest
from amaranth import *
from amaranth.lib import wiring

from hw.config import ConfigError
from hw.link_config import LinkConfig
from hw.uart.uart_rx import UartReceiver
from hw.uart.uart_tx import UartTransmitter
from tests.support.hw_bench import putter, simulate, watcher


def bits_of(byte, stop=1):
    return [0, *((byte >> bit) & 1 for bit in range(8)), stop]


def received(levels, bit_cycles, offset=0):
    """Bytes that a receiver finds in `levels`, each (level, cycles) of the wire."""
    dut = UartReceiver(bit_cycles)
    found = []

    async def drive(ctx):
        await ctx.tick().repeat(5 + offset)
        for level, cycles in levels:
            ctx.set(dut.rx, level)
            await ctx.tick().repeat(cycles)
        ctx.set(dut.rx, 1)
        await ctx.tick().repeat(12 * bit_cycles)

    simulate(dut, drive, background=[watcher(dut.o, found)])
    return found


@pytest.mark.parametrize("bit_cycles", [4, 5, 7, 12, 25])
def test_receives_back_to_back(bit_cycles):
    data = [0, 255, 0x55, 0xaa, *Random(bit_cycles).randbytes(12)]
    levels = [(bit, bit_cycles) for byte in data for bit in bits_of(byte)]
    assert received(levels, bit_cycles) == data


@pytest.mark.parametrize("scale", [0.97, 1.03])
def test_receives_at_another_rate(scale):
    data = Random(2).randbytes(12)
    ends = [round(scale * 16 * index) for index in range(10 * len(data) + 1)]
    bits = [bit for byte in data for bit in bits_of(byte)]
    levels = [(bit, end - start)
              for bit, start, end in zip(bits, ends, ends[1:], strict=False)]
    assert bytes(received(levels, 16)) == data


def test_waits_for_an_idle_wire_after_a_byte_without_a_stop_bit():
    levels = [(bit, 4) for bit in [*bits_of(0x5a, stop=0), 0, 0, 0, 1, *bits_of(0xc3)]]
    assert received(levels, 4) == [0x5a, 0xc3]


@pytest.mark.parametrize("bit_cycles, stall", [(4, 0.0), (5, 0.0), (9, 0.02)])
def test_transmits(bit_cycles, stall):
    data = [0, 255, 0x55, 0xaa, *Random(3).randbytes(8)]
    dut = UartTransmitter(bit_cycles)
    levels = []

    async def sample(ctx):
        while True:
            _, _, level = await ctx.tick().sample(dut.tx)
            levels.append(level)

    async def finish(ctx):
        await putter(dut.i, data, stall, seed=1)(ctx)
        await ctx.tick().repeat(11 * bit_cycles)

    simulate(dut, finish, background=[sample])
    found, place = [], 0
    while 0 in levels[place:]:
        place = levels.index(0, place)
        bits = levels[place:place + 10 * bit_cycles]
        # A bit has one level for all its cycles.
        assert all(len(set(bits[start:start + bit_cycles])) == 1
                   for start in range(0, len(bits), bit_cycles))
        samples = bits[::bit_cycles]
        assert samples[0] == 0 and samples[9] == 1
        found.append(sum(bit << index for index, bit in enumerate(samples[1:9])))
        place += 10 * bit_cycles
    assert found == data
    if not stall:
        first = levels.index(0)
        assert place - first == 10 * bit_cycles * len(data)


def test_both_ends_together():
    class Pair(wiring.Component):
        def __init__(self):
            self.receiver, self.transmitter = UartReceiver(4), UartTransmitter(4)
            super().__init__({})

        def elaborate(self, platform):
            m = Module()
            m.submodules += self.receiver, self.transmitter
            m.d.comb += self.receiver.rx.eq(self.transmitter.tx)
            return m

    data = list(Random(4).randbytes(40))
    dut, found = Pair(), []

    async def send(ctx):
        await putter(dut.transmitter.i, data)(ctx)
        await ctx.tick().repeat(60)

    simulate(dut, send, background=[watcher(dut.receiver.o, found)])
    assert found == data


def test_link_config():
    link = LinkConfig(12_000_000, 1_000_000, 512)
    assert (link.bit_cycles, link.buffer_words, link.place_bits) == (12, 128, 8)
    assert LinkConfig(25_000_000, 1_000_000).bit_cycles == 25
    for fields, message in (
            ({"clock_hz": 12_000_000, "baud": 4_000_000}, "baud must be at most 3000000"),
            ({"clock_hz": 12_000_000, "baud": 1_850_000},
             "baud must be within 2% .* such as 2000000, not 1850000"),
            ({"clock_hz": 12_000_000, "buffer_bytes": 1000}, "buffer_bytes must be a power of two"),
            ({"clock_hz": 12_000_000, "buffer_bytes": 256}, "buffer_bytes must be 512 to 65536"),
            ({"clock_hz": 12_000_000, "registered": 1}, "registered must be true or false, not 1"),
            ({"clock_hz": 12e6}, "clock_hz must be a whole number, not 12000000.0"),
            ({"clock_hz": 12_000_000, "baud": True}, "baud must be a whole number, not True")):
        with pytest.raises(ConfigError, match=message):
            LinkConfig(**fields)
