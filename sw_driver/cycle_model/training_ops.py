"""What the MAC of a torus that trains holds of an op."""

from typing import NamedTuple

from hw.config import TorusConfig
from hw.op_fields import Axis, MacKind, Memory
from sw_driver.cycle_model.reverse import Segment
from sw_driver.cycle_model.tables import Queue
from sw_driver.program.image import Op
from sw_driver.program.sums import walks_of

__all__ = ["MacOp", "mac_ops", "most_steps"]


class MacOp(NamedTuple):
    """An op of the MAC queue.

    Parameters
    ----------
    kind
        RUN, BACK or DUMP.
    inner, outer
        Steps of a sum, and sums of a repetition, those that are made at once counted as one; of a
        DUMP, words of a record, and records.
    reads_col, to_col
        Axis of what is read, and of what is written to or, backwards, of the outputs' gradients.
    from_host
        These gradients come from the host.
    need_first, need_step, reps
        What the first and each further repetition wait for, and repetitions less one.
    updates, biases, fence
        Whether weights change, and biases, with the first sum of every repetition; and whether it
        waits until none does.
    row_starts
        For each gradient that a repetition of a BACK reads, whether it begins a row; with lanes.
    rest
        Sums of the last walk of a RUN; 1 without lanes.
    segments
        What becomes of the sums of a repetition of a BACK, if there are any.
    targets
        Whether the results of a RUN are compared with targets.
    """

    kind: int
    inner: int
    outer: int
    reads_col: bool
    to_col: bool
    from_host: bool
    need_first: int
    need_step: int
    reps: int
    updates: bool
    biases: bool
    fence: bool
    row_starts: tuple[bool, ...]
    rest: int
    segments: tuple[Segment, ...]
    targets: bool


def mac_ops(config: TorusConfig, queue: Queue) -> dict[int, MacOp]:
    """All ops of the MAC queue, by index."""
    chunks = {
        Memory.WEIGHTS: config.weight_chunks,
        Memory.BIASES: config.bias_record_chunks,
        Memory.LFSR: config.lfsr_chunks,
    }

    def steps(op: Op) -> tuple[int, int]:
        words = op["last_word"] + 1
        if op["kind"] == MacKind.RUN:
            return words, walks_of(config, op)[0]
        if op["kind"] == MacKind.BACK:
            rows = walks_of(config, op)[0] * (op["last_group"] + 1)
            return rows, words * (op["last_block"] + 1)
        return chunks[Memory(op["memory"])], words

    return {
        index: MacOp(
            op["kind"],
            *steps(op),
            reads_col=op["axis"] == Axis.COL,
            to_col=op["dest"] == Axis.COL,
            from_host=bool(op["from_host"]),
            need_first=op["need_free"],
            need_step=op["need_step"],
            reps=op["reps"],
            updates=op["kind"] == MacKind.BACK and bool(op["update"]),
            biases=op["kind"] == MacKind.BACK and bool(op["bias"]),
            fence=bool(op["fence"]),
            row_starts=_row_starts(config, op) if op["kind"] == MacKind.BACK else (),
            rest=walks_of(config, op)[1] if op["kind"] == MacKind.RUN else 0,
            segments=_segments(op) if op["kind"] == MacKind.BACK and op["reduce"] else (),
            targets=op["kind"] == MacKind.RUN and bool(op.get("compare")),
        )
        for index, op in queue.engine_ops()
    }


def _row_starts(config: TorusConfig, op: Op) -> tuple[bool, ...]:
    if config.lanes_out == 1:
        return ()
    walks, rest = walks_of(config, op)
    of_walks = (*[config.lanes_out] * (walks - 1), rest)
    group = tuple(not number for count in of_walks for number in range(count))
    return group * (op["last_group"] + 1)


def _segments(op: Op) -> tuple[Segment, ...]:
    """One for every block, farthest first."""
    words, last, host = op["last_word"] + 1, op["last_block"], bool(op["host"])
    return tuple(
        Segment(
            sums=words,
            takes=host or block < last,
            last_takes=not host and block < last,
            keeps=not host and block == 0,
            to_host=host,
        )
        for block in range(last, -1, -1)
    )


def most_steps(queue: Queue) -> int:
    """The largest number of steps, or of sums, that any op of a MAC queue counts."""
    # An inference op has neither groups nor blocks.
    return max(
        (
            max(
                (op.get("last_output", op.get("last_walk", 0)) + 1) * (op.get("last_group", 0) + 1),
                (op["last_word"] + 1) * (op.get("last_block", 0) + 1),
            )
            for _, op in queue.engine_ops()
        ),
        default=0,
    )
