"""`FrameSender`: every frame is whole, has the words that its number says, and is asked for."""

from typing import Any

from amaranth import *

from hw.link_config import LINK_MAGIC, WORD_BYTES, LinkConfig

from .crc import crc_after
from .inside import Inside
from .rtl import Rtl
from .spec import Spec, Wait, any_constant, any_value
from .streams import check_holds, take

__all__ = ["frame_sender_spec"]

_HEADER_BYTES, _CRC_BYTES = 8, 4
_HARDWARE_ID, _WEIGHTS_ID = 0x0123456789ABCDEF, 0x89ABCDEF
_CRC_FIRST, _CRC_LAST = 0xFFFFFFFF, 0xFFFFFFFF
_MOST_WORDS = 60
# States of the block, in the order in which it names them.
_IDLE, _GONE_BACK, _HEADER, _WORDS, _CHECKED, _CRC = range(6)


def frame_sender_spec(rtl: Rtl, link: LinkConfig) -> Spec:
    """Frames of the host arrive at any time but in a header; words come and go at any time.

    The frames are read by their format (docs/host_link.md). Any one byte of the buffer of words to
    send is watched, by its address. A reset comes at any time.
    """
    spec = Spec(restarts=True)
    m = spec.m
    m.submodules.sender = sender = rtl.module("uart.frame_sender").FrameSender(
        link, _HARDWARE_ID, _WEIGHTS_ID)
    address = any_constant(m, "watched_address", range(link.buffer_bytes))
    byte = any_constant(m, "watched_byte", 8)
    read_at, other = Signal.like(sender.read_at, name="read_at_before"), Signal(8, name="other")
    m.d.sync += read_at.eq(sender.read_at)
    with m.If(read_at != sender.read_at):
        m.d.sync += other.eq(any_value(m, "another_byte", 8))
    m.d.comb += sender.read_data.eq(Mux(read_at == address, byte, other))
    told = _Told(spec, sender, link)
    frame = _Frame(spec, sender, link, told, address, byte)

    back = Signal(name="has_gone_back")  # After it had sent a word, to before that.
    with m.If(frame.goes_back & (frame.place > (told.acknowledged << 2))):
        m.d.sync += back.eq(1)
    spec.goal = (back & frame.goes & sender.o.p.last & (frame.words == 1) & ~frame.is_hello
                 & (byte != 0) & (frame.place[:len(address)] == address + 1))
    spec.look_inside(lambda: _lemmas(spec, sender, frame, told, read_at))
    return spec


class _Told:
    """What the `FrameReceiver` tells the sender: it changes after a frame has arrived, only then.

    Attributes
    ----------
    arrived
        One has.
    owed, hello_owed, back_owed
        An answer is owed; it is a HELLO; it begins with what the host acknowledges.
    acknowledged, most_words
        The numbers of the latest frame.
    written, space
        The words that may be sent, and the space for others.
    """

    def __init__(self, spec: Spec, sender: Any, link: LinkConfig) -> None:
        m = spec.m
        self.arrived = Signal(name="frame_arrived")
        m.d.comb += [
            self.arrived.eq(any_value(m, "arrives", 1) & ~sender.hold),
            sender.arrived.eq(self.arrived),
            sender.opens.eq(any_value(m, "opens", 1)),
            sender.rewinds.eq(any_value(m, "rewinds", 1)),
            sender.written.eq(any_value(m, "written", link.place_bits)),
            sender.space.eq(any_value(m, "space", link.place_bits)),
        ]
        for name in ("tag", "session", "opened", "most_words", "acknowledged", "expected"):
            port = getattr(sender, name)
            held = Signal.like(port, name=f"told_{name}")
            new = any_value(m, f"new_{name}", port.shape())
            if name == "most_words":
                spec.assume((new >= 1) & (new <= _MOST_WORDS))
                spec.lemma("words of a frame", held <= _MOST_WORDS)
            m.d.comb += port.eq(held)
            with m.If(self.arrived):
                m.d.sync += held.eq(new | (name == "opened"))
        self.acknowledged, self.most_words = sender.acknowledged, sender.most_words
        self.owed, self.hello_owed, self.back_owed = (
            Signal(name=name) for name in ("answer_owed", "answer_is_hello", "back_owed"))

    def follow(self, spec: Spec, sender: Any, begins: Value, goes_back: Value) -> None:
        """Say what is owed; a frame begins, or the sender goes back."""
        m = spec.m
        with m.If(begins):
            m.d.sync += [self.owed.eq(0), self.hello_owed.eq(0)]
        with m.If(goes_back):
            m.d.sync += self.back_owed.eq(0)
        with m.If(self.arrived):
            m.d.sync += self.owed.eq(1)
            with m.If(sender.opens):
                m.d.sync += self.hello_owed.eq(1)
            with m.If(sender.opens | sender.rewinds):
                m.d.sync += self.back_owed.eq(1)


class _Frame:
    """The frame that is being sent, byte by byte.

    Attributes
    ----------
    sent
        Bytes of it that have been sent; 0 between frames.
    begins
        Its first byte is shown for the first time.
    goes
        A byte is transferred.
    words, is_hello
        How many words it has, and whether these are those of a HELLO.
    place
        The number of the byte of the stream that is sent next.
    goes_back
        From here on what the host acknowledges is sent next.
    crc, paused
        Of the bytes so far; the cycle before the CRC is over.
    wait
        How long an answer has been owed that could begin.
    """

    def __init__(self, spec: Spec, sender: Any, link: LinkConfig, told: _Told, address: Value,
                 byte: Value) -> None:
        m = spec.m
        o = sender.o
        self.sent = Signal(range(_HEADER_BYTES + 4 * _MOST_WORDS + _CRC_BYTES + 1), name="sent")
        self.goes, self.place = take(spec, "o", o), Signal(16 + 2, name="place_of_stream")
        self.crc, self.paused = Signal(32, init=_CRC_FIRST, name="crc_so_far"), Signal()
        shown = Signal(name="first_byte_shown")
        self.begins, self.goes_back = Signal(name="begins"), Signal(name="goes_back_now")
        between = (self.sent == 0) & ~o.valid
        m.d.comb += [
            self.begins.eq(o.valid & (self.sent == 0) & ~shown),
            self.goes_back.eq(between & told.back_owed & ~told.arrived),
        ]
        m.d.sync += shown.eq(o.valid & (self.sent == 0) & ~self.goes)
        self.shown = shown
        # What the first byte is decided by is of the cycle before it.
        unsent, place_bits = Signal(link.place_bits, name="unsent_words"), link.place_bits
        m.d.sync += unsent.eq(sender.written - self.place[2:2 + place_bits])
        space, space_before = Signal(16, name="space_told"), Signal(16, name="space_before")
        m.d.sync += space_before.eq(sender.space)
        words, is_hello = Signal(6, name="words_before"), Signal(name="is_hello_before")
        self.words, self.is_hello = Signal(6, name="words"), Signal(name="is_hello")
        self.space, self.told_space = Signal(16, name="space"), space
        hello = [*LINK_MAGIC, link.version, *_HARDWARE_ID.to_bytes(8, "little"),
                 *_WEIGHTS_ID.to_bytes(4, "little")]
        few = Mux(unsent > told.most_words, told.most_words, unsent)
        m.d.comb += [
            self.is_hello.eq(Mux(self.begins, told.hello_owed, is_hello)),
            self.words.eq(Mux(self.begins, Mux(
                told.hello_owed, len(hello) // WORD_BYTES, few), words)),
            self.space.eq(Mux(self.begins, space_before, space)),
        ]
        m.d.sync += [words.eq(self.words), is_hello.eq(self.is_hello), space.eq(self.space)]

        self.words_end = _HEADER_BYTES + 4 * self.words
        in_header = self.sent < _HEADER_BYTES
        self.in_words = ~in_header & (self.sent < self.words_end)
        is_stream = self.in_words & ~self.is_hello
        last = self.sent == self.words_end + _CRC_BYTES - 1
        with m.If(self.goes):
            m.d.sync += [self.sent.eq(Mux(last, 0, self.sent + 1)), self.crc.eq(
                Mux(last, _CRC_FIRST, Mux(in_header | self.in_words,
                                          crc_after(self.crc, o.p.byte), self.crc))),
                self.place.eq(self.place + is_stream)]
        with m.If(self.goes_back):
            m.d.sync += self.place.eq(told.acknowledged << 2)
        m.d.sync += self.paused.eq(self.sent >= self.words_end)
        told.follow(spec, sender, self.begins, self.goes_back)
        header = Cat(sender.session, self.is_hello, sender.tag, self.space, self.place[2:],
                     sender.expected)
        checksum = (self.crc ^ _CRC_LAST).word_select((self.sent - self.words_end)[:2], 8)
        offset = (self.sent - _HEADER_BYTES)[:4]
        check_holds(spec, "o", o)
        spec.check("another byte is in the header",
                   ~(o.valid & in_header) | (o.p.byte == header.word_select(self.sent[:3], 8)))
        spec.check("another byte is in a HELLO", ~(o.valid & self.in_words & self.is_hello)
                   | (o.p.byte == Array(hello)[offset]))
        spec.check("another byte of the stream is sent", ~(o.valid & is_stream & (
            self.place[:len(address)] == address)) | (o.p.byte == byte))
        spec.check("the CRC is wrong", ~(o.valid & (self.sent >= self.words_end) & ~in_header)
                   | (o.p.byte == checksum))
        spec.check("the end of a frame is not where its words end", ~o.valid | (o.p.last == last))
        spec.check("a frame pauses, or not before its CRC", (self.sent == 0) | (
            o.valid == (in_header | self.in_words | self.paused)))
        spec.check("the receiver is held at another time than in a header",
                   sender.hold == (o.valid & in_header))
        much = (self.told_space < link.buffer_words // 2) & (
            space_before >= link.buffer_words // 2)
        spec.check("a frame begins that has nothing to say", ~self.begins | (sender.opened & (
            told.owed | (unsent != 0) | much)))
        self.unsent, self.space_before = unsent, space_before
        self.wait: Wait = spec.check_soon("an answer does not begin", between & told.owed
                                          & ~told.arrived & o.ready, 3)


def _lemmas(spec: Spec, sender: Any, frame: _Frame, told: _Told, read_at: Value) -> None:
    """Tie the registers of the block to the frame."""
    inside = Inside(sender, "checksum")
    state, index, place = (inside[name] for name in ("fsm_state", "index", "place"))
    crc = inside.submodule("checksum")["crc_reg"][::-1]
    spec.lemma("state", Mux(frame.sent == 0, state <= _HEADER, Mux(
        frame.sent < _HEADER_BYTES, state == _HEADER, Mux(frame.in_words, state == _WORDS, Mux(
            frame.paused, state == _CRC, state == _CHECKED)))))
    in_frame = state >= _HEADER
    spec.lemma("first byte", ~frame.shown | ((state == _HEADER) & (frame.sent == 0)))
    spec.lemma("index", Mux(state == _HEADER, index == frame.sent, Mux(
        state == _WORDS, index == (frame.sent - _HEADER_BYTES)[:len(index)], Mux(
            state == _CRC, (index < _CRC_BYTES) & (frame.sent == frame.words_end + index),
            (index == 0) | ((state != _CHECKED) & (state != _GONE_BACK))))))
    spec.lemma("a pause", (state != _CHECKED) | (frame.sent == frame.words_end))
    spec.lemma("gone back", (state != _GONE_BACK) | ~told.back_owed)
    spec.lemma("words left", ~in_frame | (inside["words_left"] == Mux(
        state == _HEADER, frame.words,
        Mux(state == _WORDS, frame.words - ((frame.sent - _HEADER_BYTES) >> 2), 0))))
    spec.lemma("words", ~in_frame | (frame.words <= _MOST_WORDS))
    spec.lemma("a HELLO", ~in_frame | ((inside["is_hello"] == frame.is_hello)
                                       & (~frame.is_hello | (frame.words == 4))))
    spec.lemma("between frames", (frame.sent != 0) | (frame.crc == _CRC_FIRST))
    spec.lemma("crc", (state == _IDLE) | (crc == frame.crc))
    spec.lemma("place", place == frame.place)
    spec.lemma("space", inside["space"] == frame.space)
    spec.lemma("owed", (inside["owed"] == (told.owed & ~frame.begins))
               & (inside["hello_owed"] == (told.hello_owed & ~frame.begins))
               & (inside["goes_back"] == told.back_owed))
    spec.lemma("opened", ~told.owed | sender.opened)
    spec.lemma("a frame begins where it is to", ~frame.begins | ~told.back_owed)
    spec.lemma("an answer comes step by step", ~frame.wait.owed | (frame.wait.cycles < Mux(
        state == _GONE_BACK, 2, Mux(told.back_owed, 1, 3))))
    spec.lemma("the byte that was read", ~((state == _HEADER) | (state == _WORDS))
               | (read_at == place[:len(read_at)]))
