"""A run whose host waits for what it has received before it sends more, as in training."""

import dataclasses
from collections.abc import Sequence
from typing import Any, NamedTuple

from hw.config import TorusConfig
from sw_driver.cycle_model.beats import Beats
from sw_driver.cycle_model.machine import Machine
from sw_driver.cycle_model.run import PATIENCE_CYCLES, SETTLING_CYCLES, Run, Steady
from sw_driver.cycle_model.tables import Tables
from sw_driver.errors import ProgramError
from sw_driver.program.program import Program

__all__ = ["Exchange", "ExchangeSimulation", "simulate_exchanges"]


class Exchange(NamedTuple):
    """Beats that the host gives, and takes, side by side; it goes on in the cycle after the last.

    In every cycle it offers a beat, as long as any are left, and accepts one.
    """

    gives: int
    takes: int


@dataclasses.dataclass(frozen=True)
class _Moment:
    """The end of an exchange: how many are over, the next cycle, beats given and taken, turns."""

    over: int
    cycle: int
    gave: int
    took: int
    turns: list[int]


class ExchangeSimulation:
    """A run in progress, exchange by exchange.

    Parameters
    ----------
    config
        Of the torus.
    program
        What is run.
    exchanges
        All that the host gives and takes, the program itself included.
    """

    def __init__(
        self, config: TorusConfig, program: Program, exchanges: Sequence[Exchange]
    ) -> None:
        self.machine = Machine(config, Tables.of_program(config, program))
        self.exchanges = exchanges
        self.over = 0
        """Exchanges that are complete."""
        self._gave = Beats(sum(one.gives for one in exchanges))
        self._took = Beats(sum(one.takes for one in exchanges))
        self._seen: dict[tuple[Any, ...], _Moment] = {}
        self._since: _Moment | None = None
        self.steady: Steady | None = None
        for _ in range(SETTLING_CYCLES):
            self.machine.step(False, False)

    @property
    def done(self) -> bool:
        """Whether all exchanges are complete."""
        return self.over == len(self.exchanges)

    @property
    def first_cycle(self) -> int:
        """The machine's cycle of the first beat given: cycle 0 of a `Run`."""
        return self._gave.first

    def exchange(self) -> None:
        """Carry out the next exchange.

        Raises
        ------
        ProgramError
            If the torus locks up.
        """
        machine, gave, took = self.machine, self._gave, self._took
        gives, takes = self.exchanges[self.over]
        patience, state = PATIENCE_CYCLES, None
        while gives or takes:
            cycle = machine.cycle
            given, taken = machine.step(gives > 0, takes > 0)
            if given:
                gave.add(cycle)
                gives -= 1
            if taken:
                took.add(cycle)
                takes -= 1
            patience = PATIENCE_CYCLES if given or taken else patience - 1
            if not patience:
                patience, before, state = PATIENCE_CYCLES, state, machine.state()
                if state == before:
                    raise ProgramError(
                        f"the program locks up with {gave.left} beats of the host not taken and "
                        f"{took.left} not given"
                    )
        self.over += 1

    def find_steady(self) -> Steady | None:
        """Go on until the torus comes to a state that it was in after an earlier exchange.

        Returns
        -------
        Exchanges and cycles between the two; None if the run ends before.
        """
        while self.steady is None and not self.done:
            self.exchange()
            now = self._moment()
            before = self._seen.setdefault(self.machine.state(), now)
            if before is not now and before.turns != now.turns and self._repetitions(before, now):
                self._since = before
                self.steady = Steady(now.over - before.over, now.cycle - before.cycle)
        return self.steady

    def latest(self) -> Steady:
        """The later half of what `find_steady` went through without success."""
        moments = list(self._seen.values())
        before, now = moments[len(moments) // 2], moments[-1]
        return Steady(now.over - before.over, now.cycle - before.cycle)

    def skip(self) -> None:
        """Right after `find_steady`, leave out what is known: all repetitions that are to come."""
        before, now = self._since, self._moment()
        if before is None:
            return
        made = [were - are for were, are in zip(before.turns, now.turns, strict=True)]
        left = min(left // turns for left, turns in zip(now.turns, made, strict=True) if turns)
        times = min(left, self._repetitions(before, now))
        self.machine.turn_less(times * turns for turns in made)
        cycles = now.cycle - before.cycle
        self._gave.repeat(before.gave, cycles, times)
        self._took.repeat(before.took, cycles, times)
        self.over += times * (now.over - before.over)

    def result(self) -> Run:
        """What has been run so far."""
        gave, took = self._gave.cycles(), self._took.cycles()
        return Run(gave - self.first_cycle, took - self.first_cycle, self.steady)

    def _moment(self) -> _Moment:
        machine = self.machine
        return _Moment(
            self.over, machine.cycle, self._gave.count, self._took.count, machine.turns()
        )

    def _repetitions(self, before: _Moment, now: _Moment) -> int:
        """How often the exchanges between two moments follow once more."""
        pattern = list(self.exchanges[before.over : now.over])
        size, times, at = len(pattern), 0, now.over
        while list(self.exchanges[at : at + size]) == pattern:
            times += 1
            at += size
        return times


def simulate_exchanges(config: TorusConfig, program: Program, exchanges: Sequence[Exchange]) -> Run:
    """Predict every beat of a program's run on a torus that waits for it, exactly.

    Turns of the program's loops that repeat what turns before them did are not stepped through.

    Raises
    ------
    ProgramError
        If the torus locks up.
    """
    run = ExchangeSimulation(config, program, exchanges)
    if run.find_steady():
        run.skip()
    while not run.done:
        run.exchange()
    return run.result()
