"""COBS in the RTL against the host's own: frames to bytes, bytes to frames, broken frames."""

from random import Random

import pytest

from hw.uart.cobs_decode import CobsDecoder
from hw.uart.cobs_encode import CobsEncoder
from sw_driver.serial.frames import cobs_decode, cobs_encode
from tests.support.hw_bench import get, put, simulate, watcher


def random_frames(seed):
    random = Random(seed)
    frames = [b"\0", b"\1", bytes(253), bytes(range(1, 253)), b"\0\1\0", b"\1\0\0"]
    for zeros in (0.0, 0.05, 0.5):
        for _ in range(2):
            frames.append(bytes(0 if random.random() < zeros else random.randrange(256)
                                for _ in range(random.randint(1, 253))))
    return frames


@pytest.mark.parametrize("registered", [False, True])
@pytest.mark.parametrize("stall, seed", [(0.0, 1), (0.3, 2)])
def test_encoder(stall, seed, registered):
    print(f"seed {seed}")
    dut, frames = CobsEncoder(registered), random_frames(seed)
    expected = b"".join(cobs_encode(frame) + b"\0" for frame in frames)
    found = bytearray()

    async def feed(ctx):
        random = Random(seed)
        for frame in frames:
            for index, byte in enumerate(frame):
                while random.random() < stall:
                    await ctx.tick()
                await put(ctx, dut.i, {"byte": byte, "last": index == len(frame) - 1})

    async def take(ctx):
        random = Random(seed + 1)
        while len(found) < len(expected):
            while random.random() < stall:
                await ctx.tick()
            found.append(await get(ctx, dut.o))

    simulate(dut, feed, take)
    assert found == expected


def decoded(data):
    """What the decoder gives for `data`: frames as (bytes, whole)."""
    dut, items = CobsDecoder(), []

    async def feed(ctx):
        for byte in data:
            ctx.set(dut.i.payload, byte)
            ctx.set(dut.i.valid, 1)
            await ctx.tick()
        ctx.set(dut.i.valid, 0)

    simulate(dut, feed, background=[watcher(dut.o, items)])
    frames, current = [], bytearray()
    for item in items:
        if item["end"]:
            frames.append((bytes(current), bool(item["whole"])))
            current.clear()
        else:
            current.append(item["byte"])
    return frames


def test_decoder():
    frames = [*random_frames(3), bytes(range(256)) * 2, b"\7" * 254, b"\7" * 255, b"\7" * 600]
    wire = b"".join(cobs_encode(frame) + b"\0" for frame in frames)
    assert decoded(wire) == [(frame, True) for frame in frames]


def test_decoder_says_which_frames_are_not_whole():
    random = Random(4)
    pieces = [cobs_encode(random.randbytes(40))[:random.randint(1, 41)] for _ in range(40)]
    found = decoded(b"".join(piece + b"\0" for piece in pieces) + b"\0\0")
    whole = [cobs_decode(piece) for piece in pieces]
    assert [ok for _, ok in found] == [piece is not None for piece in whole] + [True, True]
    assert [data for data, ok in found if ok] == [
        *(piece for piece in whole if piece is not None), b"", b""]
    assert {ok for _, ok in found} == {True, False}
