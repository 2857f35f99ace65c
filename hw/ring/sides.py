"""The signals between a ring engine and its PE: `ring_side`, of which `mac_ring_side` is a part."""

from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..layouts import tap_layout, write_layout
from ..ops import gather_op

__all__ = ["mac_ring_side", "ring_side"]


def mac_ring_side(config):
    """The members of `ring_side` by which RUN ops read gathered words, as `MacControl` sees them.

    Members
    -------
    readable : In(1)
        The next row of the oldest repetition that is not yet consumed may be read: `lanes_in`
        words, or what is left of the repetition. A register, which follows the reads of the cycle
        before; a word that is received shows in it two cycles later.
    read_en, read_addr : Out(1), Out(row_addr_bits)
        The MAC reads that row, which lies at `read_addr`.
    advance, read_next : Out(1), Out(row_count_bits)
        With a read: the one after it is of a later row of the repetition, and the number of that
        row, from 0. Without `advance` it is row 0, for another sum over the same words.
    consume : Out(1)
        High for one cycle when the MAC issues its last read of a repetition.
    retired : In(1)
        High for one cycle when a repetition of any kind is done here.
    complete : In(1)
        With `word_steps` only. All words of the oldest repetition not yet consumed may be read, in
        any order. A register.
    """
    skipping = {"complete": In(1)} if config.word_steps else {}
    return wiring.Signature({
        **skipping,
        "readable": In(1),
        "read_en": Out(1),
        "read_addr": Out(config.row_addr_bits),
        "advance": Out(1),
        "read_next": Out(config.row_count_bits),
        "consume": Out(1),
        "retired": In(1),
    })


def ring_side(config):
    """What a PE and one of its ring engines share, as the PE sees it.

    Members
    -------
    readable, read_en, read_addr, advance, read_next, consume, retired, complete
        See `mac_ring_side`.
    op : Out(stream)
        The queue of ops (`hw.op_fields.gather_fields`). The payload is used, and so must stay, from
        the first repetition of an op to the beginning of its last one, when the op is taken.
    write : Out(stream)
        Results of the MAC; always accepted. A read finds a result from the next cycle on.
    landed : Out(1)
        High with the last result of a MAC repetition that writes here; where a torus trains, with
        every result.
    read_word : In(word_bits * lanes_in)
        The row at `read_addr`, its first word lowest, `READ_CYCLES` after `read_en`.
    tap : In(stream)
        Every transfer of words, on the cycle after it is received. Never waits.
    start : Out(1)
        High for one cycle before a program starts: forget all progress. The engine must be idle,
        and nothing is written or read in that cycle, nor anything read in the next one.
    idle : In(1)
        No op is in progress or waits.
    bad_buffer, bad_link : In(1), In(1)
        With `checks` only. High for one cycle when the parity of a word is wrong: that was read
        from a buffer, in the cycle in which `read_word` has it, or in the first one in which the
        ring output has it; or that was received, in the cycle in which `tap` has it.
    reread : Out(1)
        Training only. High for one cycle when a BACK repetition issues its last read here. All
        reads of BACK repetitions come without `advance`.
    """
    training = {} if config.training is None else {"reread": Out(1)}
    checks = {"bad_buffer": In(1), "bad_link": In(1)} if config.checks else {}
    return wiring.Signature({
        **mac_ring_side(config).members,
        "op": Out(stream.Signature(gather_op(config))),
        "write": Out(stream.Signature(write_layout(config), always_ready=True)),
        "landed": Out(1),
        "read_word": In(config.word_bits * config.lanes_in),
        "tap": In(stream.Signature(tap_layout(config), always_ready=True)),
        "start": Out(1),
        "idle": In(1),
        **checks,
        **training,
    })
