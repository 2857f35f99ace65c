"""`RingGather`: one node of a ring all-gather, with its gather buffer. It runs a queue of ops."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..cells.credits import Credits
from ..cells.row_ram import row_ram
from ..op_fields import GatherKind
from .hop import Hop
from .sides import ring_side
from .word_checks import checked_words

__all__ = ["RingGather"]


class RingGather(wiring.Component):
    """Runs a queue of ring all-gathers; see docs/architecture.md, sections 2 and 3.

    In each repetition it stores `recv` arriving words behind the `own` words of the region and
    sends, in buffer order, the own words and then what arrived. A repetition begins when its
    region is free, and sends when its own words have landed; receiving never waits for sending. The
    `Hop` inside takes words from the ring and sends them. Between repetitions the link rests for 1
    cycle. Nothing is ever lost, doubled or reordered; words of different ops never mix, since every
    node counts.

    The ring moves `link_words` words at once, and the engine counts such transfers. With two, a
    transfer is a row of the buffer, of which the MAC writes one word at a time. With `checks` each
    word has its parity above it, from the ring through the buffer to the ring.

    Parameters
    ----------
    config : TorusConfig

    Members
    -------
    last_in_row : In(1)
        The downstream neighbour is a gateway (see `to_gateway` of the op). A constant.
    i, o : In(stream), Out(stream)
        The ring.
    pe : In(ring_side)
        What the engine shares with the blocks of its PE; see `ring_side`.
    """

    def __init__(self, config):
        self.config = config
        super().__init__({
            "last_in_row": In(1),
            "i": In(stream.Signature(config.ring_bits)),
            "o": Out(stream.Signature(config.ring_bits)),
            "pe": In(ring_side(config)),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config
        pe = self.pe
        coming = pe.op.p

        m.submodules.hop = hop = Hop(config.ring_bits)
        m.submodules.for_mac = for_mac = row_ram(
            config.ring_word_bits, config.lanes_in, config.buffer_rows, stored=config.link_words)
        m.submodules.for_hop = for_hop = row_ram(
            config.ring_word_bits, config.link_words, config.buffer_words // config.link_words,
            stored=config.link_words)
        wiring.connect(m, wiring.flipped(self.i), hop.i)
        wiring.connect(m, hop.o, wiring.flipped(self.o))

        # The repetition in progress. Words are counted from the first of its region, as transfers.
        own, recv = self._transfers(coming.own), self._transfers(coming.recv)
        active = Signal()
        kind = Signal(config.kind_bits)
        base = Signal(config.link_addr_bits)
        count_bits = config.link_count_bits
        total = Signal(count_bits)            # Own words and those to receive.
        send_end = Signal(count_bits)         # Words to send.
        have = Signal(count_bits)             # Own words and those received.
        sent = Signal(count_bits)
        sent_next = Signal(count_bits, init=1)  # One more.
        own_here = Signal(init=1)             # The own words have landed.
        # A word's way depends on these, so they are registers instead of comparisons.
        receiving = Signal()                  # `have` is not `total`.
        unsent = Signal()                     # `sent` is not `send_end`.
        caught_up = Signal(init=1)            # `sent` is `have`.
        unread = Signal()                     # There are rows that the MAC has not read.
        gathers = Signal()                    # It is of a GATHER op; low while none is in progress.

        # The coming repetition: prepared while the one before is in progress.
        first = Signal(init=1)                # It is the first of its op.
        rep = Signal(config.rep_bits)
        prepared = Signal()                   # What follows, and `landed`, is about it.
        last = Signal()                       # It is the last of its op.
        coming_base = Signal(config.link_addr_bits)
        owns = Signal()                       # It has own words.
        receives = Signal()                   # It receives words.

        # Progress of the MAC: repetitions whose results have landed here, and repetitions that are
        # gathered and wait for the MAC, which may also be ahead.
        progress_bits = config.rep_bits + 1
        m.submodules.landed = landed = Credits(config.rep_bits)
        gathered = Signal(signed(progress_bits))
        more_gathered = Signal()              # `gathered` is above 1.
        some_gathered = Signal()              # It is above 0.
        none_gathered = Signal(init=1)        # It is 0.
        readable = Signal()                   # The MAC may read; looks ahead over this cycle.

        # The ring, and the buffer
        m.d.comb += [
            hop.receiving.eq(receiving),
            hop.sending.eq(own_here & unsent),
            hop.caught_up.eq(caught_up),
            hop.own.valid.eq(pe.write.valid),
            hop.own.payload.eq(pe.write.p.word.replicate(config.link_words)),
            for_hop.read_en.eq(hop.read_en),
            for_hop.read_addr.eq(base + sent),
            for_hop.out_en.eq(hop.out_en),
            hop.read_data.eq(for_hop.read_data),
            for_mac.read_en.eq(pe.read_en),
            for_mac.read_addr.eq(pe.read_addr),
            for_mac.out_en.eq(1),
            *checked_words(m, config, pe, for_mac, for_hop),
            pe.readable.eq(readable),
        ]
        if config.word_steps:
            m.d.comb += pe.complete.eq(some_gathered)
        m.d.sync += [
            pe.tap.valid.eq(hop.received),
            pe.tap.p.kind.eq(kind),
            pe.tap.p.word.eq(self.i.payload),
        ]
        place = self._transfers(pe.write.p.addr)
        for copy in (for_mac, for_hop):
            m.d.comb += [
                copy.write_en.eq(self._stored(pe.write, hop.received)),
                copy.write_addr.eq(Mux(pe.write.valid, place, base + have)),
                copy.write_data.eq(hop.write_data),
            ]
        have_next = have + 1
        with m.If(hop.received):
            m.d.sync += [
                have.eq(have_next),
                receiving.eq(have_next[:len(total)] != total),
            ]
        with m.If(hop.sent):
            m.d.sync += [
                sent.eq(sent_next),
                sent_next.eq(sent_next + 1),
                unsent.eq(sent_next != send_end),
            ]
        # A word that goes while none comes is read. To ask for that is a level of logic less, but
        # changes the netlist of links of one word, which stays as it was measured.
        goes = hop.sent if config.link_words == 1 else hop.read_en
        with m.If(hop.received ^ hop.sent):
            m.d.sync += caught_up.eq(goes & (sent_next == have))

        # Until the MAC comes to the repetition in progress it has read none of its words. A row is
        # there with its last word; the last row of a repetition may lack one. What is readable in
        # the next cycle depends on what is read in this one, but not on what arrives: so a word may
        # be read two cycles after it is received.
        left_over, completes, owns_row = pe.read_next != have, hop.received, owns
        halves = config.lanes_in > config.link_words  # A row may come in two transfers.
        if halves:
            left_over = (pe.read_next != have[1:]) | (have[0] & ~receiving)
            owns_row = Signal()
            receives_one = Signal()
            last_coming = Signal()            # The next word to be received is the last one.
            completes = hop.received & (have[0] | last_coming)
            with m.If(hop.received):
                m.d.sync += last_coming.eq((have + 2)[:len(total)] == total)
        here = gathers & own_here
        still_unread = Signal()
        m.d.comb += still_unread.eq(
            Mux(pe.advance & none_gathered, left_over, unread))
        reads_on = Mux(pe.consume, more_gathered | (some_gathered & here & unread), some_gathered)
        m.d.sync += [
            unread.eq(still_unread | completes),
            readable.eq(reads_on | ((here & none_gathered & ~pe.consume) & still_unread)),
        ]

        # From one repetition to the next
        finish = Signal()
        begin = Signal()
        begins_gather = Signal()
        prepare = Signal()
        if config.training is None:
            in_use = Signal(signed(progress_bits))  # `gathered`, with the one in progress.
            room = Signal()                         # It was below `lag`; none has begun since.
            m.d.sync += room.eq(Cat(~pe.consume, in_use).as_signed() < Cat(1, coming.lag))
            with m.If(begins_gather ^ pe.consume):
                m.d.sync += in_use.eq(in_use + Mux(pe.consume, -1, 1))
            with m.If(pe.start):
                m.d.sync += in_use.eq(0)
        else:
            room = self._may_overwrite(m, prepare, first)
        m.d.comb += [
            finish.eq(active & own_here & ~receiving & ~unsent),
            begin.eq(pe.op.valid & prepared & (~active | finish) & room),
            begins_gather.eq(begin & (coming.kind == GatherKind.GATHER)),
            pe.op.ready.eq(begin & last),
            pe.retired.eq(finish),
            pe.idle.eq(~active & ~pe.op.valid),
            prepare.eq(pe.op.valid & ~prepared & (own_here | ~active)),
            landed.add.eq(pe.landed),
            landed.start.eq(pe.start),
        ]
        with m.If(prepare):
            m.d.comb += landed.take.eq(Mux(first, coming.need_first, coming.need_step))
            m.d.sync += [
                prepared.eq(1),
                last.eq(rep == coming.reps),
                owns.eq(own != 0),
                receives.eq(recv != 0),
                coming_base.eq(Mux(first, self._transfers(coming.base),
                                   base + self._transfers(coming.stride))),
            ]
            if halves:
                whole, half = own[1:].any(), own[0] & (recv == 0)
                m.d.sync += [owns_row.eq(whole | half), receives_one.eq(recv == 1)]
        with m.If(finish):
            m.d.sync += [active.eq(0), gathers.eq(0)]
        with m.If(begin | ~own_here):
            m.d.sync += own_here.eq(landed.enough)
        all_words = own + recv
        with m.If(begin):
            m.d.sync += [
                active.eq(1),
                prepared.eq(0),
                first.eq(last),
                rep.eq(rep + 1),
                kind.eq(coming.kind),
                gathers.eq(begins_gather),
                base.eq(coming_base),
                total.eq(all_words),
                have.eq(own),
                unread.eq(owns_row),
                sent.eq(0),
                sent_next.eq(1),
                send_end.eq(Mux(self.last_in_row, all_words, recv)),
                receiving.eq(receives),
                unsent.eq(Mux(self.last_in_row, coming.to_gateway, receives)),
                caught_up.eq(~owns),
            ]
        if halves:
            with m.If(begin):
                m.d.sync += last_coming.eq(receives_one)
        with m.If(begin & self.last_in_row & ~coming.to_gateway):
            m.d.sync += send_end.eq(0)
        with m.If(begin & last):
            m.d.sync += rep.eq(0)

        with m.If((finish & gathers) ^ pe.consume):
            m.d.sync += [
                gathered.eq(gathered + Mux(pe.consume, -1, 1)),
                more_gathered.eq(Mux(pe.consume, gathered > 2, some_gathered)),
                some_gathered.eq(Mux(pe.consume, more_gathered, some_gathered | none_gathered)),
                none_gathered.eq(Mux(pe.consume, some_gathered & ~more_gathered, gathered == -1)),
            ]
        if config.training is not None:
            # About the repetition in progress: `fresh` says that no word has been received, and
            # `last_turn`, how many words come before the last turn of the row (a word for each PE)
            # where the gateway owns all words.
            fresh = Signal()
            last_turn = Signal(signed(config.count_bits + 1))
            m.d.sync += [
                pe.tap.p.base.eq(base),
                pe.tap.p.first.eq(fresh),
                pe.tap.p.last_turn.eq(have >= last_turn),
            ]
            with m.If(hop.received | begin):
                m.d.sync += fresh.eq(begin)
            with m.If(begin):
                m.d.sync += last_turn.eq(coming.recv - config.cols)
        with m.If(pe.start):
            m.d.sync += [
                gathered.eq(0),
                more_gathered.eq(0),
                some_gathered.eq(0),
                none_gathered.eq(1),
            ]
        return m

    def _transfers(self, words):
        """Count the transfers of so many words, or number the one at such an address."""
        return words[self.config.link_shift:]

    def _stored(self, write, received):
        """Which words of a row are stored: a result of the MAC, or all that arrive."""
        if self.config.link_words == 1:
            return write.valid | received
        result = Cat(~write.p.addr[0], write.p.addr[0])
        return Mux(write.valid, result, received.replicate(self.config.link_words))

    def _may_overwrite(self, m, prepare, first):
        """Training: whether the MAC has read all that lies in the coming repetition's region."""
        pe, coming = self.pe, self.pe.op.p
        m.submodules.reads = reads = Credits(self.config.rep_bits)
        m.d.comb += [reads.add.eq(pe.consume | pe.reread), reads.start.eq(pe.start)]
        with m.If(prepare):
            m.d.comb += reads.take.eq(Mux(first, coming.need_read, coming.need_read_step))
        return reads.enough
