"""`Velocity`: what a gradient adds to those accumulated before; and its part of an update."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..cells.saturate import saturated
from ..config import MOMENTUM_BITS
from ..op_fields import CLEAR, KEEP

__all__ = ["Velocity", "accumulate", "velocity_members"]


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


def velocity_members(config, addr_bits):
    """The ports of `WeightUpdate` and `BiasUpdate` that are there only with velocities.

    Members
    -------
    velocity : In(signed(velocity_bits))
        The stored one, with `i`.
    new_velocity : Out(stream)
        What is to be written, and where, 3 cycles after `i`. Never waits.
    """
    bits = config.training.velocity_bits
    if not bits:
        return {}
    return {
        "velocity": In(signed(bits)),
        "new_velocity": Out(stream.Signature(data.StructLayout({
            "addr": addr_bits, "velocity": signed(bits)}), always_ready=True)),
    }


def accumulate(m, update, stages, term):
    """Add a `Velocity` to the module of an update, with its ports; return the accumulated gradient.

    Parameters
    ----------
    update : WeightUpdate or BiasUpdate
    stages : list of (Value, data.View)
        Its `i` in every stage of its pipeline.
    term : Value
        Of stage 2.

    Returns
    -------
    Value
        The sum, in stage 3.
    """
    bits = update.config.training.velocity_bits
    m.submodules.velocity = velocity = Velocity(bits, len(term))
    m.d.comb += [velocity.decay.eq(update.i.p.decay), velocity.term.eq(term)]
    if bits:
        valid, written = stages[3]
        m.d.comb += [
            velocity.velocity.eq(update.velocity),
            update.new_velocity.valid.eq(valid),
            update.new_velocity.p.addr.eq(written.addr),
            update.new_velocity.p.velocity.eq(velocity.sum),
        ]
    return velocity.sum
