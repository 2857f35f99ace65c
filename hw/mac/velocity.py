"""`Velocity`: adds gradients up, with decay; `WeightUpdate` and `BiasUpdate` have one each."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..cells.saturate import saturated
from ..config import MOMENTUM_BITS
from ..op_fields import CLEAR, KEEP

__all__ = ["Velocity", "accumulate", "velocity_members"]


class Velocity(wiring.Component):
    """Lets a velocity decay and adds a term: `sum = saturate(decayed + term)`.

    `decay` says what `decayed` is: the velocity itself for KEEP, 0 for CLEAR, and
    `velocity - (velocity >> n)` for any other value n. It is a pipeline that never waits: `sum`
    comes 3 cycles after `velocity` and `decay`, and 1 cycle after `term`. Without velocities the
    sum is the term.

    Parameters
    ----------
    bits : int
        Width of a velocity; 0 for none.
    term_bits : int
        Width of a term.

    Members
    -------
    velocity : In(signed(bits))
        The velocity before; there is no such port if `bits` is 0.
    decay : In(MOMENTUM_BITS)
        How the velocity decays: `hw.op_fields.KEEP` and `CLEAR`, or n.
    term : In(signed(term_bits))
        What is added: a gradient.
    sum : Out(signed)
        The velocity after, of `bits`; or the term, of `term_bits`, if `bits` is 0. A register.
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
    """The ports that `WeightUpdate` and `BiasUpdate` have only if the torus has velocities.

    Members
    -------
    velocity : In(signed(velocity_bits))
        The stored velocity; sampled with `i`.
    new_velocity : Out(stream)
        The velocity to write, and its address, 3 cycles after `i`. Never waits.
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
    """Add a `Velocity` to the module of an update, and connect it; return the accumulated gradient.

    Parameters
    ----------
    update : WeightUpdate or BiasUpdate
    stages : list of (Value, data.View)
        The `i` of the update in every stage of its pipeline.
    term : Value
        The gradient, as it is in stage 2.

    Returns
    -------
    Value
        The accumulated gradient, as it is in stage 3.
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
