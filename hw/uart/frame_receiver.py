"""`FrameReceiver`: checks the host's frames, keeps their words, and tells what they ask for."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.crc.catalog import CRC32_ISO_HDLC
from amaranth.lib.wiring import In, Out

from ..layouts import decoded_layout

__all__ = ["FrameReceiver"]

_HEADER_BYTES = 7


class FrameReceiver(wiring.Component):
    """The board's end of the wire from the host; docs/host_link.md has the format of a frame.

    Words are written into the buffer as they come, behind the words of earlier frames. `expected`
    moves over them when the frame turns out to be right; else the next frame overwrites them. The
    CRC is written there, too, so one word of the buffer must be left for it.

    Parameters
    ----------
    link : LinkConfig
    checks : bool
        Whether frames may ask for FAULTS. Without it, nothing is paid for it.

    Members
    -------
    i : In(stream)
        Bytes and ends of frames, up to one a cycle, but after an end none for 16 cycles; always
        taken.
    hold : In(1)
        While it is high, at most 8 cycles, `arrived` stays low and the outputs below do not change.
    write_en, write_at, write_data : Out
        The write port of the buffer, in bytes.
    read_word : In(place_bits)
        Number of the word of the buffer that is read next.
    expected : Out(16)
        Number of the word that is expected next. The words before it may be read.
    session : Out(7)
        Number of the session.
    opened : Out(1)
        There has been an OPEN.
    tag : Out(8)
        Tag of the latest frame of the session.
    most_words : Out(6)
        Words that a frame to the host may have.
    acknowledged : Out(16)
        Number of the word that the host expects next.
    arrived : Out(1)
        High for one cycle when a frame of the session has arrived; from the next cycle on the
        outputs above say what that frame said.
    rewinds, opens : Out(1)
        With `arrived`: the frame is a REWIND; it is an OPEN.
    asks_faults : Out(1)
        With `checks`, and with `arrived`: the frame asks for FAULTS.
    """

    def __init__(self, link, *, checks=False):
        self.link = link
        self.checks = checks
        super().__init__({
            "i": In(stream.Signature(decoded_layout(), always_ready=True)),
            "hold": In(1),
            "write_en": Out(1), "write_at": Out(range(link.buffer_bytes)), "write_data": Out(8),
            "read_word": In(link.place_bits),
            "expected": Out(16), "session": Out(7), "opened": Out(1), "tag": Out(8),
            "most_words": Out(6), "acknowledged": Out(16),
            "arrived": Out(1), "rewinds": Out(1), "opens": Out(1),
            **({"asks_faults": Out(1)} if checks else {}),
        })

    def elaborate(self, platform):
        m = Module()
        link = self.link
        byte, valid = self.i.p.byte, self.i.valid & ~self.i.p.end

        m.submodules.checksum = crc = CRC32_ISO_HDLC(data_width=8).create()
        at_start = Signal(init=1)
        m.d.comb += [crc.data.eq(byte), crc.valid.eq(valid), crc.start.eq(at_start)]

        # The header of the frame that is coming; it counts when the frame is complete.
        header_left = Signal(range(_HEADER_BYTES + 1), init=_HEADER_BYTES)
        opens = Signal()
        rewinds = Signal()
        session = Signal(7)
        tag = Signal(8)
        most_words = Signal(6)
        # `number` is of the frame's first word, and only a registered link keeps it. `number_fits`
        # says that this word is expected; it is right before the next byte comes.
        number = Signal(16)
        number_fits = Signal()
        acknowledged = Signal(16)
        place = Signal(16 + 2)    # Place of the byte that comes next, if it is a byte of a word.
        place_word = place[2:]
        overflow = Signal()

        in_words = header_left == 0
        of_session = self.opened & (session == self.session)
        takes = of_session & number_fits & ~opens
        full = ((place_word[:link.place_bits] ^ self.read_word)
                == link.buffer_words)  # Only the bit beyond the buffer differs.
        m.d.comb += [
            self.write_en.eq(valid & in_words & takes & ~full & ~overflow),
            self.write_at.eq(place),
            self.write_data.eq(byte),
        ]
        if link.registered:
            m.d.sync += number_fits.eq(number == self.expected)
        with m.If(valid):
            m.d.sync += at_start.eq(0)
            with m.If(in_words):
                m.d.sync += place.eq(place + 1)
                with m.If(full):
                    m.d.sync += overflow.eq(1)
            with m.Else():
                m.d.sync += header_left.eq(header_left - 1)
            with m.Switch(header_left):
                with m.Case(7):
                    m.d.sync += [session.eq(byte), opens.eq(byte[7])]
                with m.Case(6):
                    m.d.sync += tag.eq(byte)
                with m.Case(5):
                    m.d.sync += [most_words.eq(byte), rewinds.eq(byte[7])]
                    if self.checks:
                        m.d.sync += self.asks_faults.eq(byte[6])
                with m.Case(4):
                    if link.registered:
                        m.d.sync += number[:8].eq(byte)
                    else:
                        m.d.sync += number_fits.eq(byte == self.expected[:8])
                with m.Case(3):
                    if link.registered:
                        m.d.sync += number[8:].eq(byte)
                    else:
                        with m.If(byte != self.expected[8:]):
                            m.d.sync += number_fits.eq(0)
                with m.Case(2):
                    m.d.sync += acknowledged[:8].eq(byte)
                with m.Case(1):
                    m.d.sync += [
                        acknowledged[8:].eq(byte),
                        place.eq(self.expected << 2),
                        overflow.eq(0),
                    ]

        # The end of a frame is looked at when the CRC has seen the last byte. What was found counts
        # when `hold` is low.
        ended = Signal()
        whole = Signal()
        checked = Signal()
        right = Signal()
        with m.If(~self.hold):
            m.d.sync += checked.eq(0)
        with m.If(self.i.valid & self.i.p.end):
            m.d.sync += [ended.eq(1), whole.eq(self.i.p.whole)]
        with m.If(ended):
            m.d.sync += [
                ended.eq(0),
                checked.eq(1),
                right.eq(whole & in_words & crc.match_detected & (place[:2] == 0) & ~overflow
                         & (place_word != self.expected) & (of_session | opens)),
                at_start.eq(1),
                header_left.eq(_HEADER_BYTES),
            ]
        m.d.comb += [
            self.arrived.eq(checked & right & ~self.hold),
            self.rewinds.eq(rewinds),
            self.opens.eq(opens),
        ]
        with m.If(self.arrived):
            m.d.sync += [
                self.session.eq(session),
                self.tag.eq(tag),
                self.most_words.eq(most_words),
                self.acknowledged.eq(acknowledged),
            ]
            with m.If(opens):
                m.d.sync += [self.opened.eq(1), self.expected.eq(0)]
            with m.Elif(takes):
                m.d.sync += self.expected.eq(place_word - 1)  # The last word was the CRC.
        return m
