"""`TrainingMac`: the MAC of a torus that trains, with sums both ways and weights that change."""

from amaranth import *
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out

from ..cells.accumulator import Accumulator
from ..cells.block_ram import BlockRam
from ..cells.delay import delayed, later
from ..cells.multiplier import Multiplier
from ..config import LFSR_BITS, READ_CYCLES
from ..layouts import (
    back_step_layout,
    bias_load_layout,
    contribution_layout,
    finished_layout,
    step_layout,
    weight_load_layout,
)
from ..op_fields import Axis
from .bias_update import BiasUpdate
from .results import Results
from .weight_update import WeightUpdate

__all__ = ["TrainingMac"]


class TrainingMac(wiring.Component):
    """Does the steps of `MacControl` and of `BackControl`, one or the other in each cycle.

    A step forwards is the same as in `Mac`. A step backwards multiplies twice: the weight with the
    gradient of its output, for the gradient of its input; and the input with the gradient of the
    output, for the change of the weight. The sum for the gradient of an input leaves READ_CYCLES +
    3 cycles after its last step. A weight or a bias is written UPDATE_CYCLES after its step, and a
    step of the cycle after that reads it. Nothing ever waits.

    A stored weight lies in two memories: one has the bits that are multiplied, one the lower bits.

    Parameters
    ----------
    config : TorusConfig
        With `training`.
    weights, biases : list of int
        Stored weights and biases after configuration, from address 0 up; the rest is zero.

    Members
    -------
    forward, back : In(stream), In(stream)
        Steps; never both at once.
    row_word, col_word : In(word_bits)
        The word that either gather buffer reads for a step, `READ_CYCLES` after the step.
    row_gradient, col_gradient, host_gradient : In(grad_bits)
        The gradient that each memory of gradients reads for a step, as late.
    load_weight, load_bias, load_lfsr : In(stream)
        Records for the memories. Always accepted; none may come while `writing`.
    result, for_row, for_col : Out
        Results of steps forwards: see `Mac`.
    row_share, col_share : Out(stream)
        Contributions of steps backwards to the reduction on either axis. Never wait.
    look, look_addr : In(1), In
        Read the records at this address; no step may be done then or for `READ_CYCLES` more.
    weight_record, bias_record, lfsr_record : Out
        The records that were read, `READ_CYCLES` after `look`; they stay.
    idle : Out(1)
        No sum or update was under way in the cycle before. A register.
    writing : Out(1)
        A step of a cycle before will write a weight, a bias or a velocity in this cycle or later. A
        register.
    """

    def __init__(self, config, *, weights=(), biases=()):
        self.config = config
        self.weights = list(weights)
        self.biases = list(biases)
        gradient = In(signed(config.training.grad_bits))
        share = Out(stream.Signature(contribution_layout(config), always_ready=True))
        super().__init__({
            "forward": In(stream.Signature(step_layout(config), always_ready=True)),
            "back": In(stream.Signature(back_step_layout(config), always_ready=True)),
            "row_word": In(config.word_bits), "col_word": In(config.word_bits),
            "row_gradient": gradient, "col_gradient": gradient, "host_gradient": gradient,
            "load_weight": In(stream.Signature(weight_load_layout(config), always_ready=True)),
            "load_bias": In(stream.Signature(bias_load_layout(config), always_ready=True)),
            "load_lfsr": In(stream.Signature(LFSR_BITS, always_ready=True)),
            "result": Out(stream.Signature(finished_layout(config), always_ready=True)),
            "for_row": Out(1), "for_col": Out(1),
            "row_share": share, "col_share": share,
            "look": In(1),
            "look_addr": In(max(config.weight_addr_bits, config.bias_addr_bits)),
            "weight_record": Out(config.weight_chunks * config.word_bits),
            "bias_record": Out(config.bias_record_chunks * config.word_bits),
            "lfsr_record": Out(config.lfsr_chunks * config.word_bits),
            "idle": Out(1),
            "writing": Out(1),
        })

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
        weight, velocity = self._weight_memories(m, update)
        to_word = READ_CYCLES
        is_back, back_step = back[to_word]
        axis = Mux(is_back, back_step.axis, forward[to_word][1].axis)
        word = Signal(signed(config.act_bits))
        gradient = Signal(signed(training.grad_bits))
        m.d.comb += [
            word.eq(Mux(axis, self.col_word, self.row_word)),
            gradient.eq(Mux(back_step.from_host, self.host_gradient,
                            Mux(back_step.dest, self.col_gradient, self.row_gradient))),
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
        if training.velocity_bits:
            m.d.comb += update.velocity.eq(velocity)

        # A stage further on: the bias. It starts a sum forwards, and may change backwards.
        bias, bias_velocity = self._bias_memories(m, bias_update, forward[to_word + 1],
                                                  back[to_word + 1])
        start = Signal(signed(config.bias_bits))
        bias_gradient = Signal.like(gradient)
        is_back, back_step = back[to_word + 1]
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

    def _weight_memories(self, m, update):
        """Return the stored weight of a step and its velocity, as they are READ_CYCLES later."""
        config, training = self.config, self.config.training
        low_bits = training.master_bits - config.weight_bits
        mask = (1 << training.master_bits) - 1
        words = [word & mask for word in self.weights]
        writes, load = update.new_weight, self.load_weight
        addr = Mux(self.look, self.look_addr,
                   Mux(self.back.valid, self.back.p.w_addr, self.forward.p.w_addr))

        def memory_of(name, bits, init, valid, write_addr, write_data):
            m.submodules[name] = block = BlockRam(bits, config.weight_words, init=init)
            m.d.comb += [
                block.write_en.eq(valid | load.valid),
                block.write_addr.eq(Mux(load.valid, load.p.addr, write_addr)),
                block.write_data.eq(write_data),
                block.read_en.eq(self.forward.valid | self.back.valid | self.look),
                block.read_addr.eq(addr),
                block.out_en.eq(1),
            ]
            return block.read_data

        written = Mux(load.valid, load.p.weight, writes.p.weight)
        weight = memory_of("weight_memory", config.weight_bits, [w >> low_bits for w in words],
                           writes.valid, writes.p.addr, written[low_bits:])
        if low_bits:
            low = memory_of("weight_low_memory", low_bits,
                            [w & ((1 << low_bits) - 1) for w in words],
                            writes.valid, writes.p.addr, written[:low_bits])
            weight = Cat(low, weight)
        record = Cat(weight, weight[-1].replicate(
            config.master_chunks * config.word_bits - training.master_bits))
        velocity = None
        if training.velocity_bits:
            new = update.new_velocity
            velocity = memory_of("velocity_memory", training.velocity_bits, [], new.valid,
                                 new.p.addr, Mux(load.valid, load.p.velocity, new.p.velocity))
            record = Cat(record, velocity, velocity[-1].replicate(
                config.velocity_chunks * config.word_bits - training.velocity_bits))
        m.d.comb += self.weight_record.eq(record)
        return weight.as_signed(), velocity

    def _bias_memories(self, m, update, forward, back):
        """Return the bias of a step and its velocity, as they are in the same cycle."""
        config, training = self.config, self.config.training
        is_back, back_step = back
        addr = Mux(self.look, self.look_addr,
                   Mux(is_back, back_step.b_addr, forward[1].b_addr))
        load = self.load_bias

        def memory_of(name, bits, init, valid, write_addr, new, loaded):
            m.submodules[name] = words = memory.Memory(
                shape=signed(bits), depth=config.bias_words, init=init)
            write, read = words.write_port(), words.read_port(domain="comb")
            m.d.comb += [
                write.en.eq(valid | load.valid),
                write.addr.eq(Mux(load.valid, load.p.addr, write_addr)),
                write.data.eq(Mux(load.valid, loaded, new)),
                read.addr.eq(addr),
            ]
            return read.data

        new = update.new_bias
        bias = memory_of("bias_memory", config.bias_bits, self.biases, new.valid, new.p.addr,
                         new.p.bias, load.p.bias)
        record = Cat(bias, bias[-1].replicate(
            config.bias_chunks * config.word_bits - config.bias_bits))
        velocity = None
        if training.velocity_bits:
            new = update.new_velocity
            velocity = memory_of("bias_velocity_memory", training.velocity_bits, [], new.valid,
                                 new.p.addr, new.p.velocity, load.p.velocity)
            record = Cat(record, velocity, velocity[-1].replicate(
                config.velocity_chunks * config.word_bits - training.velocity_bits))
        held = Signal(len(record))
        with m.If(self.look):
            m.d.sync += held.eq(record)
        m.d.comb += self.bias_record.eq(held)
        return bias, velocity

    def _share(self, m, step, total, word):
        """Hand a complete sum of a step backwards to the reduce engine of its axis."""
        valid, step = step
        not_above_zero = later(m, word[-1] | ~word.any(), 3, "not_above_zero")[-1]
        for axis, share in ((Axis.ROW, self.row_share), (Axis.COL, self.col_share)):
            m.d.comb += [
                share.valid.eq(valid & step.last & step.reduce & (step.axis == axis)),
                share.p.sum.eq(total),
                share.p.takes.eq(step.takes),
                share.p.keeps.eq(step.keeps),
                share.p.to_host.eq(step.to_host),
                share.p.place.addr.eq(step.x_addr),
                share.p.place.shift.eq(step.shift),
                share.p.place.zero.eq(step.relu & not_above_zero),
            ]
