"""`Gateway`: the node of a row ring through which words enter and leave the torus."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..cells.countdown import Countdown
from ..cells.doubled import with_twins
from ..cells.parity import parity_fails, plain_words, sticky, with_parity
from ..config import PROGRAM_BLOCK_WORDS
from ..covered import is_covered
from ..fault_places import FaultPlace, flag_bits
from ..layouts import partial_layout
from ..op_fields import RingKind
from ..ops import gateway_queues
from ..sequencer import Sequencer
from .beat_queue import beat_queue
from .host_words import Pack, Unpack
from .reverse_gateway import ReverseGateway

__all__ = ["Gateway"]


def gateway_reverse_members(config):
    """The ports that only a gateway of a torus that trains has."""
    if config.training is None:
        return {}
    partials = stream.Signature(partial_layout(config))
    return {"from_pe": In(partials), "to_pe": Out(partials)}


class Gateway(wiring.Component):
    """Runs queue `ring` of the gateway program, between a row ring and the host.

    Its ops send words of the host round the ring, forward words of the ring, and hand them to the
    host, `link_words` at once. Where the torus trains a gateway is also a node of the row ring that
    goes back (`ReverseGateway`), and a GRADIENT op hands sums of that ring to the host.

    It needs no gather buffer: it never owns words that wait for others, so a word goes from its
    link input straight to its output register, a hop of 1 cycle. `i.ready` follows `o.ready`
    combinationally, so a `Link` stands before it.

    Parameters
    ----------
    config : TorusConfig

    Members
    -------
    i, o : In(stream), Out(stream)
        The row ring: words from the last PE of the row, and to the first.
    host_in : In(stream)
        Beats for this gateway, through a queue of `host_fifo_beats`.
    host_out : Out(stream)
        Beats from this gateway, through a queue of `host_fifo_beats`.
    faults : Out
        With `checks`: a flag for each `FaultPlace`, set in the cycle after the parity of a word on
        offer at `i`, or of a line of the program, is found wrong, and kept until a reset.
    from_pe, to_pe : In(stream), Out(stream)
        Training only. The row ring that goes back: sums from the first PE, and to the last.
    """

    def __init__(self, config):
        self.config = config
        super().__init__({
            "i": In(stream.Signature(config.ring_bits)),
            "o": Out(stream.Signature(config.ring_bits)),
            "host_in": In(stream.Signature(config.host_bits)),
            "host_out": Out(stream.Signature(config.host_bits)),
            **({"faults": Out(flag_bits(config))} if config.checks else {}),
            **gateway_reverse_members(config),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config
        layout = gateway_queues(config)[0]

        m.submodules.sequencer = sequencer = Sequencer(config, {0: layout}, boot=(0, {
            "kind": RingKind.PROGRAM, "send": PROGRAM_BLOCK_WORDS}))
        m.submodules.in_queue = in_queue = beat_queue(config)
        m.submodules.out_queue = out_queue = beat_queue(config)
        m.submodules.unpack = unpack = Unpack(config)
        m.submodules.pack = pack = Pack(config)
        wiring.connect(m, wiring.flipped(self.host_in), in_queue.i)
        wiring.connect(m, in_queue.o, unpack.i)
        wiring.connect(m, pack.o, out_queue.i)
        wiring.connect(m, out_queue.o, wiring.flipped(self.host_out))

        op = Signal(layout)
        active = Signal()
        reps = Countdown(config.rep_bits, "reps")  # Repetitions after this one.
        recv = Countdown(config.link_count_bits, "recv")
        send = Countdown(config.link_count_bits, "send")
        shift = config.link_shift  # Ops count words.

        # Words come from the host or from the ring, and go to the ring, the host or the program.
        from_host = Signal()
        from_ring = Signal()
        boots = Signal()
        sinking = Signal()
        load = Signal()
        words = with_parity(config, unpack.o.payload)
        m.d.comb += [
            load.eq(~self.o.valid | self.o.ready),
            sinking.eq(op.kind == RingKind.SINK),
            from_host.eq((op.kind == RingKind.SEND) & send.some),
            boots.eq((op.kind == RingKind.PROGRAM) & send.some),
            from_ring.eq(recv.some),
            unpack.o.ready.eq(boots | (from_host & load)),
            unpack.last.eq(send.last),
            self.i.ready.eq(from_ring & (load | ~send.some) & (pack.i.ready | ~sinking)),
            pack.i.valid.eq(from_ring & sinking & self.i.valid & (load | ~send.some)),
            pack.i.p.word.eq(plain_words(config, self.i.payload)),
            pack.i.p.last.eq(recv.last),
            sequencer.load.valid.eq(boots & unpack.o.valid),
            sequencer.load.payload.eq(words),
        ]
        received_back, bad_back = Const(0), Const(0)
        if config.training is not None:
            received_back, bad_back = self._add_reverse(m, op, recv, pack)
        taken = unpack.o.valid & unpack.o.ready
        received = self.i.valid & self.i.ready
        forwarded = received & send.some
        with m.If(received | received_back):
            m.d.sync += recv.step()
        with m.If(taken | forwarded):
            m.d.sync += send.step()
        with m.If(load):
            m.d.sync += [
                self.o.valid.eq((taken & from_host) | forwarded),
                self.o.payload.eq(Mux(from_host, words, self.i.payload)),
            ]

        if config.checks:
            sticky(m, self.faults, {
                FaultPlace.PROGRAM: sequencer.fault,
                FaultPlace.LINK:
                    self.i.valid & parity_fails(self.i.payload, config.ring_word_bits),
                **({FaultPlace.BACK_LINK: bad_back} if config.training is not None else {}),
            })

        new = sequencer.queue_0
        finish = active & ~recv.some & ~send.some
        m.d.comb += [
            new.ready.eq(~active | (finish & ~reps.some)),
            sequencer.idle.eq(~active),
        ]
        with m.If(finish):
            m.d.sync += [
                *reps.step(),
                *recv.start(op.recv[shift:]),
                *send.start(op.send[shift:]),
                active.eq(reps.some),
            ]
            with m.If(~reps.some):
                m.d.sync += [*recv.start(0), *send.start(0)]
        with m.If(new.valid & new.ready):
            m.d.sync += [
                active.eq(1),
                op.eq(new.payload),
                *reps.start(new.p.reps),
                *recv.start(new.p.recv[shift:]),
                *send.start(new.p.send[shift:]),
            ]
        if config.checks < 3:
            return m
        sticky(m, self.faults, {FaultPlace.CONTROL: in_queue.bad | out_queue.bad})
        return with_twins(m, platform, self.faults[FaultPlace.CONTROL], is_covered)

    def _add_reverse(self, m, op, recv, pack):
        """Add the node of the ring that goes back.

        Return whether it hands out a whole sum, and whether the parity of one is wrong.

        In a GRADIENT op the sums of that ring go to the host, and no words are received.
        """
        m.submodules.reverse = reverse = ReverseGateway(self.config)
        wiring.connect(m, wiring.flipped(self.from_pe), reverse.i)
        wiring.connect(m, reverse.o, wiring.flipped(self.to_pe))
        with m.If(op.kind == RingKind.GRADIENT):
            m.d.comb += [
                reverse.is_due.eq(recv.some),
                reverse.is_last.eq(recv.last),
                reverse.words.ready.eq(pack.i.ready),
                self.i.ready.eq(0),
                pack.i.valid.eq(reverse.words.valid),
                pack.i.payload.eq(reverse.words.payload),
            ]
        return reverse.handed_out, reverse.bad_link if self.config.checks else Const(0)
