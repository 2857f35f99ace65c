"""When every engine works on what: one pass over the steps of a run, a repetition at a time.

Steps are taken in their common order, so everything that one waits for has been timed before. All
PEs are taken to do the same at the same time, as the one that hears last from the gateways. The
constants count the registers of the RTL; `tests/test_sim_cycles.py` holds the model against it.
"""

import dataclasses
from collections.abc import Sequence
from typing import Literal

from hw.config import MAC_CYCLES, TorusConfig
from hw.op_fields import op_lines, pe_fields
from sw_driver.schedule import Step
from sw_driver.stages import Stage

__all__ = ["FETCH_CYCLES", "Span", "timeline"]

LANDED_CYCLES = 2  # From there to the first cycle on which it is sent or read.
SEND_CYCLES = 2  # From there to the next node's receiver.
BUFFERED_CYCLES = 3  # From a node's receiver to the next one's, through the buffer.
READ_CYCLES = 1  # From a node's receiver to the MAC.
FREED_CYCLES = 2  # From the end of an op to the start of what waits for it.
FETCH_CYCLES = 3  # To fetch an op, besides one for each of its words.
LOOK_CYCLES = 2  # To look at the other two queues in between.
HOST_CYCLES = 4  # From a host beat to its first word on the ring.
COLLECT_CYCLES = 3  # From the last word of a block at its gateway to its last beat.

Lane = Literal["row", "col", "mac", "out"]


@dataclasses.dataclass(frozen=True)
class Span:
    """When an engine works on one entry of one sample: cycles `start` to `end`.

    The lane "out" is the host collecting results.
    """

    lane: Lane
    step: Step
    start: int
    end: int


@dataclasses.dataclass
class _Ring:
    """One ring: when its engine is free, and when things happened that others wait for."""

    free: int = 0
    retired: list[int] = dataclasses.field(default_factory=list[int])
    landed: list[int] = dataclasses.field(default_factory=list[int])
    consumed: list[int] = dataclasses.field(default_factory=list[int])
    gathers: int = 0
    asked_landed: int = 0
    asked_freed: int = 0


@dataclasses.dataclass
class _Gathered:
    """One repetition of a gather: when its own words and its first and last others are there."""

    own_here: int
    first: int
    last: int


class _Fetch:
    """The fetch unit of a PE: one op at a time, for a queue as soon as its op has been taken."""

    def __init__(self, config: TorusConfig, stages: Sequence[Stage], steps: Sequence[Step]) -> None:
        self.cycles = [FETCH_CYCLES + op_lines(config, layout) for layout in pe_fields(config)]
        queues: list[list[Step]] = [[], [], []]
        for step in steps:
            stage = stages[step.entry.stage]
            queues[int(stage.on_columns)].append(step)
            if stage.outputs:
                queues[2].append(step)
        self.turn = [sum(step.sample == 0 for step in queue) for queue in queues]
        self.phase = [_loop_phase(*one) for one in zip(queues, self.turn, strict=True)]
        self.taken = [0, 0, 0]
        self.ready = [0, 0, 0]
        self.free = 0

    def take(self, queue: int, wanted: int) -> int:
        """When an engine that is free at `wanted` gets the next op of its queue."""
        taken = max(wanted, self.ready[queue])
        self.taken[queue] += 1
        looping = self.taken[queue] % self.turn[queue] == self.phase[queue]
        self.free = max(taken, self.free) + self.cycles[queue] * (1 + looping)
        self.ready[queue] = self.free + LOOK_CYCLES
        return taken


def _loop_phase(queue: Sequence[Step], turn: int) -> int:
    """After how many ops, modulo those of one turn, the LOOP over samples is fetched.

    The body of the loop ends where a run ceases to repeat the same entries, for it drains.
    """
    entries = [step.entry for step in queue]
    index = len(entries) // 2
    while index + turn < len(entries) and entries[index] == entries[index + turn]:
        index += 1
    return index % turn


class _Model:
    """The state of the pass."""

    def __init__(self, config: TorusConfig, stages: Sequence[Stage], steps: Sequence[Step]) -> None:
        self.config = config
        self.stages = stages
        self.rings = {False: _Ring(), True: _Ring()}
        self.fetch = _Fetch(config, stages, steps)
        self.mac_free = 0
        self.dealt = 0  # When the host has dealt the words of the latest repetition.
        self.sends: list[int] = []  # When the gateways began to send each.
        self.collected = 0

    def run(self, step: Step) -> list[Span]:
        """Time one step."""
        stage = self.stages[step.entry.stage]
        ring = self.rings[stage.on_columns]
        start = begin = self.fetch.take(int(stage.on_columns), ring.free)
        mac_start = self._start_mac(step) if stage.outputs else 0
        gathered = _Gathered(0, 0, 0)
        for rep in range(step.entry.reps):
            gathered = self._gather(stage, ring, step, rep, begin)
            begin = ring.free = self._retire(stage, gathered) + 1
            ring.retired.append(ring.free)
            if stage.outputs:
                self._multiply(stage, ring, step, gathered)
        spans = [Span("col" if stage.on_columns else "row", step, start, ring.free)]
        if stage.outputs:
            spans.append(Span("mac", step, mac_start, self.mac_free))
        else:
            beats = self.config.rows * -(-stage.words // self.config.beat_words)
            begin = max(self.collected, gathered.first)
            self.collected = max(begin + beats, ring.free + COLLECT_CYCLES)
            spans.append(Span("out", step, begin, self.collected))
        return spans

    def _gather(self, stage: Stage, ring: _Ring, step: Step, rep: int, start: int) -> _Gathered:
        """When the words of a repetition arrive, if its engine begins with it at `start`."""
        ring.asked_landed += step.need_step if rep else step.need_first
        own_here = start
        if ring.asked_landed:
            own_here = max(start, ring.landed[ring.asked_landed - 1] + LANDED_CYCLES)
        opened = start
        if stage.outputs:
            consumed = ring.gathers - step.lag if step.lag is not None else -1
            if consumed >= 0:
                opened = max(start, ring.consumed[consumed] + FREED_CYCLES)
            ring.gathers += 1
        recv = stage.words - stage.own
        if stage.from_host:
            first = max(opened, self._deal(stage, opened)) + self.config.cols * self._hop
            return _Gathered(own_here, first, max(first + recv - 1, self.dealt + HOST_CYCLES))
        first = max(own_here + SEND_CYCLES + self._hop - 1, opened)
        # Words leave a node through its buffer: blocks shorter than that way leave gaps.
        gap = self._hop - 1
        if stage.own > 1:
            gap = max(gap + BUFFERED_CYCLES - stage.own, 0)
        through_gateway = 0 if stage.on_columns else self._hop
        gaps = gap * (recv // stage.own) + through_gateway
        return _Gathered(own_here, first, first + recv - 1 + gaps if recv else own_here)

    @property
    def _hop(self) -> int:
        return 1 + self.config.link_stages

    def _deal(self, stage: Stage, start: int) -> int:
        """When the last gateway can begin to send: its words come after those of the others."""
        beats = -(-stage.words // self.config.beat_words)
        ahead = max(self.config.host_fifo_beats // beats, 1)
        begin = self.dealt
        if len(self.sends) >= ahead:
            begin = max(begin, self.sends[-ahead])
        self.dealt = begin + self.config.rows * beats
        send = max(start, self.dealt - beats + HOST_CYCLES)
        self.sends.append(send)
        return send

    def _retire(self, stage: Stage, gathered: _Gathered) -> int:
        """When a repetition has sent everything."""
        if stage.words > stage.own:
            return gathered.last + SEND_CYCLES
        # A ring of one: on a row, the words still go to the gateway.
        return gathered.own_here + (1 if stage.on_columns else stage.own + SEND_CYCLES)

    def _start_mac(self, step: Step) -> int:
        """When the MAC begins with a step: it has the op, and room for the results."""
        dest = self._dest(step)
        start = self.fetch.take(2, self.mac_free)
        dest.asked_freed += step.need_free
        if dest.asked_freed:
            start = max(start, dest.retired[dest.asked_freed - 1] + FREED_CYCLES - 1)
        self.mac_free = start
        return start

    def _dest(self, step: Step) -> _Ring:
        return self.rings[self.stages[step.entry.stage + 1].on_columns]

    def _multiply(self, stage: Stage, ring: _Ring, step: Step, gathered: _Gathered) -> None:
        """Time a repetition of the MAC: the first sum may wait for words, the others do not."""
        first_sum = max(self.mac_free, gathered.own_here) + stage.words
        recv = stage.words - stage.own
        if recv:
            first_sum = max(
                first_sum,
                gathered.first + READ_CYCLES + recv,
                gathered.last + READ_CYCLES + 1,
            )
        self.mac_free = first_sum + (stage.outputs - 1) * stage.words
        ring.consumed.append(self.mac_free)
        self._dest(step).landed.append(self.mac_free - 1 + MAC_CYCLES)


def timeline(config: TorusConfig, stages: Sequence[Stage], steps: Sequence[Step]) -> list[Span]:
    """Time a run.

    Parameters
    ----------
    config
        Of the torus.
    stages
        Of the net.
    steps
        Of the run, in their common order.

    Returns
    -------
    list of Span
        In the order of `steps`; cycle 0 is the start of the program.
    """
    model = _Model(config, stages, steps)
    return [span for step in steps for span in model.run(step)]
