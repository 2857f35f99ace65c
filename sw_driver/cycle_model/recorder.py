"""When every engine works on which repetition: the spans of a run."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from hw.config import TorusConfig
from sw_driver.cycle_model.beats import Cycles
from sw_driver.cycle_model.exchanges import Exchange, ExchangeSimulation
from sw_driver.cycle_model.lanes import Mask, bits
from sw_driver.cycle_model.machine import Machine
from sw_driver.cycle_model.run import Simulation
from sw_driver.cycle_model.signals import Signals
from sw_driver.program.program import Program

__all__ = ["Engine", "Recording", "Span", "record", "record_exchanges"]


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
    working
        Of the engines that were watched, the cycles in which they work: a MAC does a step; a ring
        engine receives a word, or one leaves its buffer or passes it by; a gateway receives a word,
        or sends one.
    """

    spans: dict[Engine, list[Span]]
    in_cycles: Cycles
    out_cycles: Cycles
    working: Mapping[Engine, Sequence[int]] = MappingProxyType({})


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

    def __init__(self, machine: Machine, watched: Iterable[Engine]) -> None:
        self._machine = machine
        self.rings, self.macs, self.gateways = _Open(), _Open(), _Open()
        self._working: dict[Engine, tuple[Mask, list[int]]] = {
            engine: (self._lane(engine), []) for engine in watched
        }
        machine.observer = self

    def see(self, signals: Signals) -> None:
        """Look at a cycle."""
        machine = self._machine
        cycle = machine.cycle
        self.rings.see(cycle, machine.rings.active, signals.ring_finish)
        self.macs.see(cycle, machine.macs.active, signals.step.rep_ended)
        self.gateways.see(cycle, machine.gateways.active, signals.gateway_finish)
        moved = (signals.received | signals.passed_on) & machine.rings.active
        works = {
            "mac": signals.step.done,
            "row": moved,
            "col": moved,
            "gateway": (signals.received | signals.filled) & machine.gateways.active,
        }
        for engine, (lane, cycles) in self._working.items():
            if lane & works[engine.kind]:
                cycles.append(cycle)

    def recording(self, run: Simulation | ExchangeSimulation) -> Recording:
        """What was seen of a run, which is over."""
        origin, beats = run.first_cycle, run.result()
        return Recording(
            spans=self._spans(origin),
            in_cycles=beats.in_cycles,
            out_cycles=beats.out_cycles,
            working={
                engine: [cycle - origin for cycle in cycles]
                for engine, (_, cycles) in self._working.items()
            },
        )

    def _lane(self, engine: Engine) -> Mask:
        lanes = self._machine.lanes
        lane = lanes.lanes([(engine.row, engine.col)])
        return lane << lanes.half_bits if engine.kind == "col" else lane

    def _spans(self, origin: int) -> dict[Engine, list[Span]]:
        """All spans; cycles are counted from `origin`."""
        lanes = self._machine.lanes
        places = [(row, col) for row in range(lanes.rows) for col in range(lanes.cols)]
        gateways = [(row, lanes.cols) for row in range(lanes.rows)]
        engines = [
            (opened, Engine(kind, *place))
            for kind, opened, where in (
                ("row", self.rings, places),
                ("col", self.rings, places),
                ("mac", self.macs, places),
                ("gateway", self.gateways, gateways),
            )
            for place in where
        ]
        return {
            engine: [
                Span(max(start - origin, 0), end - origin)
                for start, end in opened.spans[self._lane(engine)]
            ]
            for opened, engine in engines
        }


def record(config: TorusConfig, program: Program, watched: Iterable[Engine] = ()) -> Recording:
    """Run a program on a torus that waits for it, as `simulate` does, and record all spans.

    Nothing is left out, so this takes time in proportion to the cycles. Spans that end after the
    last beat are not part of it.

    Parameters
    ----------
    config
        Of the torus.
    program
        What is run.
    watched
        Engines whose cycles of work are wanted, too.
    """
    run = Simulation(config, program)
    recorder = _Recorder(run.machine, watched)
    while not run.done:
        run.collect(1)
    return recorder.recording(run)


def record_exchanges(
    config: TorusConfig,
    program: Program,
    exchanges: Sequence[Exchange],
    watched: Iterable[Engine] = (),
) -> Recording:
    """Do as `record` for a host that does as `exchanges` says, as `simulate_exchanges` does."""
    run = ExchangeSimulation(config, program, exchanges)
    recorder = _Recorder(run.machine, watched)
    while not run.done:
        run.exchange()
    return recorder.recording(run)
