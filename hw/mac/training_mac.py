"""`TrainingMac`: the MAC of a torus that trains, with sums both ways and weights that change."""

from amaranth import *

from ..cells.accumulator import Accumulator
from ..cells.delay import delayed
from ..cells.multiplier import Multiplier
from ..config import READ_CYCLES
from .bias_update import BiasUpdate
from .results import Results
from .training_mac_base import TrainingMacBase
from .weight_update import WeightUpdate

__all__ = ["TrainingMac"]


class TrainingMac(TrainingMacBase):
    """Does the steps of `MacControl` and of `BackControl`, one or the other in each cycle.

    A step forwards is the same as in `Mac`. A step backwards multiplies twice: the weight with the
    gradient of its output, for the gradient of its input; and the input with the gradient of the
    output, for the change of the weight. The sum for the gradient of an input leaves READ_CYCLES +
    3 cycles after its last step. A weight or a bias is written UPDATE_CYCLES after its step, and a
    step of the cycle after that reads it. Nothing ever waits.

    The parameters and members are those of `TrainingMacBase`.
    """

    def elaborate(self, platform):
        m = Module()
        config, training = self.config, self.config.training
        m.submodules.multiplier = multiplier = Multiplier(config.operand_bits, config.weight_bits)
        m.submodules.change_multiplier = change = Multiplier(config.act_bits, training.grad_bits)
        m.submodules.accumulator = accumulator = Accumulator(
            config.acc_bits, config.operand_bits + config.weight_bits, config.bias_bits)
        m.submodules.results = results = Results(config)
        m.submodules.weight_update = update = WeightUpdate(config)
        m.submodules.bias_update = bias_update = BiasUpdate(config)

        # The fields of a step go along from stage to stage; stage 0 is the step itself.
        stages = READ_CYCLES + 3
        forward = delayed(m, self.forward.valid, self.forward.p, stages, "forward")
        back = delayed(m, self.back.valid, self.back.p, stages, "back")

        # To stage READ_CYCLES: everything out of its memory.
        (weight,), (velocity,) = self._weight_memories(m, [update])
        to_word = READ_CYCLES
        is_back, back_step = back[to_word]
        axis = Mux(is_back, back_step.axis, forward[to_word][1].axis)
        word = Signal(signed(config.act_bits))
        gradient = Signal(signed(training.grad_bits))
        m.d.comb += [
            word.eq(Mux(axis, self.col_word, self.row_word)),
            gradient.eq(self._gradient(m, Mux(
                back_step.from_host, self.host_gradient,
                Mux(back_step.dest, self.col_gradient, self.row_gradient)), is_back)),
            multiplier.a.eq(Mux(is_back, gradient, word)),
            multiplier.b.eq(weight[-config.weight_bits:].as_signed()),
            change.a.eq(word),
            change.b.eq(gradient),
            update.i.valid.eq(is_back & back_step.update),
            update.i.p.addr.eq(back_step.w_addr),
            update.i.p.decay.eq(back_step.decay),
            update.i.p.apply.eq(back_step.apply),
            update.i.p.shift.eq(back_step.update_shift),
            update.weight.eq(weight),
            update.product.eq(change.product),
            update.load_lfsr.valid.eq(self.load_lfsr.valid),
            update.load_lfsr.payload.eq(self.load_lfsr.payload),
            self.lfsr_record.eq(update.lfsr),
        ]
        if config.checks:
            m.d.comb += self.bad_lfsr.eq(update.bad_lfsr)
        if training.velocity_bits:
            m.d.comb += update.velocity.eq(velocity)

        # A stage further on: the bias. It starts a sum forwards, and may change backwards.
        is_back, back_step = back[to_word + 1]
        bias, bias_velocity = self._bias_memories(m, platform, bias_update, Mux(
            back[to_word][0], back[to_word][1].b_addr, forward[to_word][1].b_addr),
            uses=Cat(valid & step.bias for valid, step in (forward[to_word], back[to_word])).any())
        start = Signal(signed(config.bias_bits))
        bias_gradient = Signal.like(gradient)
        is_forward, forward_step = forward[to_word + 1]
        m.d.sync += [
            start.eq(Mux(is_forward & forward_step.bias, bias, 0)),
            bias_gradient.eq(gradient),
        ]
        m.d.comb += [
            bias_update.i.valid.eq(is_back & back_step.bias),
            bias_update.i.p.addr.eq(back_step.b_addr),
            bias_update.i.p.decay.eq(back_step.decay),
            bias_update.i.p.apply.eq(back_step.apply),
            bias_update.i.p.shift.eq(back_step.bias_shift),
            bias_update.bias.eq(bias),
            bias_update.gradient.eq(bias_gradient),
        ]
        if training.velocity_bits:
            m.d.comb += bias_update.velocity.eq(bias_velocity)

        # Another stage on: the product, and the sum that it is added to.
        is_back, back_step = back[to_word + 2]
        is_forward, forward_step = forward[to_word + 2]
        m.d.comb += [
            accumulator.en.eq(is_forward | is_back),
            accumulator.first.eq(Mux(is_back, back_step.first, forward_step.first)),
            accumulator.term.eq(multiplier.product),
            accumulator.start.eq(start),
        ]

        # The last stage: the sum.
        is_forward, forward_step = forward[stages]
        m.d.comb += [
            results.i.valid.eq(is_forward & forward_step.last),
            results.i.p.acc.eq(accumulator.sum),
            results.i.p.finish.eq(forward_step.finish),
            results.i.p.where.eq(forward_step.result),
            self.result.valid.eq(results.o.valid),
            self.result.payload.eq(results.o.payload),
            self.for_row.eq(results.for_row),
            self.for_col.eq(results.for_col),
        ]
        self._share(m, back[stages], accumulator.sum, word)

        # Whether a step that has left stage 0 will write anything: known a cycle ahead.
        writes = [valid & (step.update | step.bias) for valid, step in back[:to_word + 1]]
        rests = Signal(init=1)
        under_way = Cat(valid for valid, _ in (*forward, *back)).any()
        m.d.sync += [
            self.writing.eq(Cat(writes).any() | update.pending | bias_update.pending),
            rests.eq(~under_way & ~results.busy & ~writes[0] & ~self.writing),
        ]
        m.d.comb += self.idle.eq(rests)
        return m
