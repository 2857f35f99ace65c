"""`Loader`: puts words that pass on the row ring into the memories of a PE."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..cells.parity import carried, loaded
from ..config import LFSR_BITS
from ..layouts import bias_load_layout, gradient_load_layout, tap_layout, weight_load_layout
from ..op_fields import GatherKind
from .records import Records

__all__ = ["Loader"]


class Loader(wiring.Component):
    """Keeps every `cols`-th word of load ops, and all words of PROGRAM ops.

    A PE knows its words by their position alone: the words of WEIGHTS, BIASES and LFSR ops are
    dealt out to the PEs of the row in turn, `link_words` at once, column 0 first. A PE's words make
    records
    (`TorusConfig.weight_chunks`, `bias_record_chunks` and `lfsr_chunks`), whose addresses count up
    from 0 from one program start to the next. The words of a GRADIENT op are dealt out with the
    last column first, which has the longest way; they go to the op's `base` and up. So do those of
    a TARGET op, which no BACK op waits for.

    Parameters
    ----------
    config : TorusConfig

    Members
    -------
    col : In
        Column of this PE, a constant.
    tap : In(stream)
        Every word that the row ring's engine receives.
    start : In(1)
        High for one cycle before a program starts: begin at address 0 again.
    weight, bias, program : Out(stream)
        Writes to the memories of weights, biases and the program: a record in the cycle after its
        last word has arrived, words of a program in that in which they arrive. Never wait. With
        `checks` what is written has its parity, which is that of the words that came; a line of the
        program gets it in the sequencer.
    lfsr, gradient : Out(stream)
        Training only. Writes to the LFSR, as those of records, and to the gradients from the host,
        in the cycle in which a word arrives.
    gradients_landed : Out(1)
        Training only. High with this PE's last word of a GRADIENT repetition.
    """

    def __init__(self, config):
        self.config = config
        training = {} if config.training is None else {
            "lfsr": Out(stream.Signature(LFSR_BITS + config.checks, always_ready=True)),
            "gradient": Out(stream.Signature(gradient_load_layout(config), always_ready=True)),
            "gradients_landed": Out(1),
        }
        super().__init__({
            "col": In(config.col_bits),
            "tap": In(stream.Signature(tap_layout(config), always_ready=True)),
            "start": In(1),
            "weight": Out(stream.Signature(weight_load_layout(config), always_ready=True)),
            "bias": Out(stream.Signature(bias_load_layout(config), always_ready=True)),
            "program": Out(stream.Signature(config.ring_bits, always_ready=True)),
            **training,
        })

    def elaborate(self, platform):
        m = Module()
        config, training = self.config, self.config.training

        kind, word = self.tap.p.kind, self.tap.p.word
        dealt = [GatherKind.WEIGHTS, GatherKind.BIASES]
        if training is not None:
            dealt += [GatherKind.GRADIENT, GatherKind.LFSR]
            dealt += [GatherKind.TARGET] * training.targets
        is_dealt = Cat(kind == one for one in dealt).any()
        # The column whose turn it is, and whether that is this one: known before the word comes.
        lane = Signal(config.col_bits)
        is_mine = Signal()
        mine = self.tap.valid & is_mine
        lane_next = Mux(self.start, 0, Mux(
            self.tap.valid & is_dealt, Mux(lane == config.cols - 1, 0, lane + 1), lane))
        m.d.sync += [lane.eq(lane_next), is_mine.eq(lane_next == self.col)]

        def records(name, kind_of, chunks, addr_bits):
            m.submodules[name] = block = Records(
                config.ring_bits, chunks >> config.link_shift, addr_bits)
            m.d.comb += [
                block.start.eq(self.start),
                block.word.valid.eq(mine & (kind == kind_of)),
                block.word.payload.eq(word),
            ]
            return block.record

        weight = records("weights", GatherKind.WEIGHTS, config.weight_chunks * config.link_words,
                         config.weight_load_bits)
        bias = records("biases", GatherKind.BIASES, config.bias_record_chunks,
                       config.bias_addr_bits)
        m.d.comb += [
            self.weight.valid.eq(weight.valid),
            self.weight.p.addr.eq(weight.p.addr),
            self.weight.p.weight.eq(self._weights(weight.p.record)),
            self.bias.valid.eq(bias.valid),
            self.bias.p.addr.eq(bias.p.addr),
            self.bias.p.bias.eq(self._bias(bias.p.record)),
            self.program.valid.eq(self.tap.valid & (kind == GatherKind.PROGRAM)),
            self.program.payload.eq(word),
        ]
        if training is None:
            return m

        lfsr = records("lfsr", GatherKind.LFSR, config.lfsr_chunks, 1)
        m.d.comb += [self.lfsr.valid.eq(lfsr.valid),
                     self.lfsr.payload.eq(loaded(config, lfsr.p.record, LFSR_BITS))]
        if training.velocity_bits:
            bits, word_bits = training.velocity_bits, config.ring_word_bits
            m.d.comb += [
                self.weight.p.velocity.eq(loaded(
                    config, weight.p.record[config.master_chunks * word_bits:], bits)),
                self.bias.p.velocity.eq(loaded(
                    config, bias.p.record[config.bias_chunks * word_bits:], bits)),
            ]
        is_mine_back = Signal()  # Gradients are dealt to the columns from the last one on.
        m.d.sync += is_mine_back.eq(lane_next == config.cols - 1 - self.col)
        gradient_addr = Signal.like(self.gradient.p.addr)
        addr = Mux(self.tap.p.first, self.tap.p.base, gradient_addr)
        is_gradient = kind == GatherKind.GRADIENT
        landed = self.gradient.valid & self.tap.p.last_turn
        if training.targets:
            landed &= is_gradient
            is_gradient |= kind == GatherKind.TARGET
        m.d.comb += [
            self.gradient.valid.eq(
                self.tap.valid & is_gradient & is_mine_back),
            self.gradients_landed.eq(landed),
            self.gradient.p.addr.eq(addr),
            self.gradient.p.word.eq(loaded(config, word, training.grad_bits)),
        ]
        with m.If(self.tap.valid & is_gradient):
            m.d.sync += gradient_addr.eq(addr + self.gradient.valid)
        return m

    def _weights(self, record):
        """The weights of a record; where links move several words at once, as many of them."""
        config = self.config
        if config.checks and config.training is not None:
            words = record[:config.master_chunks * config.ring_word_bits]
            return carried(config, words, config.training.master_bits)
        if config.checks:
            bits = config.ring_word_bits
            return Cat(carried(config, record.word_select(word, bits), config.weight_bits)
                       for word in range(config.link_words))
        if config.link_words == 1:
            return record
        return Cat(record.word_select(word, config.word_bits)[:config.weight_bits]
                   for word in range(config.link_words))

    def _bias(self, record):
        """The bias of a record, with `checks` its parity above it."""
        config = self.config
        words = record
        if config.training is not None:
            words = record[:config.bias_chunks * config.ring_word_bits]
        return carried(config, words, config.bias_bits) if config.checks else record
