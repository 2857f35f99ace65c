"""When every engine works on which repetition: the spans of a run."""

from collections import defaultdict
from typing import NamedTuple

from hw.config import TorusConfig
from sw_driver.cycle_model.beats import Cycles
from sw_driver.cycle_model.lanes import Mask, bits
from sw_driver.cycle_model.machine import Machine
from sw_driver.cycle_model.run import Simulation
from sw_driver.cycle_model.signals import Signals
from sw_driver.program.program import Program

__all__ = ["Engine", "Recording", "Span", "record"]


class Engine(NamedTuple):
    """An engine: "row", "col" or "mac" of a PE, or "gateway", in the column after the last."""

    kind: str
    row: int
    col: int


class Span(NamedTuple):
    """The cycles in which an engine is at a repetition: `start` up to, not including, `end`.

    What begins before the first beat is shown from there on.
    """

    start: int
    end: int


class Recording(NamedTuple):
    """What happens when in a run; cycle 0 is that of the first beat that the host gives.

    Parameters
    ----------
    spans
        The repetitions of each engine, in order.
    in_cycles, out_cycles
        Cycle of every beat that the host gives, and takes.
    """

    spans: dict[Engine, list[Span]]
    in_cycles: Cycles
    out_cycles: Cycles


class _Open:
    """The engines of one kind; a span opens in the first cycle in which an engine is active."""

    def __init__(self) -> None:
        self._open: Mask = 0
        self._starts: dict[Mask, int] = {}
        self.spans: defaultdict[Mask, list[Span]] = defaultdict(list)

    def see(self, cycle: int, active: Mask, finish: Mask) -> None:
        """Look at a cycle."""
        if opened := active & ~self._open:
            for lane in bits(opened):
                self._starts[lane] = cycle
        self._open = active ^ finish
        if finish:
            for lane in bits(finish):
                self.spans[lane].append(Span(self._starts[lane], cycle + 1))


class _Recorder:
    """Sees a machine."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self.rings, self.macs, self.gateways = _Open(), _Open(), _Open()

    def see(self, signals: Signals) -> None:
        """Look at a cycle."""
        machine = self._machine
        cycle = machine.cycle
        self.rings.see(cycle, machine.rings.active, signals.ring_finish)
        self.macs.see(cycle, machine.macs.active, signals.step.rep_ended)
        self.gateways.see(cycle, machine.gateways.active, signals.gateway_finish)

    def spans(self, origin: int) -> dict[Engine, list[Span]]:
        """All spans; cycles are counted from `origin`."""
        lanes = self._machine.lanes
        places = [(row, col) for row in range(lanes.rows) for col in range(lanes.cols)]
        gateways = [(row, lanes.cols) for row in range(lanes.rows)]
        return {
            Engine(kind, *place): [
                Span(max(start - origin, 0), end - origin)
                for start, end in engines.spans[lanes.lanes([place]) << shift]
            ]
            for kind, engines, shift, where in (
                ("row", self.rings, 0, places),
                ("col", self.rings, lanes.half_bits, places),
                ("mac", self.macs, 0, places),
                ("gateway", self.gateways, 0, gateways),
            )
            for place in where
        }


def record(config: TorusConfig, program: Program) -> Recording:
    """Run a program on a torus that waits for it, as `simulate` does, and record all spans.

    Nothing is left out, so this takes time in proportion to the cycles. Spans that end after the
    last beat are not part of it.
    """
    run = Simulation(config, program)
    recorder = _Recorder(run.machine)
    run.machine.observer = recorder
    while not run.done:
        run.collect(1)
    return Recording(
        spans=recorder.spans(run.first_cycle),
        in_cycles=run.result().in_cycles,
        out_cycles=run.result().out_cycles,
    )
