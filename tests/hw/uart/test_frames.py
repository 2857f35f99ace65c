"""The two ends of the board's frames: what one holds still for the other, and what comes first."""

import dataclasses
import struct
import zlib
from random import Random

import pytest

from hw.link_config import WORD_BYTES, LinkConfig
from hw.uart.frame_receiver import FrameReceiver
from hw.uart.frame_sender import FrameSender
from tests.support.hw_bench import simulate, watcher

LINK = LinkConfig(clock_hz=4_000_000, buffer_bytes=512)
SPACING_CYCLES = 16
HEADER_BYTES = 8
ANSWER_BYTES = HEADER_BYTES + 4


def host_content(session, tag, expected, *, opens=False):
    """A frame without words, as it leaves the COBS decoder."""
    content = struct.pack("<BBBHH", session | opens << 7, tag, 60, 0, expected)
    return content + zlib.crc32(content).to_bytes(4, "little")


@pytest.mark.parametrize("start", range(6))
def test_nothing_changes_while_a_header_is_sent(start):
    """A frame ends while `hold` is high, or just before or after: it counts once, afterwards."""
    dut = FrameReceiver(LINK)
    outputs = (dut.session, dut.opened, dut.tag, dut.most_words, dut.acknowledged, dut.expected)
    arrivals, changes = [], []

    async def feed(ctx):
        held = False
        for tag, content in ((7, host_content(3, 7, 0, opens=True)), (8, host_content(3, 8, 5))):
            for byte in content:
                ctx.set(dut.i.payload, {"byte": byte, "end": 0, "whole": 0})
                ctx.set(dut.i.valid, 1)
                await ctx.tick()
                ctx.set(dut.i.valid, 0)
                await ctx.tick().repeat(SPACING_CYCLES - 1)
            for cycle in range(2 * SPACING_CYCLES):
                ctx.set(dut.i.valid, cycle == 2)
                ctx.set(dut.i.payload, {"byte": 0, "end": 1, "whole": 1})
                held = tag == 8 and start <= cycle < start + HEADER_BYTES
                ctx.set(dut.hold, held)
                before = [ctx.get(output) for output in outputs]
                if ctx.get(dut.arrived):
                    arrivals.append((tag, held))
                await ctx.tick()
                if before != [ctx.get(output) for output in outputs]:
                    changes.append((tag, held))

    simulate(dut, feed)
    assert arrivals == changes == [(7, False), (8, False)]


@pytest.mark.parametrize("registered", [False, True])
@pytest.mark.parametrize("gap", range(2 * ANSWER_BYTES + 8))
def test_an_answer_is_of_one_moment(gap, registered):
    """A second and a third frame arrive at any time after a first: each answer fits one of them."""
    dut = FrameSender(dataclasses.replace(LINK, registered=registered), 0, 0)
    # What the receiver tells after each frame: its tag, the word it expects, and the space left.
    moments = [(1, 10, 100), (2, 12, 98), (3, 14, 96)]
    items = []

    async def receiver(ctx):
        ctx.set(dut.opened, 1)
        ctx.set(dut.most_words, 60)
        ctx.set(dut.o.ready, 1)
        for (tag, expected, space), wait in zip(moments, (3, 4, gap), strict=True):
            await ctx.tick().repeat(1 + wait)
            while ctx.get(dut.hold):
                await ctx.tick()
            ctx.set(dut.arrived, 1)
            await ctx.tick()
            ctx.set(dut.arrived, 0)
            ctx.set(dut.tag, tag)
            ctx.set(dut.expected, expected)
            ctx.set(dut.space, space)
        await ctx.tick().repeat(4 * ANSWER_BYTES)

    simulate(dut, receiver, background=[watcher(dut.o, items)])
    data = bytes(item.byte for item in items)
    answers = [data[start:start + ANSWER_BYTES] for start in range(0, len(data), ANSWER_BYTES)]
    found = []
    for answer in answers:
        assert zlib.crc32(answer[:HEADER_BYTES]).to_bytes(4, "little") == answer[HEADER_BYTES:]
        _, tag, space, _, expected = struct.unpack("<BBHHH", answer[:HEADER_BYTES])
        found.append((tag, expected, space))
    assert set(found) <= set(moments) and found == sorted(found)
    assert found[-1] == moments[-1]


@pytest.mark.parametrize("registered", [False, True])
@pytest.mark.parametrize("wait", range(0, 60, 3))
def test_nothing_is_sent_that_is_not_there(wait, registered):
    """The host says in mid-answer that it has all ten words, which have not all been sent."""
    link = dataclasses.replace(LINK, registered=registered)
    dut, items = FrameSender(link, 0, 0), []

    async def receiver(ctx):
        ctx.set(dut.opened, 1)
        ctx.set(dut.most_words, 3)
        ctx.set(dut.written, 10)
        ctx.set(dut.o.ready, 1)
        await ctx.tick().repeat(4 + wait)
        while ctx.get(dut.hold):
            await ctx.tick()
        ctx.set(dut.arrived, 1)
        ctx.set(dut.rewinds, 1)
        await ctx.tick()
        ctx.set(dut.arrived, 0)
        ctx.set(dut.acknowledged, 10)
        await ctx.tick().repeat(200)

    simulate(dut, receiver, background=[watcher(dut.o, items)])
    sizes, numbers = [], []
    frame = b""
    for item in items:
        frame += bytes([item.byte])
        if item.last:
            content, crc = frame[:-4], frame[-4:]
            assert zlib.crc32(content).to_bytes(4, "little") == crc
            sizes.append((len(content) - HEADER_BYTES) // WORD_BYTES)
            numbers.append(struct.unpack_from("<H", content, 4)[0])
            frame = b""
    assert frame == b""
    assert all(number + size <= 10 for number, size in zip(numbers, sizes, strict=True))
    assert (numbers[-1], sizes[-1]) == (10, 0)


@pytest.mark.parametrize("registered", [False, True])
@pytest.mark.parametrize(("stall", "seed"), [(0.0, 3), (0.4, 4)])
def test_words_come_once_and_in_order(registered, stall, seed):
    """The words of a buffer that answers a cycle late, in frames of at most 7 words."""
    print(f"seed {seed}")
    random = Random(seed)
    link = dataclasses.replace(LINK, registered=registered)
    dut, count, items = FrameSender(link, 0, 0), 40, []
    memory = random.randbytes(link.buffer_bytes)

    async def buffer(ctx):
        async for _, _, asked in ctx.tick().sample(dut.read_at):
            ctx.set(dut.read_data, memory[asked])

    async def host(ctx):
        ctx.set(dut.opened, 1)
        ctx.set(dut.most_words, 7)
        ctx.set(dut.written, count)
        for _ in range(3000):
            ctx.set(dut.o.ready, random.random() >= stall)
            _, _, valid, ready, item = await ctx.tick().sample(
                dut.o.valid, dut.o.ready, dut.o.payload)
            if valid and ready:
                items.append(item)

    simulate(dut, host, background=[buffer])
    words, frame = b"", bytearray()
    for item in items:
        frame.append(item.byte)
        if item.last:
            content, crc = frame[:-4], frame[-4:]
            assert zlib.crc32(content).to_bytes(4, "little") == crc
            assert int.from_bytes(content[4:6], "little") == len(words) // WORD_BYTES
            assert len(content) - HEADER_BYTES <= 7 * WORD_BYTES
            words += content[HEADER_BYTES:]
            frame.clear()
    assert words == memory[:count * WORD_BYTES]
