"""`Mac`: weight and bias memories, multiplier, accumulator, and the way out of a stage."""

from amaranth import *
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out

from ..cells.accumulator import Accumulator
from ..cells.block_ram import BlockRam
from ..cells.delay import delayed
from ..cells.logic_rom import AS_LOGIC, LogicRom
from ..cells.multiplier import Multiplier
from ..cells.parity import memory_pattern, parity_fails
from ..cells.small_memory import small_memory
from ..config import MAC_CYCLES, READ_CYCLES
from ..layouts import bias_load_layout, finished_layout, step_layout, weight_load_layout
from .residues import Residues
from .results import Results

__all__ = ["Mac"]


class Mac(wiring.Component):
    """Does the steps of `MacControl`: one multiplication and addition a cycle, exactly.

    The words of a step come `READ_CYCLES` after it, from the gather buffer of its axis. A result
    comes `LATENCY_CYCLES` after the last step of its sum. Nothing in a MAC ever waits. Weights and
    biases may be loaded while no step reads the same address.

    Parameters
    ----------
    config : TorusConfig
    weights, biases : list of int
        Contents of the memories after configuration, from address 0 up; the rest is zero.
    folded : bool
        Weights and biases are logic instead of memories: what is loaded changes nothing.

    Members
    -------
    step : In(stream)
        See `MacControl`.
    row_word, col_word : In(word_bits)
        The word at the step's address in either buffer, `READ_CYCLES` after the step; only the low
        `act_bits` are used.
    load_weight, load_bias : In(stream)
        Writes to the memories. Always accepted.
    result : Out(stream)
        A finished activation, and where it goes. Never waits.
    for_row, for_col : Out(1)
        High with a result for that axis. Registers, since a ring's readiness depends on them.
    idle : Out(1)
        No sum is under way; a step in this cycle does not count.
    bad_weight, bad_bias : Out(1)
        With `checks`: the parity of a weight is wrong, in the cycle in which it is multiplied; that
        of a bias, in the cycle after it is added. Never where weights are `folded`.
    bad_sum : Out(1)
        With `checks` of 2 or more: a sum is not what its terms give (`Residues`). It is high a
        cycle before the result of that sum, or earlier.
    """

    LATENCY_CYCLES = MAC_CYCLES

    def __init__(self, config, *, weights=(), biases=(), folded=False):
        self.config = config
        self.weights = list(weights)
        self.biases = list(biases)
        self.folded = folded
        self.checks = bool(config.checks) and not folded
        super().__init__({
            "step": In(stream.Signature(step_layout(config), always_ready=True)),
            "row_word": In(config.word_bits * config.lanes_in),
            "col_word": In(config.word_bits * config.lanes_in),
            "load_weight": In(stream.Signature(weight_load_layout(config), always_ready=True)),
            "load_bias": In(stream.Signature(bias_load_layout(config), always_ready=True)),
            "result": Out(stream.Signature(finished_layout(config), always_ready=True)),
            "for_row": Out(1),
            "for_col": Out(1),
            "idle": Out(1),
            **({"bad_weight": Out(1), "bad_bias": Out(1)} if config.checks else {}),
            **({"bad_sum": Out(1)} if config.checks > 1 else {}),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config

        weights, bias_memory = self._folded(m) if self.folded else self._memories(m, platform)
        m.submodules.multiplier = multiplier = Multiplier(config.act_bits, config.weight_bits)
        m.submodules.accumulator = accumulator = Accumulator(
            config.acc_bits, config.act_bits + config.weight_bits, config.bias_bits)
        m.submodules.results = results = Results(config)
        bias_read = bias_memory.read_port(domain="comb")

        # The fields of a step go along from stage to stage; stage 0 is the step itself.
        stages = READ_CYCLES + 3
        valid, step = zip(*delayed(m, self.step.valid, self.step.p, stages, "step"), strict=True)

        # To stage READ_CYCLES: word and weight out of the memories.
        m.d.comb += [
            weights.read_en.eq(valid[0]),
            weights.read_addr.eq(step[0].w_addr),
            weights.out_en.eq(1),
            multiplier.a.eq(Mux(step[READ_CYCLES].axis, self.col_word, self.row_word)),
            multiplier.b.eq(self._plain(weights.read_data)),
        ]

        # Two stages further on: their product, and what the sum starts with.
        bias = Signal(signed(config.bias_bits))
        reads_bias = step[READ_CYCLES + 1]
        m.d.comb += bias_read.addr.eq(reads_bias.b_addr)
        m.d.sync += bias.eq(Mux(reads_bias.bias, self._bias(bias_read.data), 0))
        m.d.comb += [
            accumulator.en.eq(valid[READ_CYCLES + 2]),
            accumulator.first.eq(step[READ_CYCLES + 2].first),
            accumulator.term.eq(multiplier.product),
            accumulator.start.eq(bias),
        ]

        # The last stage: the sum.
        m.d.comb += [
            results.i.valid.eq(valid[stages] & step[stages].last),
            results.i.p.acc.eq(accumulator.sum),
            results.i.p.finish.eq(step[stages].finish),
            results.i.p.where.eq(step[stages].result),
            self.result.valid.eq(results.o.valid),
            self.result.payload.eq(results.o.payload),
            self.for_row.eq(results.for_row),
            self.for_col.eq(results.for_col),
            self.idle.eq(~Cat(valid[1:]).any() & ~results.busy),
        ]
        if self.checks:
            parity = self._bias_parity(bias_read.data, reads_bias.bias)
            self._check(m, [weights], valid[READ_CYCLES], bias, parity,
                        valid[stages] & step[stages].first)
        if config.checks > 1:
            self._check_sums(m, 2, valid[stages] & step[stages].last, [
                ("words", multiplier.a), ("weights", multiplier.b), ("en", accumulator.en),
                ("first", accumulator.first), ("start", bias), ("sums", accumulator.sum)])
        return m

    def _plain(self, weights):
        """Weights as they are read, without their parities."""
        if not self.checks:
            return weights
        bits = self.config.weight_bits
        return Cat(weights.word_select(word, bits + 1)[:bits]
                   for word in range(len(weights) // (bits + 1)))

    def _bias(self, bias):
        """A bias as it is read, without its parity."""
        return bias[:self.config.bias_bits] if self.checks else bias

    def _bias_parity(self, bias, reads):
        """What comes of the parity of a bias, 0 where none is read.

        As a gate and not as a choice, it would keep Yosys from making a block RAM of the memory
        (findings/yosys-an-and-undoes-a-block-ram.sh).
        """
        return Mux(reads, bias[-1], 0)

    def _check(self, m, memories, reads, bias, parity, used):
        """Look at the weights that are read, and at the register of the bias.

        `parity` is that of the bias that this register takes, and `used` says, in the cycle after
        the register has it, that it was added.
        """
        kept, wrong = Signal(name="bias_parity"), Signal(name="bias_wrong")
        m.d.sync += [kept.eq(parity), wrong.eq(bias.xor() ^ kept)]
        m.d.comb += [
            self.bad_weight.eq(reads & Cat(
                parity_fails(weights.read_data, self.config.weight_bits + 1)
                for weights in memories).any()),
            self.bad_bias.eq(used & wrong),
        ]

    def _check_sums(self, m, term_cycles, done, looked_at):
        """Compare sums with their remainders: `looked_at` has inputs of `Residues`, by name."""
        m.submodules.residues = residues = Residues(self.config, term_cycles)
        m.d.comb += [Value.cast(getattr(residues, name)).eq(value) for name, value in looked_at]
        m.d.comb += [residues.done.eq(done), self.bad_sum.eq(residues.bad)]

    def _memories(self, m, platform):
        """Make the memories of weights and biases, which can be loaded; return both."""
        config = self.config
        m.submodules.weight_memory = weights = BlockRam(
            config.weight_bits + self.checks, config.weight_words, init=self._weight_patterns())
        m.d.comb += [
            weights.write_en.eq(self.load_weight.valid),
            weights.write_addr.eq(self.load_weight.p.addr),
            weights.write_data.eq(self.load_weight.p.weight),
        ]
        return weights, self._bias_memory(m, platform)

    def _bias_memory(self, m, platform):
        """Make the memory of biases, which can be loaded."""
        config, shape, biases = self.config, signed(self.config.bias_bits), self.biases
        if self.checks:
            shape = unsigned(config.bias_bits + 1)
            biases = [memory_pattern(bias, config.bias_bits, True) for bias in biases]
        m.submodules.bias_memory = bias_memory = small_memory(
            shape, config.bias_words, biases, platform)
        bias_write = bias_memory.write_port()
        m.d.comb += [
            bias_write.en.eq(self.load_bias.valid),
            bias_write.addr.eq(self.load_bias.p.addr),
            bias_write.data.eq(self.load_bias.p.bias),
        ]
        return bias_memory

    def _folded(self, m):
        """Make the weights and biases as logic, which cannot be loaded; return both."""
        config = self.config
        m.submodules.weight_memory = weights = LogicRom(
            config.weight_bits, self._weight_patterns(), config.weight_addr_bits)
        return weights, self._folded_biases(m)

    def _folded_biases(self, m):
        """Make the biases as logic, which cannot be loaded."""
        biases = self.biases or [0]
        m.submodules.bias_memory = bias_memory = memory.Memory(
            shape=signed(self.config.bias_bits), depth=len(biases), init=biases,
            attrs=AS_LOGIC)
        return bias_memory

    def _weight_patterns(self):
        bits = self.config.weight_bits
        return [memory_pattern(weight, bits, self.checks) for weight in self.weights]
