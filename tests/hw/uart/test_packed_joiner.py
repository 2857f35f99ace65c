# amaranth: UnusedElaboratable=no
"""Packed beats in the RTL against a reference that reads the segments of a bit string."""

import dataclasses
from random import Random

import numpy as np
import pytest

from hw.config import ConfigError, TorusConfig
from hw.link_config import LinkConfig
from hw.tops import board_verilog
from hw.uart.host_link import HostLink
from hw.uart.packed_joiner import PackedJoiner
from sw_driver.program.host_stream import words_to_beats
from sw_driver.serial.packing import pack_beats
from tests.support.hw_bench import getter, simulate

BUFFER_BYTES = 512


def random_segments(seed, host_bits, word_bits, input_bits, count=6):
    """Segments as (packed, signed, shift, beats as numbers), and the words of the link for them."""
    random = Random(seed)
    lanes, out, beats = host_bits // word_bits, b"", []
    for number in range(count):
        size, packed = random.randint(0, 5), bool((number + seed) % 3)
        signed, shift = random.random() < 0.5, random.randint(0, word_bits - 1)
        out += (size | shift << 24 | signed << 29 | packed << 30).to_bytes(4, "little")
        if not packed:
            data = random.randbytes(size * host_bits // 8)
            out += data
            step = host_bits // 8
            beats += [int.from_bytes(data[at:at + step], "little")
                      for at in range(0, len(data), step)]
            continue
        bits = 0
        for place in range(size * lanes):
            field = random.getrandbits(input_bits)
            bits |= field << place * input_bits
            value = field - (1 << input_bits) if signed and field >> (input_bits - 1) else field
            word = (value << shift) & ((1 << word_bits) - 1)
            if place % lanes == 0:
                beats.append(0)
            beats[-1] |= word << place % lanes * word_bits
        words = -(-size * lanes * input_bits // 32)
        bits |= random.getrandbits(32) << size * lanes * input_bits  # What nobody reads.
        out += (bits & ((1 << 32 * words) - 1)).to_bytes(4 * words, "little")
    return out, beats


def rtl(data, count, host_bits, word_bits, input_bits, stall, seed, beat_words=None):
    """Give the words of a link bit by bit to a joiner; return its beats and the cycles it took."""
    link = LinkConfig(clock_hz=4_000_000, buffer_bytes=BUFFER_BYTES, input_bits=input_bits)
    dut, beats, cycles = PackedJoiner(link, host_bits, word_bits, beat_words), [], [0]

    async def buffer(ctx):
        async for _, _, asked, read in ctx.tick().sample(dut.read_at, dut.read_word):
            cycles[0] += len(beats) < count
            ctx.set(dut.read_data, data[asked] if asked < len(data) else 0)
            assert read <= len(data) // 4

    async def arrivals(ctx):
        random, words = Random(seed), 0
        while words < len(data) // 4:
            if stall == 0:
                words = len(data) // 4
            elif random.random() < 0.1:
                words += 1
            ctx.set(dut.expected, words)
            await ctx.tick()

    simulate(dut, arrivals, getter(dut.o, count, beats, stall, seed), background=[buffer])
    return beats, cycles[0]


@pytest.mark.parametrize("host_bits, word_bits, input_bits", [
    (64, 16, 8), (32, 16, 8), (64, 16, 5), (32, 8, 1), (64, 18, 12), (128, 12, 4), (32, 18, 17)])
@pytest.mark.parametrize("stall, seed", [(0.0, 1), (0.4, 2), (0.8, 3)])
def test_segments(host_bits, word_bits, input_bits, stall, seed):
    print(f"seed {seed}")
    data, beats = random_segments(seed, host_bits, word_bits, input_bits)
    found, _ = rtl(data[:BUFFER_BYTES], len(beats), host_bits, word_bits, input_bits, stall, seed)
    assert found == beats


@pytest.mark.parametrize("input_bits, byte_cycles", [(8, 2), (4, 3), (12, 3), (5, 9)])
def test_a_byte_takes_as_many_cycles_as_it_says(input_bits, byte_cycles):
    """16 beats of 4 words; a header takes 10 cycles."""
    size, lanes = 16, 4
    words = -(-size * lanes * input_bits // 32)
    data = (size | 1 << 30).to_bytes(4, "little") + bytes(range(1, 4 * words + 1))
    _, cycles = rtl(data, size, 64, 16, input_bits, 0.0, 0)
    assert cycles <= size * lanes * input_bits // 8 * byte_cycles + 20


def test_a_beat_of_a_torus_whose_links_move_two_words_has_no_odd_word(monkeypatch):
    """64 bits have room for three words of 18 bits, of which such a torus takes two."""
    config = TorusConfig(act_bits=18, lanes_in=2, link_words=2)
    random = Random(5)
    words = np.array([[random.getrandbits(12) for _ in range(20)]])
    packed, count = pack_beats(config, words_to_beats(config, words), 12)
    assert count == 10
    beats = [int(low) | int(high) << 32 for low, high in words_to_beats(config, words)]
    found, _ = rtl(packed, len(beats), 64, 18, 12, 0.0, 1, config.beat_words)
    assert found == beats
    link = LinkConfig(clock_hz=4_000_000, buffer_bytes=BUFFER_BYTES, input_bits=12)
    asked = []

    def host_link(*arguments):
        asked.append(HostLink(*arguments))
        return asked[0]

    monkeypatch.setattr("hw.board_top.HostLink", host_link)
    board_verilog(dataclasses.replace(config, rows=1, cols=1), link)
    assert asked[0].beat_words == 2


def test_a_width_that_does_not_fit_is_refused():
    with pytest.raises(ConfigError, match="input_bits must be 0 to 17, not 18"):
        LinkConfig(clock_hz=4_000_000, input_bits=18)
    link = LinkConfig(clock_hz=4_000_000, input_bits=8)
    HostLink(link, 64, 0, word_bits=9)
    with pytest.raises(ConfigError, match="input_bits must be 1 to 7, less than the 8 bits of a "
                                          "word of the torus, or 0 for none, not 8"):
        HostLink(link, 64, 0, word_bits=8)
