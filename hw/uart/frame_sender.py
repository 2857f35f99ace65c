"""`FrameSender`: answers the host, and sends it the words of the torus."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.crc.catalog import CRC32_ISO_HDLC
from amaranth.lib.wiring import In, Out

from ..layouts import framed_layout
from ..link_config import (
    CHECKED_LINK_VERSION,
    FAULT_BYTES,
    FAULTS_MAGIC,
    LINK_MAGIC,
    WORD_BYTES,
)

__all__ = ["FrameSender"]


class FrameSender(wiring.Component):
    """The board's end of the wire to the host; docs/host_link.md says when it sends what.

    Parameters
    ----------
    link : LinkConfig
    hardware_id, weights_id : int
        Identifies the torus, 64 bits; identifies the weights in it, 32 bits.
    fault_nodes, fault_bits : int
        Nodes of a torus with `checks`, and the flags of each; 0 for a torus without, for which
        nothing is paid.

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
    asks_faults, faults : In(1), In
        With `fault_nodes`: with `arrived`, FAULTS are asked for; the flags of all nodes,
        `fault_bits` each, at most 16. A frame says whether a flag was set two cycles before its
        first byte. FAULTS have the flags of each node as they are when its byte is sent.
    """

    def __init__(self, link, hardware_id, weights_id, *, fault_nodes=0, fault_bits=0):
        self.link = link
        self.fault_nodes = fault_nodes
        self.fault_bits = fault_bits
        version = CHECKED_LINK_VERSION if fault_nodes else link.version
        self.hello = [*LINK_MAGIC, version, *hardware_id.to_bytes(8, "little"),
                      *weights_id.to_bytes(4, "little")]
        if link.input_bits or fault_nodes:
            self.hello += link.input_bits.to_bytes(WORD_BYTES, "little")
        super().__init__({
            "arrived": In(1), "rewinds": In(1), "opens": In(1),
            "tag": In(8), "session": In(7), "opened": In(1), "most_words": In(6),
            "acknowledged": In(16), "expected": In(16),
            "space": In(link.place_bits), "written": In(link.place_bits),
            "read_at": Out(range(link.buffer_bytes)), "read_data": In(8),
            "hold": Out(1),
            "o": Out(stream.Signature(framed_layout())),
            **({"asks_faults": In(1), "faults": In(fault_nodes * fault_bits)}
               if fault_nodes else {}),
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
        # Number of a byte in the header, in words without numbers, or in the CRC.
        index = Signal(range(self._most_bytes))
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
        unnumbered, count = Array(self.hello)[index], len(self.hello) // WORD_BYTES
        told_space, unnumbered_owed, begins = space, hello_owed, Signal()
        if self.fault_nodes:
            unnumbered_owed, unnumbered, count, told_space = self._faults(
                m, begins, index, hello_owed, unnumbered, count, space)
        read = Mux(is_hello, unnumbered, self.read_data)
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
                    if self.fault_nodes:
                        m.d.comb += begins.eq(1)
                    m.d.sync += [
                        owed.eq(0),
                        hello_owed.eq(0),
                        is_hello.eq(unnumbered_owed),
                        space.eq(self.space),
                        words_left.eq(Mux(
                            unnumbered_owed, count,
                            Mux(unsent > self.most_words, self.most_words, unsent))),
                    ]
                    m.next = "Header"
            with m.State("Gone back"):  # `unsent` is still about the place before.
                m.next = "Idle"
            with m.State("Header"):
                header = Cat(self.session, is_hello, self.tag, told_space, number,
                             self.expected)
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

    @property
    def _fault_bytes(self):
        """Bytes of FAULTS: letters, and the flags of each node, up to a whole word."""
        words = -(-self.fault_nodes * FAULT_BYTES // WORD_BYTES)
        return len(FAULTS_MAGIC) + words * WORD_BYTES

    @property
    def _most_bytes(self):
        return max(len(self.hello), self._fault_bytes if self.fault_nodes else 0)

    def _faults(self, m, begins, index, hello_owed, hello, hello_words, space):
        """Make what tells of flags.

        Returns
        -------
        owed
            A HELLO or FAULTS are owed.
        byte, words
            Byte `index` of the words without numbers of the frame that is sent: of a HELLO or of
            FAULTS; and their count, of the frame that comes next.
        told
            `space` as a header has it.
        """
        owed, is_faults, any_set, told_set = Signal(), Signal(), Signal(), Signal()
        flags = [self.faults.word_select(node, self.fault_bits)
                 for node in range(self.fault_nodes)]
        content = [*FAULTS_MAGIC, *(part for one in flags for part in (one[:8], one[8:]))]
        content += [0] * (self._fault_bytes - len(content))
        m.d.sync += any_set.eq(self.faults.any())
        with m.If(self.arrived & self.opens):
            m.d.sync += owed.eq(0)
        with m.Elif(self.arrived & self.asks_faults):
            m.d.sync += owed.eq(1)
        with m.If(begins):
            m.d.sync += [is_faults.eq(owed & ~hello_owed), told_set.eq(any_set), owed.eq(0)]
        byte = Mux(is_faults, Array(map(Value.cast, content))[index], hello)
        words = Mux(hello_owed, hello_words, self._fault_bytes // WORD_BYTES)
        return hello_owed | owed, byte, words, Cat(space[:-1], told_set)
