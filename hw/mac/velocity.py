"""`Velocity`: what a gradient adds to the gradients accumulated before."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..cells.saturate import saturated
from ..config import MOMENTUM_BITS
from ..op_fields import CLEAR, KEEP

__all__ = ["Velocity"]


class Velocity(wiring.Component):
    """`saturate(decayed(velocity) + term)`, of which KEEP, CLEAR and n are ways to decay.

    `velocity - (velocity >> n)` for n, all of it for KEEP, 0 for CLEAR. A pipeline that never
    waits: `sum` comes 3 cycles after `velocity` and `decay`, and 1 after `term`. Without velocities
    the sum is the term.

    Parameters
    ----------
    bits : int
        Width of a velocity; 0 for none.
    term_bits : int
        Width of a term.

    Members
    -------
    velocity : In(signed(bits))
        Only with velocities.
    decay : In
    term : In(signed(term_bits))
    sum : Out(signed)
        Of `bits`, or of `term_bits` without velocities. A register.
    """

    def __init__(self, bits, term_bits):
        self.bits = bits
        velocity = {"velocity": In(signed(bits))} if bits else {}
        super().__init__({
            **velocity,
            "decay": In(MOMENTUM_BITS),
            "term": In(signed(term_bits)),
            "sum": Out(signed(bits or term_bits)),
        })

    def elaborate(self, platform):
        m = Module()
        if not self.bits:
            m.d.sync += self.sum.eq(self.term)
            return m
        velocity = Signal(signed(self.bits))
        taken_off = Signal(signed(self.bits))
        base = Signal(signed(self.bits))
        m.d.sync += [
            velocity.eq(self.velocity),
            taken_off.eq(self.velocity >> self.decay),
        ]
        # A KEEP takes nothing off, a CLEAR everything.
        with m.If(self.decay == KEEP):
            m.d.sync += taken_off.eq(0)
        with m.If(self.decay == CLEAR):
            m.d.sync += taken_off.eq(self.velocity)
        m.d.sync += [
            base.eq(velocity - taken_off),
            self.sum.eq(saturated(base + self.term, self.bits)),
        ]
        return m
