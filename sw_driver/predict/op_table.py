"""The ops of a compiled net in words: what they do, where, and when in the steady state."""

import dataclasses
from typing import NamedTuple

from sw_driver.compiled import Compiled
from sw_driver.cycle_model import Engine, record
from sw_driver.plan.order import delays
from sw_driver.predict.timeline import HOST_IN, HOST_OUT, slices
from sw_driver.schedule.queues import Step
from sw_driver.schedule.scheduler import schedule

__all__ = ["OpRow", "SteadySpan", "op_table", "steady_spans"]

_SETTLING_SAMPLES = 2


@dataclasses.dataclass(frozen=True)
class OpRow:
    """One entry of a program: a ring op, and the MAC op that reads it.

    Parameters
    ----------
    name
        Its stage, for instance "layer 0 H1".
    axis
        "row" or "column": the ring that it gathers on.
    source
        "host" if the gateways own its words, else "PEs".
    blocks
        Blocks of the stage that it goes over: its repetitions.
    own_words, received_words
        Of one PE and one repetition.
    outputs
        Sums of one PE and one repetition; 0 if the words only pass to the host.
    base_word, stride_words
        Gather buffer address of the first repetition's words, and what each further one adds.
    result_base_word, result_stride_words, result_rep_stride_words
        Address of the first result in the other buffer, what each further output adds, and each
        repetition.
    weight_base_word, bias_base_word
        Address of the first weight and of the first bias.
    shift, relu
        Right shift on leaving, and whether negative results become 0.
    ring_start_cycle, ring_end_cycle
        When its ring begins with it, and is done with it, in the steady state, at the last PE of
        the last row; 0 is when that begins with the first op of the same sample.
    mac_start_cycle, mac_end_cycle
        The same of the MAC; None if it has no part in it.
    """

    name: str
    axis: str
    source: str
    blocks: int
    own_words: int
    received_words: int
    outputs: int
    base_word: int
    stride_words: int
    result_base_word: int
    result_stride_words: int
    result_rep_stride_words: int
    weight_base_word: int
    bias_base_word: int
    shift: int
    relu: bool
    ring_start_cycle: int
    ring_end_cycle: int
    mac_start_cycle: int | None
    mac_end_cycle: int | None


class SteadySpan(NamedTuple):
    """When an engine is at an entry of a sample, from its first repetition to its last.

    Parameters
    ----------
    lane
        "row", "col" or "mac", of the last PE of the last row; or "host_in" or "host_out".
    step
        What it is at; samples are counted from 0.
    start, end
        Cycles; 0 is when the row ring begins with the first op of sample 0.
    """

    lane: str
    step: Step
    start: int
    end: int


def steady_spans(compiled: Compiled, samples: int) -> list[SteadySpan]:
    """Time `samples` samples of a long run, the first of which finds the pipeline full."""
    config, plan = compiled.config, compiled.plan
    depth = max(delays(plan.order))
    before = depth + _SETTLING_SAMPLES
    count = before + samples + depth
    program = compiled.executable.loop.program(config, count)
    steps = schedule(config, plan, count)
    shown = {Engine(lane, config.rows - 1, config.cols - 1) for lane in ("row", "col", "mac")}
    shown |= {HOST_IN, HOST_OUT}
    ends: dict[tuple[str, int], SteadySpan] = {}
    for one in slices(config, program, record(config, program), plan, steps):
        if one.engine in shown and one.step is not None and 0 <= one.step.sample - before < samples:
            step = dataclasses.replace(one.step, sample=one.step.sample - before)
            key = one.engine.kind, id(one.step)
            start = ends[key].start if key in ends else one.span.start
            ends[key] = SteadySpan(one.engine.kind, step, start, one.span.end)
    origin = min(span.start for span in ends.values() if span.lane == "row" and _is_first(span))
    return [
        span._replace(start=span.start - origin, end=span.end - origin) for span in ends.values()
    ]


def _is_first(span: SteadySpan) -> bool:
    return span.step.sample == 0 and span.step.task.stage == 0


def op_table(compiled: Compiled) -> list[OpRow]:
    """List the ops of one sample in the order in which it passes them."""
    spans = {(span.lane, id(span.step.entry)): span for span in steady_spans(compiled, 1)}
    rows: list[OpRow] = []
    for stage, entries in zip(compiled.stages, compiled.entries, strict=True):
        for entry in entries:
            ring = spans["col" if stage.on_columns else "row", id(entry)]
            mac = spans.get(("mac", id(entry)))
            rows.append(
                OpRow(
                    name=stage.name,
                    axis="column" if stage.on_columns else "row",
                    source="host" if stage.from_host else "PEs",
                    blocks=entry.reps,
                    own_words=stage.own,
                    received_words=stage.words - stage.own,
                    outputs=stage.outputs,
                    base_word=entry.base,
                    stride_words=entry.stride,
                    result_base_word=entry.y_base,
                    result_stride_words=entry.y_stride,
                    result_rep_stride_words=entry.y_rep_stride,
                    weight_base_word=entry.w_base,
                    bias_base_word=entry.b_base,
                    shift=stage.shift,
                    relu=stage.finish.relu,
                    ring_start_cycle=ring.start,
                    ring_end_cycle=ring.end,
                    mac_start_cycle=None if mac is None else mac.start,
                    mac_end_cycle=None if mac is None else mac.end,
                )
            )
    return rows
