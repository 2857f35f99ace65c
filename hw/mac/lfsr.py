"""`Lfsr`: the random bits of all lanes of a MAC that trains, from one generator."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..config import LFSR_BITS, LFSR_TAPS

__all__ = ["Lfsr", "lfsr_step"]


class Lfsr(wiring.Component):
    """A Galois LFSR that goes on by `lanes` steps at once, and shows every one of these states.

    Lane l uses the state l steps ahead. So the weights of a row use the states that they would use
    one after the other, and the state after a row does not depend on how many were changed at once.

    Parameters
    ----------
    lanes : int

    Members
    -------
    step : In(1)
        The states of this cycle are used: go on by `lanes` steps.
    load : In(stream)
        A new state. Always accepted; with `step` in the same cycle the new state counts.
    states : Out(array of `lanes` words of 32 bits)
        The state, and those after it.
    """

    def __init__(self, lanes):
        self.lanes = lanes
        super().__init__({
            "step": In(1),
            "load": In(stream.Signature(LFSR_BITS, always_ready=True)),
            "states": Out(data.ArrayLayout(LFSR_BITS, lanes)),
        })

    def elaborate(self, platform):
        m = Module()
        lfsr = Signal(LFSR_BITS, init=1)
        following = lfsr
        for lane in range(self.lanes):
            m.d.comb += self.states[lane].eq(following)
            following = lfsr_step(following)
        with m.If(self.step):
            m.d.sync += lfsr.eq(following)
        with m.If(self.load.valid):
            m.d.sync += lfsr.eq(self.load.payload)
        return m


def lfsr_step(state):
    """The state after a state."""
    return (state >> 1) ^ Mux(state[0], LFSR_TAPS, 0)
