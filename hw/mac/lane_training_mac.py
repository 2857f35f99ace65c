"""`LaneTrainingMac`: the MAC of a torus that trains, with several sums and updates at once."""

from amaranth import *
from amaranth.lib import wiring

from ..cells.accumulator import Accumulator
from ..cells.delay import delayed
from ..cells.multiplier import Multiplier
from ..config import READ_CYCLES
from ..layouts import gradient_word
from .bias_update import BiasUpdate
from .gradient_rows import GradientRows
from .lfsr import Lfsr
from .results import Results
from .serialise import Serialise
from .training_mac import TrainingMac
from .training_mac_base import TrainingMacBase
from .weight_update import WeightUpdate

__all__ = ["LaneTrainingMac", "training_mac_of"]


class LaneTrainingMac(TrainingMacBase):
    """Does the steps of `MacControl` and `BackControl` as `TrainingMac` does, `lanes_out` at once.

    A step has a word and a row of weights, one for each lane. Forwards each lane adds up a sum of
    its own, and the sums leave one a cycle: see `LaneMac`. Backwards each lane multiplies its
    weight with a gradient of the row that the step names, and all products go to one share; each
    lane changes its weight by the word times its gradient. So a row of weights is read and one is
    written in each cycle. A lane without an output has a gradient of 0, so its weight stays.

    A share leaves `config.share_cycles` after the last step of its word. Rows of gradients are
    filled by `gradient_read`. A bias changes with the read of its gradient: it is written
    READ_CYCLES + 6 after it. All lanes share one generator of random bits (`Lfsr`).

    The parameters are those of `TrainingMacBase`, and so are the members but for these:

    gradient_read : In(stream)
        A gradient is being read: it is at `row_gradient`, `col_gradient` or `host_gradient`
        `READ_CYCLES` later. A step may come 2 cycles after the read of the last gradient of its
        row. Always accepted; with `bias`, not while `bias_busy` is high for another op's biases.
    bias_busy : Out(1)
        If a gradient with `bias` is read in the next cycle, the bias is read before sums have got
        theirs, or before a bias has been written. A register.
    """

    def elaborate(self, platform):
        m = Module()
        config, training = self.config, self.config.training
        lanes = range(config.lanes_out)
        m.submodules.results = results = Results(config)
        m.submodules.serialise = serialise = Serialise(config)
        m.submodules.rows = rows = GradientRows(config)
        m.submodules.bias_update = bias_update = BiasUpdate(config)
        m.submodules.lfsr = lfsr = Lfsr(config.lanes_out, config.checks)

        # The fields of a step go along from stage to stage; stage 0 is the step itself.
        sums = READ_CYCLES + 3
        forward = delayed(m, self.forward.valid, self.forward.p, sums, "forward")
        back = delayed(m, self.back.valid, self.back.p, config.share_cycles, "back")
        reads = delayed(m, self.gradient_read.valid, self.gradient_read.p, READ_CYCLES, "read")

        # Stage READ_CYCLES of a read: the gradient, on its way to its row and its bias.
        is_read, read = reads[READ_CYCLES]
        gradient = Signal(gradient_word(config))
        m.d.comb += [
            gradient.eq(Mux(read.from_host, self.host_gradient,
                            Mux(read.dest, self.col_gradient, self.row_gradient))),
            rows.write_en.eq(is_read),
            rows.write_row.eq(read.row),
            rows.write_lane.eq(read.lane),
            rows.write_data.eq(gradient),
            rows.read_row.eq(back[READ_CYCLES - 1][1].row),
            bias_update.i.valid.eq(is_read & read.bias),
            bias_update.i.p.addr.eq(read.b_addr),
            bias_update.i.p.decay.eq(read.decay),
            bias_update.i.p.apply.eq(read.apply),
            bias_update.i.p.shift.eq(read.bias_shift),
            bias_update.gradient.eq(gradient[:training.grad_bits]),
        ]
        comes, coming = reads[READ_CYCLES - 1]
        changes = comes & coming.bias
        bias, bias_velocity = self._bias_memories(
            m, platform, bias_update, Mux(changes, coming.b_addr, serialise.b_addr),
            changes | serialise.reads_bias)
        m.d.comb += [serialise.bias.eq(bias), bias_update.bias.eq(bias)]
        if training.velocity_bits:
            m.d.comb += bias_update.velocity.eq(bias_velocity)

        # Stage READ_CYCLES of a step: everything out of its memory.
        is_back, back_step = back[READ_CYCLES]
        axis = Mux(is_back, back_step.axis, forward[READ_CYCLES][1].axis)
        word = Signal(signed(config.act_bits))
        m.d.comb += word.eq(Mux(axis, self.col_word, self.row_word))
        updates = [WeightUpdate(config) for _ in lanes]
        gradients = list(rows.gradients)
        if config.checks:
            gradients = [row[:-1].as_signed() for row in rows.gradients]
            m.d.comb += [
                self.bad_gradient.eq((is_read & gradient.xor())
                                     | (is_back & Cat(row.xor() for row in rows.gradients).any())),
                self.bad_lfsr.eq(lfsr.bad),
            ]
        products = self._products(m, back[READ_CYCLES], word, gradients, updates, lfsr)

        # Forwards: a sum for each lane.
        is_forward, forward_step = forward[READ_CYCLES + 2]
        for lane in lanes:
            m.submodules[f"accumulator_{lane}"] = accumulator = Accumulator(
                config.acc_bits, len(products[lane]), config.bias_bits)
            m.d.comb += [
                accumulator.en.eq(is_forward),
                accumulator.first.eq(forward_step.first),
                accumulator.term.eq(products[lane]),
                serialise.i.p.sums[lane].eq(accumulator.sum),
            ]
        is_forward, forward_step = forward[sums - 1]
        ends = Signal()  # A register: the address of a bias depends on it.
        m.d.sync += ends.eq(is_forward & forward_step.last)
        _, forward_step = forward[sums]
        m.d.comb += [
            serialise.i.valid.eq(ends),
            serialise.i.p.finish.eq(forward_step.finish),
            serialise.i.p.where.eq(forward_step.result),
            serialise.i.p.bias.eq(forward_step.bias),
            serialise.i.p.b_addr.eq(forward_step.b_addr),
            serialise.i.p.group.eq(forward_step.group),
            self.result.valid.eq(results.o.valid),
            self.result.payload.eq(results.o.payload),
            self.for_row.eq(results.for_row),
            self.for_col.eq(results.for_col),
        ]
        wiring.connect(m, serialise.o, results.i)

        # Backwards: one sum of the products of all lanes.
        term = self._added(m, products)
        m.submodules.share_accumulator = accumulator = Accumulator(
            config.acc_bits, len(term), config.bias_bits)
        is_back, back_step = back[config.share_cycles - 1]
        m.d.comb += [
            accumulator.en.eq(is_back),
            accumulator.first.eq(back_step.first),
            accumulator.term.eq(term),
        ]
        self._share(m, back[config.share_cycles], accumulator.sum, word)

        # What is under way, known a cycle ahead.
        writes = Cat(valid & step.update for valid, step in back[:READ_CYCLES + 1])
        biases = Cat(valid & read.bias for valid, read in reads).any() | bias_update.pending
        under_way = Cat(valid for valid, _ in (*forward, *back, *reads)).any() | serialise.busy
        # An op whose gradients are read from two cycles on reads biases READ_CYCLES after that. By
        # then, all sums have theirs but those of these steps; and, if they are many, some before.
        steps = Cat(valid for valid, _ in forward[:config.lanes_out + READ_CYCLES])
        sums_left = steps.any() | (serialise.busy if config.lanes_out > 4 else 0)
        rests = Signal(init=1)
        m.d.sync += [
            self.bias_busy.eq(sums_left | biases),
            self.writing.eq(writes.any() | updates[0].pending | biases),
            rests.eq(~under_way & ~results.busy & ~writes[0] & ~self.writing),
        ]
        m.d.comb += self.idle.eq(rests)
        return m

    def _products(self, m, back, word, gradients, updates, lfsr):
        """Multiply in all lanes; return the products with the weights, 2 cycles later."""
        config, training = self.config, self.config.training
        is_back, step = back
        weights, velocities = self._weight_memories(m, updates)
        products = []
        for lane, update in enumerate(updates):
            multiplier = Multiplier(config.operand_bits, config.weight_bits)
            change = Multiplier(config.act_bits, training.grad_bits)
            m.submodules[f"multiplier_{lane}"] = multiplier
            m.submodules[f"change_multiplier_{lane}"] = change
            m.submodules[f"weight_update_{lane}"] = update
            m.d.comb += [
                multiplier.a.eq(Mux(is_back, gradients[lane], word)),
                multiplier.b.eq(weights[lane][-config.weight_bits:].as_signed()),
                change.a.eq(word),
                change.b.eq(gradients[lane]),
                update.i.valid.eq(is_back & step.update),
                update.i.p.addr.eq(step.w_addr),
                update.i.p.decay.eq(step.decay),
                update.i.p.apply.eq(step.apply),
                update.i.p.shift.eq(step.update_shift),
                update.weight.eq(weights[lane]),
                update.product.eq(change.product),
                update.lfsr.eq(lfsr.states[lane]),
            ]
            if training.velocity_bits:
                m.d.comb += update.velocity.eq(velocities[lane])
            products.append(multiplier.product)
        m.d.comb += [
            lfsr.step.eq(updates[0].takes),
            lfsr.load.valid.eq(self.load_lfsr.valid),
            lfsr.load.payload.eq(self.load_lfsr.payload),
            self.lfsr_record.eq(lfsr.states[0]),
        ]
        return products

    def _added(self, m, products):
        """Add the products of all lanes, two and two in a cycle."""
        terms = products
        while len(terms) > 1:
            pairs = []
            for left, right in zip(terms[::2], terms[1::2], strict=True):
                both = left + right
                pair = Signal(both.shape(), name=f"sum_of_{len(terms)}_{len(pairs)}",
                              reset_less=True)
                m.d.sync += pair.eq(both)
                pairs.append(pair)
            terms = pairs
        # Only sums whose padding is 0 are longer than the products of one lane.
        return terms[0][:self.config.acc_bits].as_signed()


def training_mac_of(config, **contents):
    """Return the MAC of a PE that trains: a `LaneTrainingMac` where it makes several sums."""
    return (TrainingMac if config.lanes_out == 1 else LaneTrainingMac)(config, **contents)
