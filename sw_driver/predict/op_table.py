"""The ops of a compiled net in words: what they do, where, and when in the steady state."""

import dataclasses

from sw_driver.compiled import Compiled
from sw_driver.predict.steady_spans import steady_spans

__all__ = ["OpRow", "op_table"]


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
