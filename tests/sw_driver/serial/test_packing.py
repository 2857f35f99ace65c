"""Segments of the host's packer, read by a reference that knows nothing of it."""

import numpy as np
import pytest

from hw.config import TorusConfig
from sw_driver.program.host_stream import words_to_beats
from sw_driver.serial.packing import pack_beats


def read_segments(config, data, input_bits):
    """The beats of segments as numbers, as docs/host_link.md says; and the kind of each."""
    beats, kinds, at = [], [], 0
    while at < len(data):
        header = int.from_bytes(data[at:at + 4], "little")
        at += 4
        count, shift = header & 0xFFFFFF, header >> 24 & 31
        signed, packed = header >> 29 & 1, header >> 30
        kinds.append((packed, shift, signed, count))
        if not packed:
            size = config.host_bits // 8
            beats += [int.from_bytes(data[place:place + size], "little")
                      for place in range(at, at + count * size, size)]
            at += count * size
            continue
        lanes = config.beat_words
        size = -(-count * lanes * input_bits // 32) * 4
        bits = int.from_bytes(data[at:at + size], "little")
        at += size
        for _ in range(count):
            beat = 0
            for lane in range(lanes):
                field = bits & ((1 << input_bits) - 1)
                bits >>= input_bits
                if signed and field >> input_bits - 1:
                    field -= 1 << input_bits
                beat |= ((field << shift) % (1 << config.word_bits)) << lane * config.word_bits
            beats.append(beat)
        assert bits == 0
    return beats, kinds


def numbers(beats):
    return [int.from_bytes(row.astype("<u4").tobytes(), "little") for row in beats]


@pytest.mark.parametrize("word_bits, host_bits, input_bits", [
    (16, 64, 8), (16, 32, 8), (8, 32, 3), (18, 64, 12), (12, 128, 1), (18, 32, 17)])
@pytest.mark.parametrize("seed", range(4))
def test_nothing_is_lost(word_bits, host_bits, input_bits, seed):
    print(f"seed {seed}")
    random = np.random.default_rng(seed)
    config = TorusConfig(act_bits=word_bits, weight_bits=word_bits, host_bits=host_bits)
    shift = int(random.integers(0, word_bits - input_bits + 1))
    low, high = (0, 1 << input_bits) if seed % 2 else (-(1 << input_bits) // 2,
                                                       (1 << input_bits) // 2)
    pieces = []
    for _ in range(5):
        pieces.append(random.integers(-(1 << word_bits - 1), 1 << word_bits - 1,
                                      (int(random.integers(0, 9)), 7)))
        narrow = random.integers(low, high, (int(random.integers(0, 60)), 7)) << shift
        pieces.append(narrow)
    beats = np.concatenate([words_to_beats(config, piece) for piece in pieces if len(piece)])
    data, packed = pack_beats(config, beats, input_bits)
    found, kinds = read_segments(config, data, input_bits)
    assert found == numbers(beats)
    assert packed == sum(count for is_packed, *_, count in kinds if is_packed)
    assert len(data) <= beats.nbytes + 4


def test_pixels_take_half_the_bytes():
    """Pixels of 8 bits at any scale, behind a program of other words."""
    random = np.random.default_rng(0)
    config = TorusConfig(host_bits=64)
    pixels = words_to_beats(config, random.integers(0, 256, (10, 784)) << 6)
    program = words_to_beats(config, random.integers(0, 1 << 16, (8, 64)))
    data, packed = pack_beats(config, np.concatenate([program, pixels]), 8)
    assert packed == len(pixels) == 1960
    assert len(data) == program.nbytes + pixels.nbytes // 2 + 8
    assert pack_beats(config, pixels[:0], 8) == (b"", 0)


def test_words_that_do_not_fit_travel_whole():
    config = TorusConfig(host_bits=64)
    beats = words_to_beats(config, np.arange(-400, 400).reshape(4, 200) * 7)
    data, packed = pack_beats(config, beats, 4)
    assert (len(data), packed) == (beats.nbytes + 4, 0)
