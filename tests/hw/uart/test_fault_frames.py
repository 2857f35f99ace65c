"""What the board's frames say of the faults that a torus with `checks` finds."""

import dataclasses
import struct
import zlib

import pytest

from hw.fault_places import FaultPlace
from hw.link_config import FAULTS_MAGIC, LinkConfig
from hw.uart.frame_receiver import FrameReceiver
from hw.uart.frame_sender import FrameSender
from tests.support.hw_bench import simulate, watcher

LINK = LinkConfig(clock_hz=4_000_000, buffer_bytes=512)
HARDWARE_ID, WEIGHTS_ID = 0x0123_4567_89AB_CDEF, 0xFEED_BEEF
NODES, BITS = 7, 12
FLAGS = [0, 3, 0, 1 << FaultPlace.LINK, 0, 0x809, 0x100]
HEADER = struct.Struct("<BBHHH")


def host_content(session, tag, *, most_words=60, opens=False, asks=False):
    content = struct.pack("<BBBHH", session | opens << 7, tag, most_words | asks << 6, 0, 0)
    return content + zlib.crc32(content).to_bytes(4, "little")


def frames_of(items):
    """The frames of bytes, each its header and its words, held against their CRCs."""
    found, frame = [], b""
    for item in items:
        frame += bytes([item.byte])
        if item.last:
            assert zlib.crc32(frame[:-4]).to_bytes(4, "little") == frame[-4:]
            found.append((HEADER.unpack_from(frame), frame[HEADER.size:-4]))
            frame = b""
    assert frame == b""
    return found


@pytest.mark.parametrize("checks", [False, True])
def test_a_frame_asks_for_faults(checks):
    """Bit 6 of its third byte; the words of a frame are limited by the bits below it alone."""
    dut, found = FrameReceiver(LINK, checks=checks), []

    async def feed(ctx):
        for tag, (asks, opens) in enumerate([(0, 1), (1, 0), (0, 0), (1, 0)]):
            content = host_content(3, tag, most_words=37, opens=opens, asks=asks)
            for byte in [*content, None]:
                ctx.set(dut.i.payload, {"byte": byte or 0, "end": byte is None, "whole": 1})
                ctx.set(dut.i.valid, 1)
                await ctx.tick()
                ctx.set(dut.i.valid, 0)
            for _ in range(16):
                if ctx.get(dut.arrived):
                    asked = bool(ctx.get(dut.asks_faults)) if checks else None
                    found.append((asks, asked))
                await ctx.tick()
            assert ctx.get(dut.most_words) == 37

    simulate(dut, feed)
    assert found == [(asks, bool(asks) if checks else None) for asks in (0, 1, 0, 1)]


@pytest.mark.parametrize("registered", [False, True])
@pytest.mark.parametrize("input_bits", [0, 8])
def test_what_frames_say(registered, input_bits):
    """A HELLO, an answer without faults, one with some, FAULTS, and a HELLO in their place."""
    link = dataclasses.replace(LINK, registered=registered, input_bits=input_bits)
    dut = FrameSender(link, HARDWARE_ID, WEIGHTS_ID, fault_nodes=NODES, fault_bits=BITS)
    items = []

    async def receiver(ctx):
        ctx.set(dut.most_words, 60)
        ctx.set(dut.space, 127)
        ctx.set(dut.o.ready, 1)
        for opens, asks, flags in [(1, 0, None), (0, 0, None), (0, 0, FLAGS), (0, 1, FLAGS),
                                   (0, 0, FLAGS), (1, 1, None)]:
            ctx.set(dut.faults, sum(of_node << node * BITS
                                    for node, of_node in enumerate(flags or [])))
            await ctx.tick().repeat(2)
            ctx.set(dut.arrived, 1)
            ctx.set(dut.opens, opens)
            ctx.set(dut.asks_faults, asks)
            await ctx.tick()
            ctx.set(dut.arrived, 0)
            ctx.set(dut.opened, 1)
            await ctx.tick().repeat(100)

    simulate(dut, receiver, background=[watcher(dut.o, items)])
    hello = (b"CLT\x04" + HARDWARE_ID.to_bytes(8, "little") + WEIGHTS_ID.to_bytes(4, "little")
             + bytes([input_bits, 0, 0, 0]))
    found = [(bool(first & 0x80), space & 0x7FFF, bool(space >> 15), words)
             for (first, _, space, _, _), words in frames_of(items)]
    faults = FAULTS_MAGIC + struct.pack("<7H", *FLAGS) + bytes(2)
    assert found == [(True, 127, False, hello), (False, 127, False, b""), (False, 127, True, b""),
                     (True, 127, True, faults), (False, 127, True, b""), (True, 127, False, hello)]


def test_words_go_on_behind_faults():
    """FAULTS take no number: the words of the torus that wait come next, from where they were."""
    dut, items = FrameSender(LINK, HARDWARE_ID, WEIGHTS_ID, fault_nodes=NODES, fault_bits=BITS), []

    async def receiver(ctx):
        ctx.set(dut.opened, 1)
        ctx.set(dut.most_words, 3)
        ctx.set(dut.o.ready, 1)
        ctx.set(dut.faults, 1)
        ctx.set(dut.arrived, 1)
        ctx.set(dut.asks_faults, 1)
        await ctx.tick()
        ctx.set(dut.arrived, 0)
        ctx.set(dut.written, 5)
        await ctx.tick().repeat(150)

    simulate(dut, receiver, background=[watcher(dut.o, items)])
    found = [(bool(first & 0x80), number, len(words) // 4)
             for (first, _, _, number, _), words in frames_of(items)]
    assert found == [(True, 0, 5), (False, 0, 3), (False, 3, 2)]
