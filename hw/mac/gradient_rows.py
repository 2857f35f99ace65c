"""`GradientRows`: the gradients of the outputs of coming repetitions, as many at once as lanes."""

from amaranth import *
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from ..layouts import gradient_word

__all__ = ["GradientRows"]


class GradientRows(wiring.Component):
    """Rows of `lanes_out` gradients, written a gradient at a time and read a row at a time.

    A gradient that is written makes those behind it in its row 0. So lanes without an output have
    gradients of 0, if a row is written from its first lane on.

    With `checks` each gradient has its parity above it, as it came.

    Parameters
    ----------
    config : TorusConfig
        With `training`, and `lanes_out` above 1.

    Members
    -------
    write_en, write_row, write_lane, write_data : In
        Sampled on every cycle; the gradient can be read from the next cycle on.
    read_row : In
        Sampled on every cycle.
    gradients : Out(array of `lanes_out` signed words)
        The row of the cycle before. Registers.
    """

    def __init__(self, config):
        self.config = config
        rows = range(config.training.gradient_rows)
        word = gradient_word(config)
        super().__init__({
            "write_en": In(1), "write_row": In(rows), "write_lane": In(config.sum_bits),
            "write_data": In(word),
            "read_row": In(rows),
            "gradients": Out(data.ArrayLayout(word, config.lanes_out)),
        })

    def elaborate(self, platform):
        m = Module()
        training = self.config.training
        for lane in range(self.config.lanes_out):
            m.submodules[f"lane_{lane}"] = words = memory.Memory(
                shape=gradient_word(self.config), depth=training.gradient_rows, init=[])
            write, read = words.write_port(), words.read_port(domain="comb")
            up_to_here = Cat(self.write_lane == first for first in range(lane + 1)).any()
            last = lane == self.config.lanes_out - 1  # Every gradient is up to here.
            m.d.comb += [
                write.en.eq(self.write_en if last else self.write_en & up_to_here),
                write.addr.eq(self.write_row),
                write.data.eq(Mux(self.write_lane == lane, self.write_data, 0)),
                read.addr.eq(self.read_row),
            ]
            m.d.sync += self.gradients[lane].eq(read.data)
        return m
