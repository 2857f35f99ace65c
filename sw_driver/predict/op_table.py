"""A table of the ops of a compiled net: what they do, where, and when in the steady state."""

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
        Name of the stage, for instance "layer 0 H1".
    axis
        "row" or "column": the ring that the op gathers on.
    source
        "host" if the gateways own its words, else "PEs".
    blocks
        Blocks of the stage that the op goes over, one in each repetition.
    own_words, received_words
        Own words, and words received, of one PE in one repetition.
    outputs
        Sums of one PE in one repetition; 0 if the words only pass to the host.
    base_word, stride_words
        Gather buffer address of the first repetition's words, and what each further repetition
        adds.
    result_base_word, result_stride_words, result_rep_stride_words
        Address of the first result in the other buffer, what each further output adds, and what
        each repetition adds.
    weight_base_word, bias_base_word
        Address of the first weight and of the first bias.
    shift, relu
        Right shift of the results, and whether negative ones become 0.
    ring_start_cycle, ring_end_cycle
        When the ring of the last PE of the last row begins with the op, and is done with it, in the
        steady state. Cycle 0 is when this ring begins with the first op of the same sample.
    mac_start_cycle, mac_end_cycle
        When the MAC of that PE begins with the op, and is done with it; None if it has no part in
        it.
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
                    relu=stage.finish.relu,
                    ring_start_cycle=ring.start,
                    ring_end_cycle=ring.end,
                    mac_start_cycle=None if mac is None else mac.start,
                    mac_end_cycle=None if mac is None else mac.end,
                )
            )
    return rows
