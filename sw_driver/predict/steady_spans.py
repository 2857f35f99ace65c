"""When an engine is at which entry of a sample, in the steady state of a net."""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

from sw_driver.compiled import Compiled
from sw_driver.cycle_model import Engine, Recording, Span, record, record_exchanges
from sw_driver.plan.order import delays
from sw_driver.predict.timeline import HOST_IN, HOST_OUT, Slice, slices
from sw_driver.predict.training_cycles import exchanges
from sw_driver.schedule.queues import Step
from sw_driver.schedule.scheduler import schedule

__all__ = ["SteadySpan", "steady_spans"]

_SETTLING_SAMPLES = 2


class SteadySpan(NamedTuple):
    """When an engine is at an entry of a sample, from its first repetition to its last.

    Attributes
    ----------
    lane
        "row", "col" or "mac", of the last PE of the last row; or "host_in" or "host_out".
    step
        What it is at; samples are counted from 0.
    start, end
        Cycles; 0 is when the row ring begins with the first op of sample 0.
    working
        The cycles in which it works, and does not wait: a step of a sum, a word that comes or goes,
        a beat; neighbours are one span.
    """

    lane: str
    step: Step
    start: int
    end: int
    working: tuple[Span, ...]


def steady_spans(compiled: Compiled, samples: int) -> list[SteadySpan]:
    """Time `samples` samples of a long run, the first of which finds the pipeline full.

    A net that trains is trained, by a host that waits for outputs before it sends their gradient.
    """
    plan = compiled.plan
    depth = max(delays(plan.order, plan.extra_turns))
    # Sample 0 of what is returned has the addresses of the first sample of a run.
    before = -(-(depth + _SETTLING_SAMPLES) // plan.period) * plan.period
    found, recording = _record(compiled, before + samples + depth)
    ends: dict[tuple[str, int], tuple[Step, int, int]] = {}
    for one in found:
        if one.step is not None and 0 <= one.step.sample - before < samples:
            key = one.engine.kind, id(one.step)
            start = ends[key][1] if key in ends else one.span.start
            ends[key] = one.step, start, one.span.end
    origin = min(
        start
        for (lane, _), (step, start, _) in ends.items()
        if lane == "row" and step.sample == before and step.task.stage == 0
    )
    busy = {engine.kind: cycles for engine, cycles in recording.working.items()}
    busy[HOST_IN.kind] = recording.in_cycles.tolist()
    busy[HOST_OUT.kind] = recording.out_cycles.tolist()
    return [
        SteadySpan(
            lane,
            dataclasses.replace(step, sample=step.sample - before),
            start - origin,
            end - origin,
            _runs([cycle - origin for cycle in busy[lane] if start <= cycle < end]),
        )
        for (lane, _), (step, start, end) in ends.items()
    ]


def _record(compiled: Compiled, samples: int) -> tuple[list[Slice], Recording]:
    """What the engines of the last PE of the last row do in a run, and the host."""
    config, plan, executable = compiled.config, compiled.plan, compiled.executable
    shown = [Engine(lane, config.rows - 1, config.cols - 1) for lane in ("row", "col", "mac")]
    if compiled.trains:
        program = executable.train_program(samples)
        recording = record_exchanges(config, program, exchanges(executable, samples), shown)
        steps = schedule(
            config, plan, samples, momentum=compiled.momentum, one_batch=compiled.batches
        )
    else:
        program = executable.loop.program(config, samples)
        recording = record(config, program, shown)
        steps = schedule(config, plan, samples)
    found = slices(config, program, recording, plan, steps)
    return [one for one in found if one.engine in (*shown, HOST_IN, HOST_OUT)], recording


def _runs(cycles: Sequence[int]) -> tuple[Span, ...]:
    """Cycles, in order, as spans without gaps."""
    found: list[Span] = []
    for cycle in cycles:
        if found and found[-1].end == cycle:
            found[-1] = found[-1]._replace(end=cycle + 1)
        else:
            found.append(Span(cycle, cycle + 1))
    return tuple(found)
