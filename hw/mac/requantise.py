"""`Requantise`: makes a word of a sum, by a shift with rounding, saturation, and a ReLU or mask."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..config import REQUANTISE_CYCLES
from ..layouts import finish_layout, gradient_finish_layout

__all__ = ["Requantise"]


class Requantise(wiring.Component):
    """Computes `saturate(round_half_even(acc / 2**(min_shift + shift)))`; with `relu`, at least 0.

    Where the torus is `leaky`, a negative sum is shifted by `negative_shift` in place of `shift`.
    Where it is `bounded`, results saturate to `low` and `high`, which are of the op.
    docs/arithmetic.md defines rounding and saturation. It is a pipeline that gives one result a
    cycle, `LATENCY_CYCLES` after its sum, and never waits.

    Parameters
    ----------
    config : TorusConfig
    gradients : bool
        The sums are gradients: `min_grad_shift` is used for `min_shift`, and instead of `relu`
        there is `zero`, which makes the result 0.

    Members
    -------
    i : In(stream)
        A sum (`acc`, signed, `acc_bits`) and its `finish_layout`, or `gradient_finish_layout`.
        Always accepted.
    o : Out(stream)
        The activation, signed, `act_bits`; or the gradient, `grad_bits`. Never waits.
    """

    LATENCY_CYCLES = REQUANTISE_CYCLES

    def __init__(self, config, *, gradients=False):
        if gradients:
            self.result_bits = config.training.grad_bits
            self.min_shift = config.training.min_grad_shift
            finish = gradient_finish_layout(config)
        else:
            self.result_bits = config.act_bits
            self.min_shift = config.min_shift
            finish = finish_layout(config)
        self.gradients = gradients
        self.leaky = bool(config.leaky) and not gradients
        self.bounded = bool(config.bounded) and not gradients
        super().__init__({
            "i": In(stream.Signature(data.StructLayout({
                "acc": signed(config.acc_bits), "finish": finish,
            }), always_ready=True)),
            "o": Out(stream.Signature(signed(self.result_bits), always_ready=True)),
        })

    def elaborate(self, platform):
        m = Module()
        result_bits = self.result_bits
        finish = self.i.p.finish
        drop = "zero" if self.gradients else "relu"

        # One more bit below the point: after the shift it is the guard bit. Of the bits below it
        # only matters whether one is 1, which `sticky` says.
        acc = self.i.p.acc
        scaled = acc << 1
        state = {
            "value": scaled[self.min_shift:],
            "sticky": _any(scaled[:self.min_shift]),
            "over": Const(0),
            "sign": acc[-1],
            "shift": finish.shift if not self.leaky else Mux(
                acc[-1], finish.negative_shift, finish.shift),
            drop: finish[drop],
            "valid": self.i.valid,
        }
        if self.bounded:
            state |= {"low": finish.low, "high": finish.high}

        # The rest of the shift, its largest bit first, in two cycles. Those of large bits look at
        # most bits of the value, so no more than two are done in the first.
        order = list(reversed(range(len(finish.shift))))
        first = min(len(order) // 2, 2)
        for stage, bits in enumerate((order[:first], order[first:]), 1):
            for bit in bits:
                state |= self._shifted(state, bit)
            registers = {}
            for name, value in state.items():
                registers[name] = Signal(len(value), name=f"{name}_{stage}")
                m.d.sync += registers[name].eq(value)
            state = registers

        # Round half to even: up when above the half, and at the half when odd.
        value, sign = state["value"], state["sign"]
        guard, odd = value[0], value[1]
        rounded = Signal(result_bits)
        over = Signal()
        m.d.comb += [
            rounded.eq(value[1:] + (guard & (state["sticky"] | odd))),
            over.eq(state["over"] | (value[result_bits] != sign) | (~sign & rounded[-1])),
        ]
        m.d.sync += [
            self.o.valid.eq(state["valid"]),
            self.o.payload.eq(Mux(over, Cat((~sign).replicate(result_bits - 1), sign), rounded)),
        ]
        if self.bounded:
            # Compared before rounding, beside it: what is rounded up to a bound is at it.
            lost = state["over"] | (value[result_bits] != sign)
            floor = value[1:result_bits + 1].as_signed()
            low, high = state["low"].as_signed(), state["high"].as_signed()
            m.d.sync += self.o.payload.eq(Mux(
                Mux(lost, sign, floor < low), low, Mux(Mux(lost, ~sign, floor >= high), high,
                                                       rounded)))
        with m.If(state[drop] if self.gradients else state[drop] & sign):
            m.d.sync += self.o.payload.eq(0)
        return m

    def _shifted(self, state, bit):
        """Return the state after one bit of the shift.

        The value keeps the guard bit, the bits of the result, and as many bits above them as the
        bits of the shift that are still to come may bring in. `over` says that a dropped bit was
        not equal to the sign.
        """
        amount = 1 << bit
        kept = self.result_bits + amount
        value, sign, shifts = state["value"], state["sign"], state["shift"][bit]
        missing = kept + amount - len(value)
        if missing > 0:
            value = Cat(value, sign.replicate(missing))
        return {
            "value": Mux(shifts, value[amount:amount + kept], value[:kept]),
            "sticky": state["sticky"] | (shifts & value[:amount].any()),
            "over": state["over"] | _any(bit ^ sign for bit in value[kept + amount:])
                    | (~shifts & _any(bit ^ sign for bit in value[kept:kept + amount])),
        }


def _any(bits):
    """Whether any of some bits is 1; 0 if there are none."""
    bits = Cat(bits)
    return bits.any() if len(bits) else Const(0, 1)
