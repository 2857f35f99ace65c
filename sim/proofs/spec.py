"""What a proof is about: a closed model, the checks that must always hold, and a goal."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from amaranth import *
from amaranth.asserts import AnyConst, AnySeq
from amaranth.back import rtlil
from amaranth.hdl import Assume, Value

__all__ = ["CHECK_SIGNAL", "Rest", "Spec", "Wait", "any_constant", "any_value"]

CHECK_SIGNAL = "check_"  # In a trace the n-th check is this and n: 0 where it fails.


@dataclass(frozen=True)
class Wait:
    """Something that is owed now, and for how many cycles it has been before."""

    owed: Signal
    cycles: Signal


@dataclass(frozen=True)
class Rest:
    """Whether a player moves now, and since when it could have, if that is bounded."""

    over: Signal
    wait: Wait | None


class Spec:
    """A design under proof with all that is round it, in one module with a clock.

    Parameters
    ----------
    restarts
        There is a reset, which comes at any time. It is one for the design and for all that is
        round it, so that the world begins anew; what is declared `reset_less` remembers.

    Attributes
    ----------
    m
        The module. Whatever is free in it is an `any_value` or an `any_constant`, so it has no
        inputs.
    checks, lemmas, goal
        What is demanded, by name: of the contract, and of the inside of the implementation so that
        the contract can be proved; and the interesting end that some run must reach, lest the
        checks hold of nothing.
    restart
        The reset, a constant 0 without `restarts`.
    """

    def __init__(self, *, restarts: bool = False) -> None:
        self.m = Module()
        self._domain = ClockDomain("sync", reset_less=not restarts)
        self.m.domains += self._domain
        self.restart: Value = Const(0)
        if restarts:
            self.restart = any_value(self.m, "restart", 1)
            self.m.d.comb += self._domain.rst.eq(self.restart)
        self.checks: dict[str, Value] = {}
        self.lemmas: dict[str, Value] = {}
        self.goal: Value | None = None
        self._look_inside: list[Callable[[], Any]] = []

    def check(self, name: str, holds: Any) -> None:
        """Demand that `holds` is true on every cycle; `name` says what is wrong where it is not."""
        self._add(self.checks, name, holds)

    def check_soon(self, name: str, owed: Any, cycles: int) -> "Wait":
        """Demand that `owed` is never true on more than `cycles` cycles in a row."""
        wait = self._wait(name, owed, cycles + 1)
        self.check(name, wait.cycles <= cycles)
        return wait

    def soon(self, name: str, wanted: Any, cycles: int | None) -> "Rest":
        """Return whether a player moves: at any time, or after `cycles` cycles of `wanted`.

        With None it may rest for ever.
        """
        happens = any_value(self.m, _identifier(name), 1)
        if cycles is None:
            return Rest(happens, None)
        by_now = Signal(name=_identifier(f"{name}_by_now"))
        wait = self._wait(name, Value.cast(wanted) & ~by_now, cycles)
        self.m.d.comb += by_now.eq(happens | (wait.cycles == cycles))
        self.lemma(f"{name}: rests too long", wait.cycles <= cycles)
        return Rest(by_now, wait)

    def _wait(self, name: str, owed: Any, most: int) -> "Wait":
        is_owed = Signal(name=_identifier(f"owed_{name}"))
        waited = Signal(range(most + 1), name=_identifier(f"waited_{name}"))
        self.m.d.comb += is_owed.eq(owed)
        self.m.d.sync += waited.eq(Mux(is_owed, Mux(waited == most, waited, waited + 1), 0))
        return Wait(is_owed, waited)

    def lemma(self, name: str, holds: Any) -> None:
        """Demand `holds` of the implementation, to be proved together with the checks."""
        self._add(self.lemmas, name, holds)

    def look_inside(self, add_lemmas: Callable[[], Any]) -> None:
        """Have `add_lemmas` called if lemmas are asked for, before anything is elaborated."""
        self._look_inside.append(add_lemmas)

    def checks_and_lemmas(self) -> dict[str, Value]:
        """Return all that an induction needs; to be called once."""
        for add_lemmas in self._look_inside:
            add_lemmas()
        return {**self.checks, **self.lemmas}

    def was_restarted(self, busy: Any) -> Value:
        """Return whether a reset has come while `busy` was true."""
        was = Signal(name="was_restarted", reset_less=True)
        with self.m.If(self.restart & busy):
            self.m.d.sync += was.eq(1)
        return was

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
