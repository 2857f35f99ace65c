"""`Loader`: puts words that pass on the row ring into the memories of a PE."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .gather import tap_layout
from .mac import bias_load_layout, weight_load_layout
from .op_fields import GatherKind

__all__ = ["Loader"]


class Loader(wiring.Component):
    """Keeps every `cols`-th word of WEIGHTS and BIASES ops, and all words of PROGRAM ops.

    Which words are meant follows from position alone: the words of WEIGHTS and BIASES ops are
    dealt out to the PEs of the row in turn, column 0 first. Addresses count up from 0 from one
    program start to the next.

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
        Writes, on the cycle on which the word (of a bias, its last part) arrives. Never wait.
    """

    def __init__(self, config):
        self.config = config
        super().__init__({
            "col": In(config.col_bits),
            "tap": In(stream.Signature(tap_layout(config), always_ready=True)),
            "start": In(1),
            "weight": Out(stream.Signature(weight_load_layout(config), always_ready=True)),
            "bias": Out(stream.Signature(bias_load_layout(config), always_ready=True)),
            "program": Out(stream.Signature(config.word_bits, always_ready=True)),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config

        kind, word = self.tap.p.kind, self.tap.p.word
        is_weight = kind == GatherKind.WEIGHTS
        is_bias = kind == GatherKind.BIASES
        lane = Signal(config.col_bits)
        mine = self.tap.valid & (lane == self.col)
        with m.If(self.tap.valid & (is_weight | is_bias)):
            m.d.sync += lane.eq(Mux(lane == config.cols - 1, 0, lane + 1))

        weight_addr = Signal(config.weight_addr_bits)
        m.d.comb += [
            self.weight.valid.eq(mine & is_weight),
            self.weight.p.addr.eq(weight_addr),
            self.weight.p.weight.eq(word),
        ]
        with m.If(self.weight.valid):
            m.d.sync += weight_addr.eq(weight_addr + 1)

        # The parts of a bias that came before this one, the latest on top.
        bias_addr = Signal(config.bias_addr_bits)
        part = Signal(range(config.bias_chunks))
        low_parts = Signal(config.word_bits * (config.bias_chunks - 1))
        parts = Cat(low_parts, word)
        m.d.comb += [
            self.bias.valid.eq(mine & is_bias & (part == config.bias_chunks - 1)),
            self.bias.p.addr.eq(bias_addr),
            self.bias.p.bias.eq(parts),
        ]
        with m.If(mine & is_bias):
            m.d.sync += [
                low_parts.eq(parts >> config.word_bits),
                part.eq(part + 1),
            ]
        with m.If(self.bias.valid):
            m.d.sync += [
                bias_addr.eq(bias_addr + 1),
                part.eq(0),
            ]

        m.d.comb += [
            self.program.valid.eq(self.tap.valid & (kind == GatherKind.PROGRAM)),
            self.program.payload.eq(word),
        ]
        with m.If(self.start):
            m.d.sync += [lane.eq(0), part.eq(0), weight_addr.eq(0), bias_addr.eq(0)]
        return m
