"""`RingGather`: one node of a ring all-gather. Link receiver, gather buffer, link sender."""

from amaranth import *
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from .ops import GatherKind, gather_op

__all__ = ["RingGather", "ring_side", "tap_layout", "write_layout"]


def write_layout(config):
    """A result on its way into a gather buffer."""
    return data.StructLayout({"addr": config.addr_bits, "word": config.word_bits})


def tap_layout(config):
    """A word as it is received, with the kind of its op."""
    return data.StructLayout({"kind": GatherKind, "word": config.word_bits})


def ring_side(config):
    """What a PE and one of its ring engines share, as the PE sees it.

    Members
    -------
    op : Out(stream)
        The queue of ops (`hw.ops.gather_op`), taken as the one before retires.
    write : Out(stream)
        Results of the MAC; always accepted, visible to reads from the next cycle on.
    landed : Out(1)
        High with the last result of a MAC repetition that writes here.
    read_addr, read_en : Out(count_bits), Out(1)
        The MAC's read port. The address has the width of a count.
    read_word : In(word_bits)
        The word at `read_addr`, on the cycle after `read_en`.
    readable : In(1)
        The word at `read_addr`, of the oldest repetition not yet consumed, may be read. Follows
        `read_addr` combinationally.
    consume : Out(1)
        High for one cycle when the MAC issues its last read of a repetition.
    retired : In(1)
        High for one cycle when a repetition of any kind is done here.
    tap : In(stream)
        Every word as it is received. Never waits.
    start : Out(1)
        High for one cycle before a program starts: forget all progress. The engine must be idle.
    idle : In(1)
        No op is in progress.
    """
    return wiring.Signature({
        "op": Out(stream.Signature(gather_op(config))),
        "write": Out(stream.Signature(write_layout(config), always_ready=True)),
        "landed": Out(1),
        "read_addr": Out(config.count_bits),
        "read_en": Out(1),
        "read_word": In(config.word_bits),
        "readable": In(1),
        "consume": Out(1),
        "retired": In(1),
        "tap": In(stream.Signature(tap_layout(config), always_ready=True)),
        "start": Out(1),
        "idle": In(1),
    })


class RingGather(wiring.Component):
    """Runs a queue of ring all-gathers; see docs/architecture.md, sections 2 and 3.

    In each repetition it stores `recv` arriving words behind the `own` words of the region and
    sends, in buffer order, the own words and then what arrived. It starts to receive when the
    region is free, and to send when its own words have landed; receiving never waits for sending.
    A word that arrives when it is the next to be sent, with the output register free, goes there
    directly: a hop then costs 1 cycle, otherwise 3 at full rate, through the buffer.

    `i.ready` comes from registers of this node alone, so there is no combinational path from
    `o.ready` to it, nor one round a ring. A result that is written holds up the receiver for that
    cycle. Between repetitions the link rests for 1 cycle. Nothing is ever lost, doubled or
    reordered; words of different ops never mix, since every node counts.

    Parameters
    ----------
    config : TorusConfig

    Members
    -------
    last_in_row : In(1)
        The downstream neighbour is a gateway: send `last_send` words instead of `recv`. A constant.
    i, o : In(stream), Out(stream)
        The ring.
    pe : In(ring_side)
        The side of the PE; see `ring_side`.
    """

    def __init__(self, config):
        self.config = config
        super().__init__({
            "last_in_row": In(1),
            "i": In(stream.Signature(config.word_bits)),
            "o": Out(stream.Signature(config.word_bits)),
            "pe": In(ring_side(config)),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config
        pe = self.pe

        m.submodules.buffer = buffer = memory.Memory(
            shape=config.word_bits, depth=config.buffer_words, init=[])
        write = buffer.write_port()
        mac_read = buffer.read_port()
        send_read = buffer.read_port()

        # The op in progress, and what is left of it. Pointers have the width of a count, so that
        # the end of a region that fills the buffer differs from its beginning.
        op = Signal(gather_op(config))
        active = Signal()
        next_base = Signal(config.addr_bits)
        need = Signal(config.rep_bits)
        reps_left = Signal(config.rep_bits)
        own_here = Signal()      # The own words of this repetition have landed.
        receiving = Signal()     # The region is free and words are missing.
        recv_left = Signal(config.count_bits)
        send_left = Signal(config.count_bits)
        recv_ptr = Signal(config.count_bits)
        send_ptr = Signal(config.count_bits)

        # Progress shared with the MAC.
        credit = Signal(config.rep_bits)
        gathered = Signal(signed(config.rep_bits + 1))

        # Receiver
        receive = Signal()
        m.d.comb += [
            self.i.ready.eq(receiving & ~pe.write.valid),
            receive.eq(self.i.valid & self.i.ready),
            pe.tap.valid.eq(receive),
            pe.tap.p.kind.eq(op.kind),
            pe.tap.p.word.eq(self.i.payload),
            write.en.eq(pe.write.valid | receive),
            write.addr.eq(Mux(pe.write.valid, pe.write.p.addr, recv_ptr)),
            write.data.eq(Mux(pe.write.valid, pe.write.p.word, self.i.payload)),
        ]
        with m.If(receive):
            m.d.sync += [
                recv_ptr.eq(recv_ptr + 1),
                recv_left.eq(recv_left - 1),
            ]

        # Sender: buffer -> `fetched` (the buffer's own output register) -> output register
        fetched = Signal()
        load = Signal()
        may_send = Signal()
        fetch = Signal()
        bypass = Signal()
        caught_up = Signal()
        m.d.comb += [
            load.eq(~self.o.valid | self.o.ready),
            may_send.eq(own_here & (send_left != 0)),
            caught_up.eq(send_ptr == recv_ptr),
            fetch.eq(may_send & ~caught_up & (~fetched | load)),
            bypass.eq(may_send & caught_up & receive & ~fetched & load),
            send_read.addr.eq(send_ptr),
            send_read.en.eq(fetch),
        ]
        with m.If(fetch | bypass):
            m.d.sync += [
                send_ptr.eq(send_ptr + 1),
                send_left.eq(send_left - 1),
            ]
        with m.If(fetch | load):
            m.d.sync += fetched.eq(fetch)
        with m.If(load):
            m.d.sync += [
                self.o.valid.eq(fetched | bypass),
                self.o.payload.eq(Mux(fetched, send_read.data, self.i.payload)),
            ]

        # The MAC's read port
        m.d.comb += [
            mac_read.addr.eq(pe.read_addr),
            mac_read.en.eq(pe.read_en),
            pe.read_word.eq(mac_read.data),
            pe.readable.eq(
                (gathered > 0)
                | ((gathered == 0) & own_here & (op.kind == GatherKind.GATHER)
                   & (pe.read_addr != recv_ptr))),
        ]

        # Repetitions and ops: the next repetition of this op, or the first of the next one.
        finish = Signal()
        again = Signal()
        take = Signal()
        m.d.comb += [
            finish.eq(active & own_here & (recv_left == 0) & (send_left == 0)),
            again.eq(finish & (reps_left != 0)),
            take.eq(pe.op.valid & pe.op.ready),
            pe.retired.eq(finish),
            pe.op.ready.eq(~active | (finish & (reps_left == 0))),
            pe.idle.eq(~active),
        ]
        coming = Signal(gather_op(config))
        coming_base = Signal(config.addr_bits)
        m.d.comb += [
            coming.eq(Mux(again, op, pe.op.payload)),
            coming_base.eq(Mux(again, next_base, pe.op.p.base)),
        ]
        with m.If(finish):
            m.d.sync += active.eq(0)
        with m.If(again | take):
            m.d.sync += [
                active.eq(1),
                op.eq(coming),
                reps_left.eq(Mux(again, reps_left - 1, coming.reps)),
                next_base.eq(coming_base + coming.stride),
                send_ptr.eq(coming_base),
                recv_ptr.eq(coming_base + coming.own),
                recv_left.eq(coming.recv),
                send_left.eq(Mux(self.last_in_row, coming.last_send, coming.recv)),
            ]

        # Own words: asked for as the repetition begins, and again each cycle until they are there.
        wanted = Signal(config.rep_bits)
        lands = Signal()
        m.d.comb += [
            wanted.eq(Mux(take, coming.need_first, Mux(again, op.need_step, need))),
            lands.eq((again | take | (active & ~own_here)) & (credit >= wanted)),
        ]
        m.d.sync += need.eq(wanted)
        with m.If(finish | lands | take):
            m.d.sync += own_here.eq(lands)

        # Region: as a repetition begins, the one that ends is not yet counted in `gathered`.
        with m.If(again | take):
            m.d.sync += receiving.eq((gathered + 1 < coming.lag) & (coming.recv != 0))
        with m.Elif(receiving):
            m.d.sync += receiving.eq(~(receive & (recv_left == 1)))
        with m.Elif(active):
            m.d.sync += receiving.eq((gathered < op.lag) & (recv_left != 0))

        gathers = finish & (op.kind == GatherKind.GATHER)
        m.d.sync += [
            credit.eq(credit + pe.landed - Mux(lands, wanted, 0)),
            gathered.eq(gathered + gathers - pe.consume),
        ]
        with m.If(pe.start):
            m.d.sync += [
                credit.eq(0),
                gathered.eq(0),
            ]
        return m
