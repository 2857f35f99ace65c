"""`BiasUpdate`: changes biases by the gradients of their outputs."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..back_layouts import bias_update_layout
from ..cells.above import is_above
from ..cells.delay import delayed, later
from ..cells.saturate import saturated
from .velocity import accumulate, velocity_members

__all__ = ["BiasUpdate", "shifted_up"]


class BiasUpdate(wiring.Component):
    """Computes `bias - (accumulated << shift)`, saturated: docs/arithmetic.md, section on training.

    Nothing is rounded. `accumulated` is the decayed velocity plus the gradient. It is a pipeline
    that takes one update a cycle and never waits: the velocity is written 3 cycles after `i`, the
    bias 6.

    Parameters
    ----------
    config : TorusConfig
        With `training`.

    Members
    -------
    i : In(stream)
        An update (`bias_update_layout`). Always accepted.
    bias, velocity, gradient : In
        The bias, its velocity if the torus has velocities, and the gradient of its output; sampled
        with `i`.
    new_bias, new_velocity : Out(stream)
        A word to write, and its address. Never wait.
    pending : Out(1)
        A bias or velocity will be written in the next cycle or later.
    """

    def __init__(self, config):
        self.config = config
        training = config.training
        super().__init__({
            "i": In(stream.Signature(bias_update_layout(config), always_ready=True)),
            "bias": In(signed(config.bias_bits)),
            "gradient": In(signed(training.grad_bits)),
            "new_bias": Out(stream.Signature(data.StructLayout({
                "addr": config.bias_addr_bits, "bias": signed(config.bias_bits),
            }), always_ready=True)),
            "pending": Out(1),
            **velocity_members(config, config.bias_addr_bits),
        })

    def elaborate(self, platform):
        m = Module()
        config, training = self.config, self.config.training
        stages = 6
        along = delayed(m, self.i.valid, self.i.p, stages, "update")
        valid, update = zip(*along, strict=True)
        bias = later(m, self.bias, stages - 1, "bias")
        m.d.comb += self.pending.eq(Cat(valid[:stages]).any())

        # Stages 0 to 2: the accumulated gradient, which is there in stage 3.
        gradient = later(m, self.gradient, 2, "gradient")[-1]
        accumulated = accumulate(m, self, along, gradient)

        # Stages 3 and 4: the shift, by its low bits first; stage 5: the bias. A change that is far
        # beyond any bias is cut to one that is still beyond it, in the stage that has less to do.
        low_bits = max(training.bias_shift_bits // 2, training.bias_shift_bits - 2)
        wide = config.bias_bits + 1
        fine = Signal(signed(len(accumulated) + training.min_bias_shift + (1 << low_bits) - 1))
        change = Signal(signed(wide))
        m.d.sync += [
            fine.eq((accumulated << training.min_bias_shift) << update[3].shift[:low_bits]),
            change.eq(shifted_up(fine, update[4].shift[low_bits:], 1 << low_bits, wide)),
            self.new_bias.p.bias.eq(saturated(bias[5] - change, config.bias_bits)),
        ]
        m.d.comb += [
            self.new_bias.valid.eq(valid[stages] & update[stages].apply),
            self.new_bias.p.addr.eq(update[stages].addr),
        ]
        return m


def shifted_up(value, shift, unit, bits):
    """A value times 2**(`shift` * `unit`), cut to the nearest number of `bits` bits.

    Whether it must be cut is found beside the shift, from the bits of the value that the least
    shifts push out, those that somewhat larger ones push out, and so on.
    """
    sign = value[-1]
    cut, upper = Const(0), len(value)
    for count in range(1 << len(shift)):
        kept = bits - 1 - count * unit
        lower = min(max(kept, 0), upper)
        lost = Cat(bit ^ sign for bit in value[lower:upper]).any()
        lost = lost if kept >= 0 else lost | sign
        cut |= is_above(shift, count - 1) & lost
        upper = lower
    shifted = value << Cat(Const(0, unit.bit_length() - 1), shift)
    shifted = Cat(shifted, sign.replicate(bits))[:bits]
    return Mux(cut, Cat((~sign).replicate(bits - 1), sign), shifted).as_signed()
