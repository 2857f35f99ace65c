"""`HostLink`: carries two streams of beats over two wires that may lose, double or flip bytes."""

from amaranth import *
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out

from .beat_joiner import BeatJoiner
from .beat_splitter import BeatSplitter
from .cobs_decode import CobsDecoder
from .cobs_encode import CobsEncoder
from .frame_gap import FrameGap
from .frame_receiver import FrameReceiver
from .frame_sender import FrameSender
from .packed_joiner import PackedJoiner
from .uart_rx import UartReceiver
from .uart_tx import UartTransmitter

__all__ = ["HostLink"]


class HostLink(wiring.Component):
    """The board's end of the host link, whose contract is docs/host_link.md.

    Parameters
    ----------
    link : LinkConfig
    host_bits : int
        Width of a beat: a multiple of 32.
    hardware_id : int
        Identifies the torus, 64 bits (`TorusConfig.hardware_id`).
    weights_id : int
        Identifies the weights in it, 32 bits (`hw.uart.weights_id`); 0 if it holds none.
    word_bits : int
        Width of a word of the torus. It matters only where the link takes packed beats, whose
        `input_bits` must be less.
    beat_words : int
        Words of a beat, which matter there, too; by default as many as fit.
    fault_nodes, fault_bits : int
        Nodes of a torus with `checks`, and the flags of each; 0 for a torus without.

    Members
    -------
    rx, tx : In(1), Out(1)
        The wires from and to the host.
    from_host, to_host : In(stream), Out(stream)
        If `link.fifo`, instead of these wires: bytes from and to the host, up to one a cycle.
    to_torus, from_torus : Out(stream), In(stream)
        Beats of `host_bits`.
    reset : Out(1)
        High for a cycle when a session begins: the torus at the other end of the streams must be
        reset then.
    opened : Out(1)
        There has been a session since the reset.
    faults : In
        With `fault_nodes`: the flags of all nodes, `fault_bits` each. A flag that is set
        when a beat comes from the torus is told with the words of that beat.
    """

    def __init__(self, link, host_bits, hardware_id, weights_id=0, word_bits=32,
                 beat_words=None, fault_nodes=0, fault_bits=0):
        link.check_words(word_bits)
        self.link = link
        self.word_bits = word_bits
        self.beat_words = beat_words
        self.host_bits = host_bits
        self.hardware_id = hardware_id
        self.weights_id = weights_id
        self.fault_nodes = fault_nodes
        self.fault_bits = fault_bits
        super().__init__({
            **({"from_host": In(stream.Signature(8)), "to_host": Out(stream.Signature(8))}
               if link.fifo else {"rx": In(1, init=1), "tx": Out(1, init=1)}),
            "to_torus": Out(stream.Signature(host_bits)),
            "from_torus": In(stream.Signature(host_bits)),
            "reset": Out(1), "opened": Out(1),
            **({"faults": In(fault_nodes * fault_bits)} if fault_nodes else {}),
        })

    def elaborate(self, platform):
        m = Module()
        link = self.link
        if link.fifo:
            m.submodules.gap = gap = FrameGap()
        else:
            m.submodules.uart_rx = uart_rx = UartReceiver(link.bit_cycles)
        m.submodules.decoder = decoder = CobsDecoder()
        m.submodules.receiver = receiver = FrameReceiver(
            link, checks=bool(self.fault_nodes))
        m.submodules.sender = sender = FrameSender(
            link, self.hardware_id, self.weights_id, fault_nodes=self.fault_nodes,
            fault_bits=self.fault_bits)
        if self.fault_nodes:
            m.d.comb += [sender.faults.eq(self.faults),
                         sender.asks_faults.eq(receiver.asks_faults)]
        m.submodules.encoder = encoder = CobsEncoder(link.registered)
        if link.fifo:
            wiring.connect(m, gap.o, decoder.i)
            wiring.connect(m, sender.o, encoder.i)
            wiring.connect(m, wiring.flipped(self.from_host), gap.i)
            wiring.connect(m, encoder.o, wiring.flipped(self.to_host))
        else:
            m.submodules.uart_tx = uart_tx = UartTransmitter(link.bit_cycles)
            wiring.connect(m, uart_rx.o, decoder.i)
            wiring.connect(m, sender.o, encoder.i)
            wiring.connect(m, encoder.o, uart_tx.i)
            m.d.comb += [uart_rx.rx.eq(self.rx), self.tx.eq(uart_tx.tx)]
        m.d["sync" if link.registered else "comb"] += [
            receiver.i.valid.eq(decoder.o.valid),
            receiver.i.payload.eq(decoder.o.payload),
        ]

        # Both streams begin anew with a session.
        joiner = (PackedJoiner(link, self.host_bits, self.word_bits, self.beat_words)
                  if link.input_bits else BeatJoiner(link, self.host_bits))
        splitter = BeatSplitter(link, self.host_bits)
        m.submodules.joiner = ResetInserter(self.reset)(joiner)
        m.submodules.splitter = ResetInserter(self.reset)(splitter)
        wiring.connect(m, joiner.o, wiring.flipped(self.to_torus))
        wiring.connect(m, wiring.flipped(self.from_torus), splitter.i)
        for name, writer, reader in (("received", receiver, joiner), ("sent", splitter, sender)):
            buffer = memory.Memory(shape=8, depth=link.buffer_bytes, init=[],
                                   attrs={"no_rw_check": 1})
            m.submodules[name] = buffer
            write, read = buffer.write_port(), buffer.read_port()
            m.d.comb += [
                write.en.eq(writer.write_en),
                write.addr.eq(writer.write_at),
                write.data.eq(writer.write_data),
                read.addr.eq(reader.read_at),
                reader.read_data.eq(read.data),
            ]

        # A word of the buffer stays free for the CRC of a frame.
        used = Signal(link.place_bits)
        m.d.comb += [
            used.eq(receiver.expected - joiner.read_word),
            sender.space.eq(link.buffer_words - 1 - used),
            receiver.hold.eq(sender.hold),
            receiver.read_word.eq(joiner.read_word),
            joiner.expected.eq(receiver.expected),
            splitter.acknowledged.eq(receiver.acknowledged),
            sender.written.eq(splitter.written),
            self.opened.eq(receiver.opened),
        ]
        for name in ("arrived", "rewinds", "opens", "tag", "session", "opened", "most_words",
                     "acknowledged", "expected"):
            m.d.comb += getattr(sender, name).eq(getattr(receiver, name))
        m.d.sync += self.reset.eq(receiver.arrived & receiver.opens)
        return m
