"""`TrainingMacBase`: ports and memories of a MAC that trains, whatever its lanes."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..back_layouts import back_step_layout, gradient_read_layout
from ..cells.block_ram import BlockRam
from ..cells.delay import later
from ..cells.parity import memory_pattern, sealed
from ..cells.small_memory import small_memory
from ..config import LFSR_BITS, READ_CYCLES
from ..layouts import (
    bias_load_layout,
    contribution_layout,
    finished_layout,
    gradient_word,
    step_layout,
    weight_load_layout,
)
from ..op_fields import Axis

__all__ = ["TrainingMacBase"]

_CHECKED = ("bad_weight", "bad_bias", "bad_velocity", "bad_gradient", "bad_lfsr")


class TrainingMacBase(wiring.Component):
    """What `TrainingMac` and `LaneTrainingMac` have in common: their ports, memories and shares.

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
        The gradient that each memory of gradients reads for a step, or for `gradient_read`, as
        late; with `checks` its parity above it.
    gradient_read, bias_busy : In(stream), Out(1)
        With `lanes_out` above 1 only: see `LaneTrainingMac`.
    load_weight, load_bias, load_lfsr : In(stream)
        Records for the memories. Always accepted; none may come while `writing`.
    result, for_row, for_col : Out
        Results of steps forwards: see `Mac`.
    row_share, col_share : Out(stream)
        Contributions of steps backwards to the reduction on either axis. Never wait.
    look, look_addr : In(1), In
        Read the records at this address, which stays until they are there; no step may be done
        then or for `READ_CYCLES` more.
    weight_record, bias_record, lfsr_record : Out
        The records that were read, `READ_CYCLES` after `look`; they stay.
    idle : Out(1)
        No sum or update was under way in the cycle before. A register.
    writing : Out(1)
        A step of a cycle before will write a weight, a bias or a velocity in this cycle or later. A
        register.
    bad_weight, bad_bias, bad_velocity, bad_gradient, bad_lfsr : Out(1)
        With `checks`: a weight, a bias, an accumulated gradient, a gradient or the state of the
        generator has a wrong parity in this cycle, in which it is used or looked at.
    """

    def __init__(self, config, *, weights=(), biases=()):
        self.config = config
        self.weights = list(weights)
        self.biases = list(biases)
        self._bad_bias_velocity = Signal()
        gradient = In(gradient_word(config))
        checks = dict.fromkeys(_CHECKED, Out(1)) if config.checks else {}
        share = Out(stream.Signature(contribution_layout(config), always_ready=True))
        lanes = {} if config.lanes_out == 1 else {
            "gradient_read": In(stream.Signature(gradient_read_layout(config), always_ready=True)),
            "bias_busy": Out(1),
        }
        super().__init__({
            **lanes,
            "forward": In(stream.Signature(step_layout(config), always_ready=True)),
            "back": In(stream.Signature(back_step_layout(config), always_ready=True)),
            "row_word": In(config.word_bits), "col_word": In(config.word_bits),
            "row_gradient": gradient, "col_gradient": gradient, "host_gradient": gradient,
            "load_weight": In(stream.Signature(weight_load_layout(config), always_ready=True)),
            "load_bias": In(stream.Signature(bias_load_layout(config), always_ready=True)),
            "load_lfsr": In(stream.Signature(LFSR_BITS + config.checks, always_ready=True)),
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
            **checks,
        })

    def _weight_memories(self, m, updates):
        """Return the stored weights of a step and their velocities, as READ_CYCLES later.

        Each of `updates` is of a lane, whose weights lie in memories of their own.
        """
        config, load = self.config, self.load_weight
        in_row = config.sum_bits
        row = Mux(self.back.valid, self.back.p.w_addr, self.forward.p.w_addr)
        addr = Mux(self.look, self.look_addr[in_row:], row)
        found = []
        for lane, update in enumerate(updates):
            name = "" if len(updates) == 1 else f"_{lane}"
            loads = load.valid & (load.p.addr[:in_row] == lane) if in_row else load.valid
            found.append(self._lane_memories(m, update, name, loads, addr,
                                             self.weights[lane::len(updates)]))
        weights, velocities, records, wrong = zip(*found, strict=True)
        if config.checks:
            self._check_weights(m, *zip(*wrong, strict=True))
        record = Array(records)[self.look_addr[:in_row]] if in_row else records[0]
        m.d.comb += self.weight_record.eq(record)
        return weights, velocities

    def _check_weights(self, m, weights, velocities):
        """Tell which of the words that come out of memories, parities included, are wrong."""
        back = self.back.valid | self.look
        reads = later(m, self.forward.valid | back, READ_CYCLES, "weight_reads", reset_less=False)
        m.d.comb += self.bad_weight.eq(reads[-1] & Cat(word.xor() for word in weights).any())
        if self.config.training.velocity_bits:
            reads = later(m, back, READ_CYCLES, "velocity_reads", reset_less=False)
            wrong = reads[-1] & Cat(word.xor() for word in velocities).any()
            m.d.comb += self.bad_velocity.eq(wrong | self._bad_bias_velocity)

    def _lane_memories(self, m, update, suffix, loads, addr, weights):
        """Return a weight of a step, its velocity, the record of both, and both with parities.

        The parity of a stored weight lies above the bits that are multiplied.
        """
        config, training, load = self.config, self.config.training, self.load_weight
        low_bits = training.master_bits - config.weight_bits
        words = [memory_pattern(word, training.master_bits, config.checks) for word in weights]
        writes, load_addr = update.new_weight, load.p.addr[config.sum_bits:]

        def memory_of(name, bits, init, valid, write_addr, write_data):
            m.submodules[name + suffix] = block = BlockRam(bits, config.weight_rows, init=init)
            m.d.comb += [
                block.write_en.eq(valid | loads),
                block.write_addr.eq(Mux(loads, load_addr, write_addr)),
                block.write_data.eq(write_data),
                block.read_en.eq(self.forward.valid | self.back.valid | self.look),
                block.read_addr.eq(addr),
                block.out_en.eq(1),
            ]
            return block.read_data

        written = Mux(loads, load.p.weight, sealed(config, writes.p.weight))
        weight = memory_of("weight_memory", config.weight_bits + config.checks,
                           [w >> low_bits for w in words],
                           writes.valid, writes.p.addr, written[low_bits:])
        if low_bits:
            low = memory_of("weight_low_memory", low_bits,
                            [w & ((1 << low_bits) - 1) for w in words],
                            writes.valid, writes.p.addr, written[:low_bits])
            weight = Cat(low, weight)
        found = [weight, None]
        weight = weight[:training.master_bits]
        record = Cat(weight, weight[-1].replicate(
            config.master_chunks * config.word_bits - training.master_bits))
        velocity = None
        if training.velocity_bits:
            new = update.new_velocity
            velocity = memory_of(
                "velocity_memory", training.velocity_bits + config.checks, [], new.valid,
                new.p.addr, Mux(loads, load.p.velocity, sealed(config, new.p.velocity)))
            found[1] = velocity
            velocity = velocity[:training.velocity_bits]
            record = Cat(record, velocity, velocity[-1].replicate(
                config.velocity_chunks * config.word_bits - training.velocity_bits))
        return weight.as_signed(), velocity, record, found

    def _bias_memories(self, m, platform, update, step_addr, reads=None, uses=None):
        """Return the bias at an address and its velocity, a cycle later. Both are registers.

        Where `reads` is given, the bias is 0 after a cycle in which it is low. With `checks` the
        bias is looked at after a cycle in which it, or `uses` in its place, is high. No address is
        read in the cycle in which it is written: an op that changes biases, or needs those that
        have changed, begins after they are written, and a record is looked at or loaded while the
        MAC is idle.
        """
        config, training = self.config, self.config.training
        addr = Mux(self.look, self.look_addr, step_addr)
        load = self.load_bias

        def memory_of(name, bits, init, valid, write_addr, new, loaded):
            shape = unsigned(bits + 1) if config.checks else signed(bits)
            m.submodules[name] = words = small_memory(shape, config.bias_words, init, platform)
            write, read = words.write_port(), words.read_port(domain="comb")
            m.d.comb += [
                write.en.eq(valid | load.valid),
                write.addr.eq(Mux(load.valid, load.p.addr, write_addr)),
                write.data.eq(Mux(load.valid, loaded, sealed(config, new))),
                read.addr.eq(addr),
            ]
            return read.data

        new = update.new_bias
        bias = Signal(signed(config.bias_bits))
        biases = [memory_pattern(word, config.bias_bits, True) for word in self.biases
                  ] if config.checks else self.biases
        word = memory_of("bias_memory", config.bias_bits, biases, new.valid, new.p.addr,
                         new.p.bias, load.p.bias)
        if config.checks:
            used = later(m, (uses if reads is None else reads) | self.look, 1, "bias_used",
                         reset_less=False)[-1]
            word = self._checked(m, word, bias, used, self.bad_bias)
        m.d.sync += bias.eq(word if reads is None else Mux(reads | self.look, word, 0))
        record = Cat(bias, bias[-1].replicate(
            config.bias_chunks * config.word_bits - config.bias_bits))
        velocity = None
        if training.velocity_bits:
            new = update.new_velocity
            velocity = Signal(signed(training.velocity_bits))
            word = memory_of(
                "bias_velocity_memory", training.velocity_bits, [], new.valid, new.p.addr,
                new.p.velocity, load.p.velocity)
            if config.checks:
                word = self._checked(m, word, velocity, used, self._bad_bias_velocity)
            m.d.sync += velocity.eq(word)
            record = Cat(record, velocity, velocity[-1].replicate(
                config.velocity_chunks * config.word_bits - training.velocity_bits))
        held = Signal(len(record))
        looked = Signal()
        m.d.sync += looked.eq(self.look)
        with m.If(looked):
            m.d.sync += held.eq(record)
        m.d.comb += self.bias_record.eq(held)
        return bias, velocity

    def _gradient(self, m, chosen, used):
        """Return a gradient without its parity, which is looked at where it is used."""
        if not self.config.checks:
            return chosen
        m.d.comb += self.bad_gradient.eq(used & chosen.xor())
        return chosen[:-1]

    def _checked(self, m, word, held, used, bad):
        """Look at a word with its parity in the register `held`, which gets it next, where used."""
        kept = Signal(name=f"{held.name}_parity")
        m.d.sync += kept.eq(word[-1])
        m.d.comb += bad.eq(used & (held.xor() ^ kept))
        return word[:-1]

    def _share(self, m, step, total, word):
        """Hand a complete sum of a step backwards to the reduce engine of its axis."""
        valid, step = step
        not_above_zero = later(m, word[-1] | ~word.any(), self.config.share_cycles - READ_CYCLES,
                               "not_above_zero")[-1]
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
