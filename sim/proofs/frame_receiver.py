"""`FrameReceiver`: the words of right frames are kept once, in order and unchanged, no others."""

from typing import Any

from amaranth import *

from hw.link_config import LinkConfig

from .crc import crc_after
from .inside import Inside
from .rtl import Rtl
from .spec import Spec, any_constant, any_value

__all__ = ["frame_receiver_spec"]

_HEADER_BYTES = 7
_GAP_CYCLES, _HOLD_CYCLES = 16, 8  # What the receiver's contract says of its neighbours.
_CRC_FIRST, _CRC_RESIDUE = 0xFFFFFFFF, 0xDEBB20E3


def frame_receiver_spec(rtl: Rtl, link: LinkConfig) -> Spec:
    """Any bytes and ends of frames, as close as they may be: whole frames, damaged and repeated.

    Beside the block a frame is read by its format (docs/host_link.md). Any one byte of the stream
    of words is watched, by its number, and the byte of the buffer where it belongs. From the end of
    the frame that brings it until its word is read, the buffer must hold what the frame had there.
    A reader takes words at any time, and begins anew two cycles after an OPEN. A reset comes at any
    time.
    """
    spec = Spec(restarts=True)
    m = spec.m
    m.submodules.receiver = receiver = rtl.module("uart.frame_receiver").FrameReceiver(link)
    frame = _Frame(spec, receiver, link)
    watch = _Watch(spec, receiver, link, frame)
    repeated = Signal()  # A frame with words came again, and was not taken.
    with m.If(frame.arrives & ~frame.takes & ~frame.opens & (frame.number != receiver.expected)
              & (receiver.expected == 1)):
        m.d.sync += repeated.eq(1)
    spec.goal = watch.kept & repeated
    spec.look_inside(lambda: _lemmas(spec, receiver, link, frame, watch))
    return spec


class _Frame:
    """The frame that is coming, and what is known when it ends.

    Attributes
    ----------
    comes, byte, ends
        A byte comes; the frame ends.
    header, length
        Bytes of its header that have come; bytes behind the header, with those of the CRC.
    number, session, opens
        As its header has them, once they have come.
    expected, opened, now
        The word that the board expects, whether there is a session, and its number.
    takes
        It has the words that are expected, if it is right.
    crowded
        It had more words than there is room for.
    read, used
        The word that is read next, and how many words are waiting to be read.
    ended, found, right, arrives
        It ended in the cycle before; whether it is right has been found and not been told; it is
        right; that is told now.
    gap, held, waited, opening
        Cycles until a byte may come, of `hold` so far, since it was found; an OPEN arrived in the
        cycle before.
    """

    def __init__(self, spec: Spec, receiver: Any, link: LinkConfig) -> None:
        m = spec.m
        places = link.place_bits
        self.comes, self.ends, self.byte = Signal(), Signal(), any_value(m, "byte", 8)
        whole = any_value(m, "whole", 1)
        self.gap = Signal(range(_GAP_CYCLES + 1))
        item, is_end = any_value(m, "comes_now", 1) & (self.gap == 0), any_value(m, "is_end", 1)
        m.d.comb += [
            self.comes.eq(item & ~is_end), self.ends.eq(item & is_end),
            receiver.i.valid.eq(item), receiver.i.p.end.eq(is_end),
            receiver.i.p.byte.eq(self.byte), receiver.i.p.whole.eq(whole),
        ]
        m.d.sync += self.gap.eq(Mux(self.ends, _GAP_CYCLES, Mux(self.gap == 0, 0, self.gap - 1)))
        self.held, self.waited = Signal(range(_HOLD_CYCLES + 1)), Signal(range(_GAP_CYCLES))
        hold = any_value(m, "holds", 1) & (self.held != _HOLD_CYCLES)
        m.d.comb += receiver.hold.eq(hold)
        m.d.sync += self.held.eq(Mux(hold, self.held + 1, 0))

        self.header, self.length = Signal(range(_HEADER_BYTES + 1)), Signal(16 + 2)
        self.fields = Signal(8 * _HEADER_BYTES)
        self.crc = Signal(32, init=_CRC_FIRST)
        self.session, self.opens = self.fields[:7], self.fields[7]
        self.rewinds = self.fields[23]
        self.number = self.fields[24:40]
        self.expected, self.opened, self.now = Signal(16), Signal(), Signal(7)
        self.told = Signal(8 + 6 + 16)
        self.crowded, self.whole = Signal(), Signal()
        self.ended, self.found, self.right = Signal(), Signal(), Signal()
        self.arrives, self.opening, self.takes = Signal(), Signal(), Signal()
        self.read, self.used = Signal(places), Signal(places)
        of_session = self.opened & (self.session == self.now)
        words = self.length[2:]
        m.d.comb += [
            self.takes.eq(of_session & ~self.opens & (self.number == self.expected)),
            self.used.eq(self.expected - self.read),
            self.arrives.eq(self.found & self.right & ~hold),
            receiver.read_word.eq(self.read),
        ]
        with m.If(self.comes):
            m.d.sync += self.crc.eq(crc_after(self.crc, self.byte))
            with m.If(self.header == _HEADER_BYTES):
                m.d.sync += [self.length.eq(self.length + 1), self.crowded.eq(
                    self.crowded | ((self.used + words)[:places] == link.buffer_words))]
            with m.Else():
                m.d.sync += [self.fields.word_select(self.header, 8).eq(self.byte),
                             self.header.eq(self.header + 1)]
        m.d.sync += [self.ended.eq(self.ends), self.opening.eq(self.arrives & self.opens)]
        with m.If(self.ends):
            m.d.sync += self.whole.eq(whole)
        with m.If(~hold):
            m.d.sync += self.found.eq(0)
        m.d.sync += self.waited.eq(Mux(self.found, self.waited + 1, 0))
        with m.If(self.ended):
            m.d.sync += [self.found.eq(1), self.waited.eq(0), self.right.eq(
                self.whole & (self.header == _HEADER_BYTES) & (self.crc == _CRC_RESIDUE)
                & (self.length[:2] == 0) & (words != 0) & ~self.crowded
                & (of_session | self.opens))]
        moves = any_value(m, "reads", 1) & (self.used != 0) & ~self.opening
        self.moves = moves
        with m.If(self.opening):
            m.d.sync += self.read.eq(0)
        with m.Elif(moves):
            m.d.sync += self.read.eq(self.read + 1)
        with m.If(self.arrives):
            m.d.sync += [self.now.eq(self.session),
                         self.told.eq(Cat(self.fields[8:22], self.fields[40:]))]
            with m.If(self.opens):
                m.d.sync += [self.opened.eq(1), self.expected.eq(0)]
            with m.Elif(self.takes):
                m.d.sync += self.expected.eq(self.expected + words - 1)
        # A frame begins anew with its first byte; until then that of before is looked at.
        with m.If(self.gap == 1):
            m.d.sync += [self.header.eq(0), self.length.eq(0), self.crowded.eq(0),
                         self.crc.eq(_CRC_FIRST)]
        self._check(spec, receiver)

    def _check(self, spec: Spec, receiver: Any) -> None:
        spec.check("a frame arrives that is not right, or a right one does not",
                   receiver.arrived == self.arrives)
        spec.check("it is said to ask for something else",
                   ~self.arrives | ((receiver.opens == self.opens)
                                    & (receiver.rewinds == self.rewinds)))
        spec.check("another word is expected", receiver.expected == self.expected)
        spec.check("another session", (receiver.opened == self.opened)
                   & (receiver.session == self.now))
        spec.check("something else is told than the latest frame said", Cat(
            receiver.tag, receiver.most_words, receiver.acknowledged) == self.told)


class _Watch:
    """Any byte of the stream of words, and the byte of the buffer where it belongs.

    Attributes
    ----------
    place, behind
        Its number, and how far it is behind the first byte that is expected.
    cell
        What the buffer has there.
    came, kept, byte
        What the frame that is coming has there; whether a right frame brought it and it was not
        read, and what that was.
    """

    def __init__(self, spec: Spec, receiver: Any, link: LinkConfig, frame: _Frame) -> None:
        m = spec.m
        self.place = any_constant(m, "watched_place", 16 + 2)
        self.behind = Signal(16 + 2)
        self.cell, self.came, self.byte = Signal(8, reset_less=True), Signal(8), Signal(8)
        self.kept = Signal()
        address = self.place[:(link.buffer_bytes - 1).bit_length()]
        m.d.comb += self.behind.eq(self.place - (frame.expected << 2))
        with m.If(receiver.write_en & (receiver.write_at == address)):
            m.d.sync += self.cell.eq(receiver.write_data)
        with m.If(frame.comes & (frame.header == _HEADER_BYTES) & (frame.length == self.behind)):
            m.d.sync += self.came.eq(frame.byte)
        with m.If(frame.arrives & frame.opens):
            m.d.sync += self.kept.eq(0)
        with m.Elif(frame.arrives & frame.takes & (self.behind + 4 < frame.length)):
            m.d.sync += [self.kept.eq(1), self.byte.eq(self.came)]
        with m.Elif(frame.moves & (frame.read == self.place[2:][:len(frame.read)])):
            m.d.sync += self.kept.eq(0)
        spec.check("a word of the buffer is another than the frame had",
                   ~self.kept | (self.cell == self.byte))


def _lemmas(spec: Spec, receiver: Any, link: LinkConfig, frame: _Frame, watch: _Watch) -> None:
    """Tie the registers of the block to the frame that is coming."""
    inside = Inside(receiver, "checksum")
    places = link.place_bits
    between = (frame.gap != 0)
    told = between & ~frame.ended & ~frame.found  # What is left of the frame before says nothing.
    in_words = frame.header == _HEADER_BYTES
    crc = inside.submodule("checksum")["crc_reg"][::-1]
    fresh = (frame.header == 0) & (frame.length == 0)
    spec.lemma("crc", Mux(inside["at_start"], between | (fresh & (frame.crc == _CRC_FIRST)),
                          crc == frame.crc))
    spec.lemma("first byte", inside["at_start"] == (
        (between & ~frame.ended) | (frame.header == 0)))
    left = inside["header_left"]
    spec.lemma("header", Mux(between & ~frame.ended, left == _HEADER_BYTES,
                             left + frame.header == _HEADER_BYTES))
    spec.lemma("length", (frame.header <= _HEADER_BYTES) & (in_words | (frame.length == 0)))
    for name, first, last in (("session", 0, 7), ("opens", 7, 8), ("tag", 8, 16),
                              ("most_words", 16, 22), ("rewinds", 23, 24),
                              ("acknowledged", 40, 56)):
        for start in range(first, last, 8):
            stop = min(last, start + 8 - start % 8)
            held = inside[name][start - first:stop - first]
            spec.lemma(f"{name} from {start}", (frame.header * 8 < stop)
                       | (held == frame.fields[start:stop]))
    if link.registered:
        for start in (0, 8):
            spec.lemma(f"number from {start}", (frame.header * 8 < 32 + start)
                       | (inside["number"][start:start + 8] == frame.number[start:start + 8]))
        spec.lemma("number_fits", (frame.header <= 5) | told
                   | (inside["number_fits"] == (frame.number == frame.expected)))
    else:
        low = frame.number[:8] == frame.expected[:8]
        spec.lemma("number_fits", (frame.header < 4) | told | (inside["number_fits"] == (
            low & ((frame.header == 4) | (frame.number == frame.expected)))))
    spec.lemma("place", ~in_words | told
               | (inside["place"] == ((frame.expected << 2) + frame.length)[:16 + 2]))
    spec.lemma("overflow", ~in_words | (between & ~frame.ended)
               | (inside["overflow"] == frame.crowded))
    spec.lemma("not crowded in a header", in_words | ~frame.crowded)
    spec.lemma("room", frame.opening | (frame.used < link.buffer_words))
    spec.lemma("room for the frame", ~in_words | frame.crowded | ~(
        ~between | frame.ended | (frame.found & frame.right)) | (
            (frame.used + ((frame.length + 3) >> 2)) <= link.buffer_words))
    spec.lemma("ended", (inside["ended"] == frame.ended)
               & (~frame.ended | (inside["whole"] == frame.whole)))
    spec.lemma("checked", (inside["checked"] == frame.found)
               & (~frame.found | (inside["right"] == frame.right)))
    spec.lemma("right", ~(frame.found & frame.right) | (
        in_words & (frame.length[:2] == 0) & (frame.length != 0) & ~frame.crowded
        & (frame.opens | (frame.opened & (frame.session == frame.now)))))
    spec.lemma("gap", (frame.gap <= _GAP_CYCLES) & (~frame.ended | (frame.gap == _GAP_CYCLES))
               & (~frame.found | ((frame.gap + frame.waited == _GAP_CYCLES - 1)
                                  & (frame.waited <= frame.held)))
               & (frame.held <= _HOLD_CYCLES) & ~(frame.ended & frame.found)
               & (~frame.opening | ((frame.gap != 0) & ~frame.found & ~frame.ended
                                    & (frame.expected == 0))))
    coming = in_words & frame.takes & ~frame.crowded & (
        ~between | frame.ended | (frame.found & frame.right))
    spec.lemma("the watched byte of the frame", ~coming | (watch.behind >= frame.length)
               | (watch.cell == watch.came))
    spec.lemma("the watched byte has not been read", ~watch.kept | (~frame.opening & (
        (watch.place[2:] - frame.read)[:places] < frame.used)))
