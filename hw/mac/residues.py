"""`Residues`: checks sums of products by their remainders modulo 3."""

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..cells.delay import later
from ..cells.mod3 import added, differ, digits, folded, multiplied

__all__ = ["Residues"]


class Residues(wiring.Component):
    """Computes each sum of a MAC again, modulo 3, and says where a sum is another one.

    A single bit that flips changes a number by a power of two, which 3 does not divide. So every
    single flip in the registers of a multiplier or an accumulator shows in the sum that it is a
    part of, and so does a product whose logic is wrong by no multiple of 3. Sums never wrap
    (docs/arithmetic.md, section 3), so the remainder of a sum is that of its terms. A word or a
    weight that comes in wrong is not found: it has a parity.

    It only looks: no result waits for it. Each stage of it is short, so it is on no critical path.

    Parameters
    ----------
    config : TorusConfig
    term_cycles : int
        Cycles from a row of words to the one in which its products are added; 2 or more.

    Members
    -------
    words, weights : In
        As of `Lanes`: a row of words, and the weights of each sum. Sampled on every cycle.
    en, first : In(1)
        `term_cycles` after its row: the row is added; it is the first of its sums.
    start : In(signed(bias_bits))
        What sums begin with. Sampled with `first`.
    sums : In(array of `lanes_out` signed sums)
        The accumulators, a cycle after `en`.
    done : In(1)
        With `sums`: they are whole.
    bad : Out(1)
        A sum that was `done` `CHECK_CYCLES` before is not what its words, weights and start give.
    """

    CHECK_CYCLES = 2

    def __init__(self, config, term_cycles):
        self.config = config
        self.term_cycles = term_cycles
        weights = data.ArrayLayout(signed(config.weight_bits), config.lanes_in)
        super().__init__({
            "words": In(data.ArrayLayout(signed(config.act_bits), config.lanes_in)),
            "weights": In(data.ArrayLayout(weights, config.lanes_out)),
            "en": In(1), "first": In(1),
            "start": In(signed(config.bias_bits)),
            "sums": In(data.ArrayLayout(signed(config.acc_bits), config.lanes_out)),
            "done": In(1),
            "bad": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config

        # A remainder takes two cycles from its number on: the running ones are two cycles behind
        # the sums, and are compared with those of the sums.
        words = [self._remainder(m, self.words[word], f"word_{word}")
                 for word in range(config.lanes_in)]
        start = self._remainder(m, self.start, "start")
        en = later(m, self.en, self.CHECK_CYCLES, "en", reset_less=False)[-1]
        first = later(m, self.first, self.CHECK_CYCLES, "first")[-1]
        done = later(m, self.done, self.CHECK_CYCLES, "done", reset_less=False)[-1]
        wrong = []
        for lane in range(config.lanes_out):
            products = []
            for word in range(config.lanes_in):
                weight = self._remainder(m, self.weights[lane][word], f"weight_{lane}_{word}")
                products.append(multiplied(m, words[word], weight))
            # The terms come three cycles after their words, and are added two after the products.
            term = Signal(2, name=f"term_{lane}_1", reset_less=True)
            m.d.sync += term.eq(folded(m, products))
            term = later(m, term, self.term_cycles + self.CHECK_CYCLES - 3, f"term_{lane}_late")[-1]
            running = Signal(2, name=f"running_{lane}", reset_less=True)
            with m.If(en):
                m.d.sync += running.eq(added(m, Mux(first, start, running), term))
            found = self._remainder(m, self.sums[lane], f"sum_{lane}")
            wrong.append(differ(m, running, found))
        m.d.comb += self.bad.eq(done & Cat(wrong).any())
        return m

    def _remainder(self, m, number, name):
        """Return the remainder of a signed number, two cycles later."""
        parts = folded(m, digits(number), keep=4)
        registers = Signal(2 * len(parts), name=f"{name}_parts", reset_less=True)
        remainder = Signal(2, name=f"{name}_remainder", reset_less=True)
        m.d.sync += [
            registers.eq(Cat(parts)),
            remainder.eq(folded(m, [registers.word_select(part, 2)
                                    for part in range(len(parts))])),
        ]
        return remainder
