"""`FrameSender`: answers the host, and sends it the words of the torus."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.crc.catalog import CRC32_ISO_HDLC
from amaranth.lib.wiring import In, Out

from ..layouts import framed_layout
from ..link_config import LINK_MAGIC, WORD_BYTES

__all__ = ["FrameSender"]


class FrameSender(wiring.Component):
    """The board's end of the wire to the host; docs/host_link.md says when it sends what.

    Parameters
    ----------
    link : LinkConfig
    hardware_id, weights_id : int
        Identifies the torus, 64 bits; identifies the weights in it, 32 bits.

    Members
    -------
    arrived, rewinds, opens : In(1)
    tag, session, opened, most_words, acknowledged, expected : In
        The outputs of the `FrameReceiver`.
    space : In(place_bits)
        Words that the board can still take.
    written : In(place_bits)
        Number of the word that is written next into the buffer of words to send.
    read_at, read_data : Out, In(8)
        The read port of that buffer, in bytes; a byte comes a cycle after its address.
    hold : Out(1)
        A header is being sent, so the outputs of the receiver, which it tells, must not change.
    o : Out(stream)
        Bytes of frames (`framed_layout`). A frame that has begun gives a byte in every cycle in
        which one is taken, but pauses for a cycle before the CRC; if the link is registered, the
        bytes of words come in every second cycle.
    """

    def __init__(self, link, hardware_id, weights_id):
        self.link = link
        self.hello = [*LINK_MAGIC, link.version, *hardware_id.to_bytes(8, "little"),
                      *weights_id.to_bytes(4, "little")]
        if link.input_bits:
            self.hello += link.input_bits.to_bytes(WORD_BYTES, "little")
        super().__init__({
            "arrived": In(1), "rewinds": In(1), "opens": In(1),
            "tag": In(8), "session": In(7), "opened": In(1), "most_words": In(6),
            "acknowledged": In(16), "expected": In(16),
            "space": In(link.place_bits), "written": In(link.place_bits),
            "read_at": Out(range(link.buffer_bytes)), "read_data": In(8),
            "hold": Out(1),
            "o": Out(stream.Signature(framed_layout())),
        })

    def elaborate(self, platform):
        m = Module()
        link = self.link
        m.submodules.checksum = crc = CRC32_ISO_HDLC(data_width=8).create()

        owed = Signal()
        hello_owed = Signal()
        goes_back = Signal()
        place = Signal(16 + 2)       # Number of the byte that is sent next, of all words.
        number = place[2:]
        is_hello = Signal()
        words_left = Signal(6)
        # Number of a byte in the header, a HELLO's words or the CRC.
        index = Signal(range(len(self.hello)))
        space = Signal(16)           # The space that the latest frame told of.
        half = link.buffer_words // 2
        # In a registered link these two are registers, so they are about the cycle before. That is
        # safe: by now there may be more unsent words, never fewer, since `place` is changed only in
        # "Words", long before "Idle" looks at `unsent`, and by going back, after which the state
        # "Gone back" lets a cycle pass. `much_space` only hurries a frame.
        unsent = Signal(link.place_bits)
        much_space = Signal()
        byte = self.o.p.byte
        step = Signal()              # Go on to the next byte of the words.
        # A byte of the words. In a registered link it rests in a register behind the memory, which
        # answers late in a cycle; `is_held` is low in the cycle after the byte was taken.
        held = Signal(8)
        is_held = Signal()
        in_words = Signal()
        taken = Signal()
        read = Mux(is_hello, Array(self.hello)[index], self.read_data)
        if link.registered:
            m.d.sync += [held.eq(read), is_held.eq(in_words & ~taken)]
        else:
            m.d.comb += [held.eq(read), is_held.eq(1)]
        # The address goes ahead of the byte: a read takes a cycle.
        m.d.comb += self.read_at.eq(place + step)
        # In a registered link the CRC gets each byte a cycle after it is sent.
        checks = Signal()
        m.d["sync" if link.registered else "comb"] += [
            unsent.eq(self.written - number),
            much_space.eq(self.space >= half),
            crc.data.eq(byte),
            crc.valid.eq(checks),
        ]

        with m.FSM():
            with m.State("Idle"):
                m.d.comb += crc.start.eq(1)
                m.d.sync += index.eq(0)
                with m.If(self.arrived):
                    pass  # Wait a cycle for what the frame sets below.
                with m.Elif(goes_back):
                    m.d.sync += [goes_back.eq(0), place.eq(self.acknowledged << 2)]
                    m.next = "Gone back"
                with m.Elif(self.opened & self.o.ready & (
                        owed | (unsent != 0) | ((space < half) & much_space))):
                    m.d.sync += [
                        owed.eq(0),
                        hello_owed.eq(0),
                        is_hello.eq(hello_owed),
                        space.eq(self.space),
                        words_left.eq(Mux(
                            hello_owed, len(self.hello) // WORD_BYTES,
                            Mux(unsent > self.most_words, self.most_words, unsent))),
                    ]
                    m.next = "Header"
            with m.State("Gone back"):  # `unsent` is still about the place before.
                m.next = "Idle"
            with m.State("Header"):
                header = Cat(self.session, is_hello, self.tag, space, number, self.expected)
                m.d.comb += [
                    self.hold.eq(1),
                    self.o.valid.eq(1),
                    byte.eq(header.word_select(index[:3], 8)),
                    checks.eq(self.o.ready),
                ]
                with m.If(self.o.ready):
                    m.d.sync += index.eq(index + 1)
                    with m.If(index == len(header) // 8 - 1):
                        m.d.sync += index.eq(0)
                        m.next = "Words"
                        with m.If(words_left == 0):
                            m.next = "Checked"
            with m.State("Words"):
                m.d.comb += [
                    in_words.eq(1),
                    self.o.valid.eq(is_held),
                    byte.eq(held),
                    taken.eq(self.o.ready & is_held),
                    checks.eq(taken),
                    step.eq(taken & ~is_hello),
                ]
                with m.If(taken):
                    m.d.sync += [index.eq(index + 1), place.eq(place + step)]
                    with m.If(index[:2] == WORD_BYTES - 1):
                        m.d.sync += words_left.eq(words_left - 1)
                        with m.If(words_left == 1):
                            m.d.sync += index.eq(0)
                            m.next = "Checked"
            with m.State("Checked"):
                m.next = "CRC"
            with m.State("CRC"):
                m.d.comb += [
                    self.o.valid.eq(1),
                    byte.eq(crc.crc.word_select(index[:2], 8)),
                    self.o.p.last.eq(index == 3),
                ]
                with m.If(self.o.ready):
                    m.d.sync += index.eq(index + 1)
                    with m.If(self.o.p.last):
                        m.next = "Idle"

        with m.If(self.arrived):
            m.d.sync += owed.eq(1)
            with m.If(self.opens):
                m.d.sync += hello_owed.eq(1)
            with m.If(self.opens | self.rewinds):
                m.d.sync += goes_back.eq(1)
        return m
