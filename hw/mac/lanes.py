"""`Lanes`: the multipliers and accumulators of a MAC that makes several products in a cycle."""

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..cells.accumulator import Accumulator
from ..cells.multiplier import Multiplier

__all__ = ["Lanes"]


class Lanes(wiring.Component):
    """Adds the products of a row of words and a row of weights to `lanes_out` sums, exactly.

    All lanes step together: each multiplies the same `lanes_in` words with weights of its own. A
    row may come in every cycle, and none ever waits.

    Parameters
    ----------
    config : TorusConfig

    Members
    -------
    words : In(array of `lanes_in` signed words)
        A row of words. Sampled on every cycle.
    weights : In(array of `lanes_out` arrays of `lanes_in` signed words)
        The weights of each sum. Sampled with `words`.
    en, first : In(1)
        `term_cycles` after its row: the row is added; it is the first of its sums.
    start : In(signed(bias_bits))
        What sums begin with. Sampled with `first`.
    sums : Out(array of `lanes_out` signed words)
        Registers: a row shows a cycle after `en`.
    """

    def __init__(self, config):
        self.config = config
        self.term_cycles = 2 + (config.lanes_in > 1)
        weights = data.ArrayLayout(signed(config.weight_bits), config.lanes_in)
        super().__init__({
            "words": In(data.ArrayLayout(signed(config.act_bits), config.lanes_in)),
            "weights": In(data.ArrayLayout(weights, config.lanes_out)),
            "en": In(1), "first": In(1),
            "start": In(signed(config.bias_bits)),
            "sums": Out(data.ArrayLayout(signed(config.acc_bits), config.lanes_out)),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config
        for lane in range(config.lanes_out):
            products = []
            for word in range(config.lanes_in):
                multiplier = Multiplier(config.act_bits, config.weight_bits)
                m.submodules[f"multiplier_{lane}_{word}"] = multiplier
                m.d.comb += [
                    multiplier.a.eq(self.words[word]),
                    multiplier.b.eq(self.weights[lane][word]),
                ]
                products.append(multiplier.product)
            term = products[0]
            if config.lanes_in > 1:
                both = products[0] + products[1]
                term = Signal(both.shape(), name=f"term_{lane}", reset_less=True)
                m.d.sync += term.eq(both)
            m.submodules[f"accumulator_{lane}"] = accumulator = Accumulator(
                config.acc_bits, len(term), config.bias_bits)
            m.d.comb += [
                accumulator.en.eq(self.en),
                accumulator.first.eq(self.first),
                accumulator.term.eq(term),
                accumulator.start.eq(self.start),
                self.sums[lane].eq(accumulator.sum),
            ]
        return m
