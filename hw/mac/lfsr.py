"""`Lfsr`: the random bits of all lanes of a MAC that trains, from one generator."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..config import LFSR_BITS, LFSR_TAPS

__all__ = ["Lfsr", "kept_parity", "lfsr_step"]


class Lfsr(wiring.Component):
    """A Galois LFSR that goes on by `lanes` steps at once, and shows every one of these states.

    Lane l uses the state l steps ahead. So the weights of a row use the states that they would use
    one after the other, and the state after a row does not depend on how many were changed at once.

    Parameters
    ----------
    lanes : int
    checks : int
        1 if there is a parity beside the state, which goes on with it.

    Members
    -------
    step : In(1)
        The states of this cycle are used: go on by `lanes` steps.
    load : In(stream)
        A new state, with `checks` its parity above it. Always accepted; with `step` in the same
        cycle the new state counts.
    states : Out(array of `lanes` words of 32 bits)
        The state, and those after it.
    bad : Out(1)
        With `checks`: the parity of the state is wrong in this cycle.
    """

    def __init__(self, lanes, checks=0):
        self.lanes = lanes
        self.checks = checks
        super().__init__({
            "step": In(1),
            "load": In(stream.Signature(LFSR_BITS + checks, always_ready=True)),
            "states": Out(data.ArrayLayout(LFSR_BITS, lanes)),
            **({"bad": Out(1)} if checks else {}),
        })

    def elaborate(self, platform):
        m = Module()
        lfsr = Signal(LFSR_BITS, init=1)
        following, shifted_out = lfsr, Const(0)
        for lane in range(self.lanes):
            m.d.comb += self.states[lane].eq(following)
            shifted_out ^= following[0]
            following = lfsr_step(following)
        if self.checks:
            m.d.comb += self.bad.eq(
                lfsr.xor() ^ kept_parity(m, self.step, shifted_out, self.load))
        with m.If(self.step):
            m.d.sync += lfsr.eq(following)
        with m.If(self.load.valid):
            m.d.sync += lfsr.eq(self.load.payload)
        return m


def kept_parity(m, step, shifted_out, load):
    """Return a register with the parity of an LFSR, which begins at 1, and is never made anew.

    A step drops the lowest bit, and flips an even number of other ones if that is a one.

    Parameters
    ----------
    m : Module
    step : Value
        The LFSR goes on.
    shifted_out : Value
        Parity of all bits that it drops then.
    load : stream
        A new state, its parity above it.
    """
    assert not LFSR_TAPS.bit_count() % 2, "flips an even number of bits"
    parity = Signal(init=1, name="lfsr_parity")
    with m.If(step):
        m.d.sync += parity.eq(parity ^ shifted_out)
    with m.If(load.valid):
        m.d.sync += parity.eq(load.payload[LFSR_BITS])
    return parity


def lfsr_step(state):
    """The state after a state."""
    return (state >> 1) ^ Mux(state[0], LFSR_TAPS, 0)
