"""`WeightUpdate`: changes weights by their gradients, with stochastic rounding."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..back_layouts import update_layout
from ..cells.above import is_above
from ..cells.delay import delayed, later
from ..cells.saturate import saturated
from ..config import LFSR_BITS, READ_CYCLES, UPDATE_CYCLES
from .lfsr import kept_parity, lfsr_step
from .velocity import accumulate, velocity_members

__all__ = ["WeightUpdate"]


class WeightUpdate(wiring.Component):
    """Computes `weight - ((accumulated + random) >> shift)`, saturated: see docs/arithmetic.md.

    `accumulated` is the decayed velocity plus the product of input and gradient; `random` is as
    many low bits of the LFSR as are shifted out. The LFSR steps once for each update with `apply`.
    It is a pipeline that takes one update a cycle and never waits: the velocity is written 3 cycles
    after `i`, the weight 7. Where a MAC has lanes, all of them share an `Lfsr`.

    Parameters
    ----------
    config : TorusConfig
        With `training`.

    Members
    -------
    i : In(stream)
        An update (`update_layout`). Always accepted.
    weight, velocity : In
        The stored weight and, if the torus has velocities, its velocity; sampled with `i`.
    product : In
        The product of input and gradient, 2 cycles after `i`.
    new_weight, new_velocity : Out(stream)
        A word to write, and its address. Never wait.
    load_lfsr : In(stream)
        With `lanes_out` of 1 only: a new state of the LFSR, with `checks` its parity above it.
        Always accepted.
    lfsr : Out(32), or In(32)
        The state of the LFSR; with lanes, that of the shared one for this lane, as an input.
    bad_lfsr : Out(1)
        With `checks`, and `lanes_out` of 1: its parity is wrong in this cycle.
    takes : Out(1)
        With lanes only: the state of this cycle is used.
    pending : Out(1)
        A weight or velocity will be written in the next cycle or later.
    """

    def __init__(self, config):
        self.config = config
        training = config.training
        product_bits = config.act_bits + training.grad_bits
        lfsr = {"lfsr": In(LFSR_BITS), "takes": Out(1)} if config.lanes_out > 1 else {
            "load_lfsr": In(stream.Signature(LFSR_BITS + config.checks, always_ready=True)),
            "lfsr": Out(LFSR_BITS, init=1),
            **({"bad_lfsr": Out(1)} if config.checks else {}),
        }
        super().__init__({
            "i": In(stream.Signature(update_layout(config), always_ready=True)),
            "weight": In(signed(training.master_bits)),
            "product": In(signed(product_bits)),
            "new_weight": Out(stream.Signature(data.StructLayout({
                "addr": config.weight_row_bits, "weight": signed(training.master_bits),
            }), always_ready=True)),
            **lfsr,
            "pending": Out(1),
            **velocity_members(config, config.weight_row_bits),
        })

    def elaborate(self, platform):
        m = Module()
        training = self.config.training
        # Values that go along from stage to stage; stage 0 is the input.
        stages = UPDATE_CYCLES - READ_CYCLES
        along = delayed(m, self.i.valid, self.i.p, stages, "update")
        valid, update = zip(*along, strict=True)
        weight = later(m, self.weight, stages - 1, "weight")
        m.d.comb += self.pending.eq(Cat(valid[:stages]).any())

        # Stages 0 to 2: the accumulated gradient, which is there in stage 3.
        accumulated = accumulate(m, self, along, self.product)

        # Stage 3: as many random bits as the shift drops.
        random_bits = Signal(training.max_update_shift)
        m.d.sync += random_bits.eq(Cat(
            is_above(update[2].shift, bit - training.min_update_shift)
            for bit in range(training.max_update_shift)))
        applies = valid[3] & update[3].apply
        total = Signal(signed(max(len(accumulated), training.max_update_shift + 1) + 1))
        m.d.sync += total.eq(accumulated + (self.lfsr & random_bits))
        if self.config.lanes_out > 1:
            m.d.comb += self.takes.eq(applies)
        else:
            with m.If(applies):
                m.d.sync += self.lfsr.eq(lfsr_step(self.lfsr))
            with m.If(self.load_lfsr.valid):
                m.d.sync += self.lfsr.eq(self.load_lfsr.payload)
            if self.config.checks:
                m.d.comb += self.bad_lfsr.eq(self.lfsr.xor() ^ kept_parity(
                    m, applies, self.lfsr[0], self.load_lfsr))

        # Stages 4 and 5: the shift, by its high bits first; stage 6: the weight.
        low_bits = training.update_shift_bits // 2
        coarse = Signal.like(total)
        change = Signal.like(total)
        m.d.sync += [
            coarse.eq((total >> training.min_update_shift) >> Cat(
                Const(0, low_bits), update[4].shift[low_bits:])),
            change.eq(coarse >> update[5].shift[:low_bits]),
            self.new_weight.p.weight.eq(saturated(weight[6] - change, training.master_bits)),
        ]
        m.d.comb += [
            self.new_weight.valid.eq(valid[stages] & update[stages].apply),
            self.new_weight.p.addr.eq(update[stages].addr),
        ]
        return m
