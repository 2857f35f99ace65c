"""`LaneMac`: a MAC that multiplies several words in a cycle, for one sum or for several."""

from amaranth import *
from amaranth.lib import wiring

from ..cells.delay import delayed
from ..cells.logic_rom import LogicRom
from ..cells.row_ram import row_ram
from ..config import READ_CYCLES
from .lanes import Lanes
from .mac import Mac
from .results import Results
from .serialise import Serialise

__all__ = ["LaneMac", "mac_of"]

# A block memory of 18 Kbit: its widest rows, and how many of them it has; rows of half that width.
_WIDE_BITS, _WIDE_ROWS, _DEEP_BITS = 36, 512, 18


class LaneMac(Mac):
    """Does the steps of `MacControl` as `Mac` does, `lanes_in` words and `lanes_out` sums at once.

    `row_word` and `col_word` are rows of `lanes_in` words. The weights of a step are a row of the
    weight memory; they are loaded `link_words` at once, and their address counts such pieces: the
    lowest bits say which one of a lane's row it is, those above which lane, those above these which
    row.

    A result comes `config.result_cycles` after the last step of its sum; those of sums made at once
    follow each other, one a cycle. Between the last steps of two walks there must be as many cycles
    as the first of them has sums.

    The parameters and members are those of `Mac`.
    """

    def elaborate(self, platform):
        m = Module()
        config = self.config

        m.submodules.lanes = lanes = Lanes(config)
        m.submodules.results = results = Results(config)
        memories, bias_memory = (
            self._folded_rows(m) if self.folded else self._row_memories(m, platform))
        bias_read = bias_memory.read_port(domain="comb")

        # The fields of a step go along from stage to stage; stage 0 is the step itself.
        terms = READ_CYCLES + lanes.term_cycles
        valid, step = zip(*delayed(m, self.step.valid, self.step.p, terms + 1, "step"),
                          strict=True)
        word = Mux(step[READ_CYCLES].axis, self.col_word, self.row_word)
        for number in range(config.lanes_in):
            m.d.comb += lanes.words[number].eq(word.word_select(number, config.word_bits))
        for weights in memories:
            m.d.comb += [
                weights.read_en.eq(valid[0]),
                weights.read_addr.eq(step[0].w_addr),
                weights.out_en.eq(1),
            ]
        m.d.comb += [
            Value.cast(lanes.weights).eq(
                Cat(self._plain(weights.read_data) for weights in memories)),
            lanes.en.eq(valid[terms]),
            lanes.first.eq(step[terms].first),
        ]

        done = step[terms + 1]
        # A bias comes out of its memory into a register, which is 0 where none is to be added.
        bias = Signal(signed(config.bias_bits))
        reads_bias = Signal()
        m.d.sync += bias.eq(Mux(reads_bias, self._bias(bias_read.data), 0))
        waits = Const(0)
        adds = valid[terms + 1] & done.first  # The bias, in the cycle before.
        if config.lanes_out == 1:
            m.d.comb += [
                reads_bias.eq(step[terms - 1].bias),
                bias_read.addr.eq(step[terms - 1].b_addr),
                lanes.start.eq(bias),
                results.i.valid.eq(valid[terms + 1] & done.last),
                results.i.p.acc.eq(lanes.sums[0]),
                results.i.p.finish.eq(done.finish),
                results.i.p.where.eq(done.result),
            ]
        else:
            m.submodules.serialise = serialise = Serialise(config)
            ends = Signal()  # A register: the address of a bias depends on it.
            m.d.sync += ends.eq(valid[terms] & step[terms].last)
            wiring.connect(m, serialise.o, results.i)
            m.d.comb += [
                serialise.i.valid.eq(ends),
                serialise.i.p.sums.eq(lanes.sums),
                serialise.i.p.finish.eq(done.finish),
                serialise.i.p.where.eq(done.result),
                serialise.i.p.bias.eq(done.bias),
                serialise.i.p.b_addr.eq(done.b_addr),
                serialise.i.p.group.eq(done.group),
                reads_bias.eq(serialise.reads_bias),
                bias_read.addr.eq(serialise.b_addr),
                serialise.bias.eq(bias),
            ]
            waits, adds = serialise.busy, serialise.o.valid
        m.d.comb += [
            self.result.valid.eq(results.o.valid),
            self.result.payload.eq(results.o.payload),
            self.for_row.eq(results.for_row),
            self.for_col.eq(results.for_col),
            self.idle.eq(~Cat(valid[1:]).any() & ~results.busy & ~waits),
        ]
        if self.checks:
            self._check(m, memories, valid[READ_CYCLES], bias,
                        self._bias_parity(bias_read.data, reads_bias), adds)
        if config.checks > 1:
            self._check_sums(m, lanes.term_cycles, valid[terms + 1] & done.last, [
                (name, Value.cast(getattr(lanes, name)))
                for name in ("words", "weights", "en", "first", "start", "sums")])
        return m

    def _row_memories(self, m, platform):
        """Make memories that hold a row of weights beside each other, and that of biases."""
        config, load = self.config, self.load_weight
        words, at_once = _memory_words(config), config.link_words
        # Words that are loaded at once may lie in several memories, of a word each.
        shared = max(words, at_once)
        in_memory = (shared // at_once - 1).bit_length()
        in_row = (config.row_weights // at_once - 1).bit_length()
        rows = self._weight_rows()
        memories = []
        for number in range(config.row_weights // words):
            first = number * words
            ram = row_ram(config.weight_bits + self.checks, words, config.weight_rows,
                          init=[word for row in rows for word in row[first:first + words]],
                          stored=min(words, at_once))
            m.submodules[f"weight_memory_{number}"] = ram
            chosen = load.valid & (load.p.addr[in_memory:in_row] == first // shared)
            loaded = load.p.weight if words == shared else load.p.weight[first % shared]
            m.d.comb += [
                ram.write_en.eq(chosen.replicate(len(ram.write_en))),
                ram.write_addr.eq(Cat(load.p.addr[:in_memory], load.p.addr[in_row:])),
                ram.write_data.eq(loaded),
            ]
            memories.append(ram)
        return memories, self._bias_memory(m, platform)

    def _folded_rows(self, m):
        """Make weights and biases as logic, which cannot be loaded; return both."""
        config = self.config
        rows = [sum(word << (config.weight_bits * number) for number, word in enumerate(row))
                for row in self._weight_rows()]
        m.submodules.weight_memory_0 = rom = LogicRom(
            config.weight_bits * config.row_weights, rows, config.weight_row_bits)
        return [rom], self._folded_biases(m)

    def _weight_rows(self):
        """The weights of each step, the first word of the first sum first."""
        words = self._weight_patterns()
        words += [0] * (-len(words) % self.config.row_weights)
        return list(zip(*[iter(words)] * self.config.row_weights, strict=True))


def _memory_words(config):
    """Weights of a row that one memory holds: what a block memory of 36 or 18 bits takes."""
    bits = _DEEP_BITS if config.weight_rows > _WIDE_ROWS else _WIDE_BITS
    word_bits = config.weight_bits + config.parity_bits
    return min(config.row_weights, bits // (9 if word_bits <= 9 else 18))


def mac_of(config, **contents):
    """Return the MAC of a PE: a `LaneMac` where it makes several products in a cycle."""
    return (Mac if config.row_weights == 1 else LaneMac)(config, **contents)
