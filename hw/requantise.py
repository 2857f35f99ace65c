"""From an accumulator to an activation: shift with round half to even, saturate, ReLU."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from .config import REQUANTISE_CYCLES

__all__ = ["Requantise", "finish_layout"]

FINE_BITS = 3  # The shift is done as a multiple of 8 first, and by the rest in the next cycle.


def finish_layout(config):
    """How a sum is finished."""
    return data.StructLayout({
        "shift": config.shift_bits,
        "relu": 1,
    })


class Requantise(wiring.Component):
    """`max(0, saturate(round_half_even(acc / 2**shift)))`, the maximum only with `relu`.

    docs/arithmetic.md defines rounding and saturation. A pipeline: one result a cycle,
    `LATENCY_CYCLES` after its sum, never waiting.

    Parameters
    ----------
    config : TorusConfig

    Members
    -------
    i : In(stream)
        A sum (`acc`, signed, `acc_bits`) and its `finish_layout`. Always accepted.
    o : Out(stream)
        The activation, signed, `act_bits`. Never waits.
    """

    LATENCY_CYCLES = REQUANTISE_CYCLES

    def __init__(self, config):
        self.config = config
        super().__init__({
            "i": In(stream.Signature(data.StructLayout({
                "acc": signed(config.acc_bits), "finish": finish_layout(config),
            }), always_ready=True)),
            "o": Out(stream.Signature(signed(config.act_bits), always_ready=True)),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config

        # The value carries one more bit below the point: after the shift it is the guard bit.
        # `sticky` says that any bit dropped below that was 1.
        value = Signal(signed(config.acc_bits + 1))
        shift = Signal(config.shift_bits)
        m.d.comb += [
            value.eq(self.i.p.acc << 1),
            shift.eq(self.i.p.finish.shift),
        ]

        def dropped(source, amounts):
            """Whether a shift of `source` by one of `amounts`, selected below, drops a 1."""
            return Array([source[:amount].any() for amount in amounts])

        coarse_steps = [step << FINE_BITS for step in range((config.max_shift >> FINE_BITS) + 1)]
        coarse = Signal.like(value)
        coarse_sticky = Signal()
        fine_shift = Signal(FINE_BITS)
        coarse_relu = Signal()
        coarse_valid = Signal()
        step = shift >> FINE_BITS
        m.d.sync += [
            coarse_valid.eq(self.i.valid),
            coarse.eq(value >> ((shift >> FINE_BITS) << FINE_BITS)),
            coarse_sticky.eq(dropped(value, coarse_steps)[step]),
            fine_shift.eq(shift),
            coarse_relu.eq(self.i.p.finish.relu),
        ]

        fine = Signal.like(value)
        fine_sticky = Signal()
        fine_relu = Signal()
        fine_valid = Signal()
        m.d.sync += [
            fine_valid.eq(coarse_valid),
            fine.eq(coarse >> fine_shift),
            fine_sticky.eq(coarse_sticky | dropped(coarse, range(1 << FINE_BITS))[fine_shift]),
            fine_relu.eq(coarse_relu),
        ]

        # Round half to even: up when above the half, and at the half when odd.
        rounded = Signal(signed(config.acc_bits))
        rounded_relu = Signal()
        rounded_valid = Signal()
        guard, odd = fine[0], fine[1]
        m.d.sync += [
            rounded_valid.eq(fine_valid),
            rounded.eq((fine >> 1) + (guard & (fine_sticky | odd))),
            rounded_relu.eq(fine_relu),
        ]

        # In range when all bits from the sign bit of the result upward are equal.
        high = rounded[config.act_bits - 1:]
        negative = rounded[-1]
        m.d.sync += self.o.valid.eq(rounded_valid)
        with m.If(negative & rounded_relu):
            m.d.sync += self.o.payload.eq(0)
        with m.Elif(high.all() | ~high.any()):
            m.d.sync += self.o.payload.eq(rounded)
        with m.Else():
            m.d.sync += self.o.payload.eq(
                Mux(negative, -1 << (config.act_bits - 1), (1 << (config.act_bits - 1)) - 1))
        return m
