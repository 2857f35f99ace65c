"""The ops of a compiled net in words: what they do, where, and when in the steady state."""

import dataclasses

from sw_driver.compiler import Compiled
from sw_driver.order import delays
from sw_driver.schedule import schedule_steps
from sw_driver.timeline import Span, timeline

__all__ = ["OpRow", "op_table", "steady_spans"]

_SETTLING_TURNS = 4


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
        When its ring begins with it, and is done with it, in the steady state; 0 is when the ring
        begins with the first op of the same sample. A ring may begin early, and wait.
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


def steady_spans(compiled: Compiled, samples: int) -> list[Span]:
    """Time `samples` samples of a long run, the first of which finds the pipeline full.

    Samples are renumbered from 0, and cycles from when the ring begins with the first op of sample
    0; an engine may begin with a later one, and wait, before that.
    """
    depth = max(delays(compiled.order)) + _SETTLING_TURNS
    steps = schedule_steps(compiled.stages, compiled.entries, compiled.order, 2 * depth + samples)
    spans = timeline(compiled.config, compiled.stages, steps)
    origin = next(span.start for span in spans if span.step.sample == depth)
    return [
        dataclasses.replace(
            span,
            step=dataclasses.replace(span.step, sample=span.step.sample - depth),
            start=span.start - origin,
            end=span.end - origin,
        )
        for span in spans
        if 0 <= span.step.sample - depth < samples
    ]


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
                    relu=stage.relu,
                    ring_start_cycle=ring.start,
                    ring_end_cycle=ring.end,
                    mac_start_cycle=None if mac is None else mac.start,
                    mac_end_cycle=None if mac is None else mac.end,
                )
            )
    return rows
