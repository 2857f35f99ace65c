"""What a proof is about: a closed model, the checks that must always hold, and a goal."""

from typing import Any

from amaranth import *
from amaranth.asserts import AnyConst, AnySeq
from amaranth.back import rtlil
from amaranth.hdl import Assume, Value

__all__ = ["CHECK_SIGNAL", "Spec", "any_constant", "any_value"]

CHECK_SIGNAL = "check_"  # In a trace the n-th check is this and n: 0 where it fails.


class Spec:
    """A design under proof with all that is round it, in one module with a clock and no reset.

    Attributes
    ----------
    m
        The module. Whatever is free in it is an `any_value` or an `any_constant`, so it has no
        inputs.
    checks, lemmas, goal
        What is demanded, by name: of the contract, and of the inside of the implementation so that
        the contract can be proved; and the interesting end that some run must reach, lest the
        checks hold of nothing.
    """

    def __init__(self) -> None:
        self.m = Module()
        self._domain = ClockDomain("sync", reset_less=True)
        self.m.domains += self._domain
        self.checks: dict[str, Value] = {}
        self.lemmas: dict[str, Value] = {}
        self.goal: Value | None = None

    def check(self, name: str, holds: Any) -> None:
        """Demand that `holds` is true on every cycle; `name` says what is wrong where it is not."""
        self._add(self.checks, name, holds)

    def check_soon(self, name: str, owed: Any, cycles: int) -> Signal:
        """Demand that `owed` is never true on more than `cycles` cycles in a row.

        Returns
        -------
        Signal
            The number of cycles in a row before this one.
        """
        waited = Signal(range(cycles + 2), name=_identifier(f"waited_{name}"))
        self.m.d.sync += waited.eq(Mux(owed, Mux(waited > cycles, waited, waited + 1), 0))
        self.check(name, waited <= cycles)
        return waited

    def lemma(self, name: str, holds: Any) -> None:
        """Demand `holds` of the implementation, to be proved together with the checks."""
        self._add(self.lemmas, name, holds)

    def assume(self, holds: Any) -> None:
        """Leave out all runs on which `holds` is ever false."""
        self.m.d.comb += Assume(holds)

    def rtlil(self, asked: dict[str, Value]) -> str:
        """Return the model in Yosys's own format, with the assertions that are asked for."""
        top = Module()
        top.submodules.model = self.m
        for index, holds in enumerate(asked.values()):
            named = Signal(name=f"{CHECK_SIGNAL}{index}")
            top.d.comb += [named.eq(holds), Assert(named)]
        return rtlil.convert(top, "top", platform="formal", ports=[self._domain.clk],
                             emit_src=False)

    def _add(self, into: dict[str, Value], name: str, holds: Any) -> None:
        if name in self.checks or name in self.lemmas:
            raise ValueError(f"{name!r} is demanded twice")
        into[name] = Value.cast(holds).bool()


def any_constant(m: Module, name: str, shape: Any) -> Signal:
    """Return a signal with any value, the same on all cycles of a run."""
    return _free(m, name, shape, AnyConst)


def any_value(m: Module, name: str, shape: Any) -> Signal:
    """Return a signal with any value on each cycle."""
    return _free(m, name, shape, AnySeq)


def _free(m: Module, name: str, shape: Any, kind: Any) -> Signal:
    signal = Signal(shape, name=name)
    m.d.comb += signal.eq(kind(Shape.cast(shape).width))
    return signal


def _identifier(text: str) -> str:
    return "".join(letter if letter.isalnum() else "_" for letter in text)
