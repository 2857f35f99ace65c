"""A whole run: a program, a host that never stalls, and the cycle of every beat."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from hw.config import HARDWARE_ID_BITS, TorusConfig
from hw.op_fields import LOOP, HostInKind, HostOutKind
from sw_driver.cycle_model.beats import Beats, Cycles
from sw_driver.cycle_model.machine import Machine
from sw_driver.cycle_model.tables import Queue, Tables
from sw_driver.errors import ProgramError
from sw_driver.program.image import Op
from sw_driver.program.program import Program

__all__ = ["PATIENCE_CYCLES", "SETTLING_CYCLES", "Run", "Simulation", "Steady", "simulate"]

# From a reset until nothing moves before the host sends: all built-in ops have been taken.
SETTLING_CYCLES = 16
# Without a beat for so long, a torus is looked at: if it does not change either, it is stuck. A
# multiple of three, since the fetch units go round in three cycles.
PATIENCE_CYCLES = 3 << 11
# A run that comes to more different states than that is not searched for a repetition any more.
_MOST_STATES = 300


@dataclasses.dataclass(frozen=True)
class Steady:
    """What a long run repeats.

    Parameters
    ----------
    collected
        Repetitions of COLLECT ops in it, or exchanges; of a compiled net, samples.
    cycles
        Cycles that it takes.
    """

    collected: int
    cycles: int


@dataclasses.dataclass(frozen=True, eq=False)
class Run:
    """What a program's run takes.

    Parameters
    ----------
    in_cycles, out_cycles
        Cycle of every beat that the host gives, and of every one that it takes; cycle 0 is that of
        the first beat given.
    steady
        What it repeats; None if it ends before it repeats anything.
    """

    in_cycles: Cycles
    out_cycles: Cycles
    steady: Steady | None

    @property
    def cycles(self) -> int:
        """From the first beat given to the last one given or taken, both included."""
        return 1 + max(int(stamps.max(initial=0)) for stamps in (self.in_cycles, self.out_cycles))


def simulate(config: TorusConfig, program: Program) -> Run:
    """Predict every beat of a program's run on a torus that waits for it, exactly.

    The host offers and accepts a beat in every cycle. Turns of the program's loops that repeat what
    turns before them did are not stepped through, so long runs cost little more than short ones.

    Raises
    ------
    ProgramError
        If the torus locks up.
    """
    run = Simulation(config, program)
    if run.find_steady():
        run.skip()
    while not run.done:
        run.collect(1)
    return run.result()


class Simulation:
    """A run in progress, step by step; see `simulate`.

    Parameters
    ----------
    config
        Of the torus.
    program
        What is run.
    """

    def __init__(self, config: TorusConfig, program: Program) -> None:
        tables = Tables.of_program(config, program)
        self.machine = Machine(config, tables)
        self.steady: Steady | None = None
        self._gave = Beats(_input_beats(config, tables))
        self._took = Beats(_output_beats(config, tables))
        self._seen: dict[tuple[Any, ...], _Moment] = {}
        self._since: _Moment | None = None
        for _ in range(SETTLING_CYCLES):
            self.machine.step(False, False)

    @property
    def done(self) -> bool:
        """Whether every beat has been given and taken."""
        return not (self._gave.left or self._took.left)

    @property
    def first_cycle(self) -> int:
        """The machine's cycle of the first beat given: cycle 0 of a `Run`."""
        return self._gave.first

    def collect(self, repetitions: int) -> None:
        """Go on until so many repetitions of COLLECT ops are complete, or to the end.

        Raises
        ------
        ProgramError
            If the torus locks up.
        """
        machine, gave, took = self.machine, self._gave, self._took
        collector = machine.collector
        wanted = collector.completed + repetitions
        patience, state = PATIENCE_CYCLES, None
        while collector.completed < wanted and (gave.left or took.left):
            cycle = machine.cycle
            given, taken = machine.step(gave.left > 0, took.left > 0)
            if given:
                gave.add(cycle)
            if taken:
                took.add(cycle)
            patience = PATIENCE_CYCLES if given or taken else patience - 1
            if not patience:
                patience, before, state = PATIENCE_CYCLES, state, machine.state()
                if state == before:
                    raise ProgramError(
                        f"the program locks up with {gave.left} beats of the host not taken and "
                        f"{took.left} not given"
                    )

    def find_steady(self) -> Steady | None:
        """Go on until a state returns that was there after an earlier repetition of a COLLECT.

        Returns
        -------
        What is between the two; None if the run ends before, or comes to too many states.
        """
        while self.steady is None and not self.done and len(self._seen) < _MOST_STATES:
            self.collect(1)
            now = self._moment()
            before = self._seen.setdefault(self.machine.state(), now)
            if before is not now and before.turns != now.turns:
                self._since = before
                self.steady = Steady(now.collected - before.collected, now.cycle - before.cycle)
        return self.steady

    def latest(self) -> Steady:
        """The later half of what `find_steady` went through without success."""
        moments = list(self._seen.values())
        before, now = moments[len(moments) // 2], moments[-1]
        return Steady(now.collected - before.collected, now.cycle - before.cycle)

    def skip(self) -> None:
        """Right after `find_steady`, leave out as many repetitions as the loops have left."""
        before, now = self._since, self._moment()
        if before is None:
            return
        made = [were - are for were, are in zip(before.turns, now.turns, strict=True)]
        times = min(left // turns for left, turns in zip(now.turns, made, strict=True) if turns)
        self.machine.turn_less(times * turns for turns in made)
        cycles = now.cycle - before.cycle
        self._gave.repeat(before.gave, cycles, times)
        self._took.repeat(before.took, cycles, times)

    def result(self) -> Run:
        """What has been run so far."""
        gave, took = self._gave.cycles(), self._took.cycles()
        return Run(gave - self.first_cycle, took - self.first_cycle, self.steady)

    def _moment(self) -> "_Moment":
        machine = self.machine
        return _Moment(
            cycle=machine.cycle,
            collected=machine.collector.completed,
            gave=self._gave.count,
            took=self._took.count,
            turns=machine.turns(),
        )


@dataclasses.dataclass(frozen=True)
class _Moment:
    """How far a run is: cycle, COLLECTs, beats given and taken, and the turns that loops have."""

    cycle: int
    collected: int
    gave: int
    took: int
    turns: list[int]


def _input_beats(config: TorusConfig, tables: Tables) -> int:
    """Beats that a program takes from the host, itself included."""
    beats = (1 + tables.gateway_blocks) * config.block_beats
    for op, times in _runs(tables.gateway[1]):
        rows = config.rows if op["kind"] == HostInKind.SCATTER else 1
        beats += times * (op["reps"] + 1) * op["beats"] * rows
    return beats


def _output_beats(config: TorusConfig, tables: Tables) -> int:
    """Beats that a program gives to the host."""
    beats = 0
    for op, times in _runs(tables.gateway[2]):
        if op["kind"] == HostOutKind.ID:
            beats += times * -(-HARDWARE_ID_BITS // config.host_bits)
        else:
            beats += times * (op["reps"] + 1) * op["beats"] * config.rows
    return beats


def _runs(queue: Queue) -> list[tuple[Op, int]]:
    """The ops of a queue that reach an engine, and how often they do."""
    ops: Sequence[Op] = queue.ops
    times = [1] * len(ops)
    for index, op in enumerate(ops):
        if op["kind"] == LOOP:
            for inside in range(op["target"], index):
                times[inside] += op["count"]
    return [(op, times[index]) for index, op in queue.engine_ops()]
