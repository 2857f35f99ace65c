"""What a torus must answer, beat by beat: the other way round of how a host reads its answers.

Some bits of an answer mean nothing, such as the words that fill up a block; an `Answer` says which
bits do.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from golden.fixed.format import TrainingFormat
from golden.fixed.state import TrainingState
from hw.config import HARDWARE_ID_BITS, LFSR_BITS, TorusConfig
from hw.op_fields import Memory
from sw_driver.arrays import Beats, IntArray
from sw_driver.plan.maps import Maps
from sw_driver.program.dump import list_dumps
from sw_driver.program.host_stream import words_to_beats
from sw_driver.program.host_words import HostWords
from sw_driver.program.records import state_records

__all__ = ["Answer", "id_answer", "no_answer", "output_answer", "state_answer"]


class Answer(NamedTuple):
    """Beats that a torus gives, and which of their bits mean something.

    Parameters
    ----------
    beats
        uint32 [beats, host_bits / 32]; bits that mean nothing are 0.
    mask
        Of the same shape: 1 where a bit means something.
    """

    beats: Beats
    mask: Beats


def no_answer(config: TorusConfig) -> Answer:
    """Return what comes of a run that gives nothing, as one that loads: no beats."""
    nothing = np.zeros((0, config.host_bits // 32), np.uint32)
    return Answer(nothing, nothing)


def id_answer(config: TorusConfig) -> Answer:
    """Return what comes of `Executable.identify`: the hardware id, low part first."""
    parts = config.host_bits // 32
    beats = -(-HARDWARE_ID_BITS // config.host_bits)
    found = np.zeros(beats * parts, np.uint32)
    mask = np.zeros_like(found)
    words = np.frombuffer(config.hardware_id.to_bytes(HARDWARE_ID_BITS // 8, "little"), "<u4")
    found[: len(words)], mask[: len(words)] = words, 0xFFFFFFFF
    return Answer(found.reshape(beats, parts), mask.reshape(beats, parts))


def output_answer(config: TorusConfig, words: HostWords, y: IntArray) -> Answer:
    """Return what comes of samples with output words [N, O], one sample after the other.

    `HostWords.read_outputs` reads them back.
    """
    table = words.output_map
    used = table >= 0
    values = np.where(used, y[:, np.maximum(table, 0)], 0)
    unused = np.where(used, -1 << config.act_bits, -1)
    return _answer(config, values, np.broadcast_to(unused, values.shape))


def state_answer(
    config: TorusConfig, form: TrainingFormat, maps: Maps, state: TrainingState
) -> Answer:
    """Return what comes of `Executable.dump` while the memories hold a state.

    `sw_driver.program.records.read_state` reads it back.
    """
    chunks = config.velocity_chunks
    widths = {
        Memory.WEIGHTS: [(form.master_bits, config.master_chunks), (form.velocity_bits, chunks)],
        Memory.BIASES: [(config.bias_bits, config.bias_chunks), (form.velocity_bits, chunks)],
        Memory.LFSR: [(LFSR_BITS + 1, config.lfsr_chunks)],  # The sign of a number that has none.
    }
    records = state_records(config, maps, state)
    depths = (records[memory].shape[2] for memory in (Memory.WEIGHTS, Memory.BIASES))
    values: list[Answer] = []
    for dump in list_dumps(config, *depths):
        last = dump.first + dump.reps * dump.records
        taken = records[dump.memory][:, :, dump.first : last]
        unused = np.array(list(_unused(widths[dump.memory], config.word_bits)), np.int64)
        values.append(
            _answer(
                config,
                _in_turns(taken, dump.reps),
                _in_turns(np.broadcast_to(unused, taken.shape), dump.reps),
            )
        )
    return Answer(
        np.concatenate([one.beats for one in values]), np.concatenate([one.mask for one in values])
    )


def _in_turns(records: IntArray, reps: int) -> IntArray:
    """Arrange records [R, C, reps * n, chunks] as they come: the last column first."""
    rows, cols, _, chunks = records.shape
    split = records.reshape(rows, cols, reps, -1, chunks)[:, ::-1]
    return split.transpose(2, 0, 1, 3, 4).reshape(reps, rows, -1)


def _unused(widths: Sequence[tuple[int, int]], word_bits: int) -> Iterator[int]:
    """Go through the link words of numbers of (bits, chunks): the bits that are beyond a number."""
    for bits, chunks in widths:
        for chunk in range(chunks):
            yield -1 << min(max(bits - chunk * word_bits, 0), word_bits)


def _answer(config: TorusConfig, words: IntArray, unused: IntArray) -> Answer:
    """Pack words [..., n] and the bits of them that mean nothing; what fills up a beat is 0."""
    mask = ~words_to_beats(config, unused)
    return Answer(words_to_beats(config, words) & mask, mask)
