"""The host stream: words to beats and back, in the order that a program asks for.

Beats are rows of 32-bit parts, low part first: uint32 [beats, host_bits / 32].
"""

from collections.abc import Iterator, Sequence

import numpy as np

from hw.config import HARDWARE_ID_BITS, PROGRAM_BLOCK_WORDS, TorusConfig
from hw.op_fields import LOOP, HostInKind, HostOutKind
from sw_driver.arrays import Beats, IntArray
from sw_driver.errors import HostDataError, ProgramError
from sw_driver.program.image import Op
from sw_driver.program.program import Program

__all__ = [
    "beats_to_words",
    "deal_words",
    "decode_id",
    "decode_outputs",
    "encode",
    "input_words",
    "load_words",
    "output_beats",
    "words_to_beats",
]

_PART_BITS = 32


def words_to_beats(config: TorusConfig, words: IntArray) -> Beats:
    """Pack link words [..., n], each row into beats of its own: uint32 [all beats, parts]."""
    beats = -(-words.shape[-1] // config.beat_words)
    rows = words.reshape(-1, words.shape[-1])
    padded = np.zeros((len(rows), beats * config.beat_words), np.uint64)
    padded[:, : rows.shape[1]] = rows & ((1 << config.word_bits) - 1)
    lanes = padded.reshape(-1, config.beat_words)
    packed = np.zeros((len(lanes), config.host_bits // _PART_BITS), np.uint64)
    low_part = np.uint64((1 << _PART_BITS) - 1)
    for lane in range(config.beat_words):
        part, shift = divmod(lane * config.word_bits, _PART_BITS)
        bits = lanes[:, lane] << np.uint64(shift)
        packed[:, part] |= bits & low_part
        if shift + config.word_bits > _PART_BITS:
            packed[:, part + 1] |= bits >> np.uint64(_PART_BITS)
    return packed.astype(np.uint32)


def beats_to_words(config: TorusConfig, beats: Beats) -> IntArray:
    """Take beats apart: [beats, beat_words] link words, as unsigned numbers in int64."""
    wide = np.zeros((len(beats), beats.shape[1] + 1), np.uint64)
    wide[:, :-1] = beats
    words = np.empty((len(beats), config.beat_words), np.int64)
    for lane in range(config.beat_words):
        part, shift = divmod(lane * config.word_bits, _PART_BITS)
        bits = wide[:, part] | wide[:, part + 1] << np.uint64(_PART_BITS)
        words[:, lane] = (bits >> np.uint64(shift)) & np.uint64((1 << config.word_bits) - 1)
    return words


def encode(program: Program, blocks: Sequence[IntArray]) -> Beats:
    """Write everything that the host sends for one program.

    Parameters
    ----------
    program
        The program.
    blocks
        The words of its SCATTER ops in order, each [repetitions, R, words of a gateway].

    Returns
    -------
    Beats
        The program itself, and then its words.

    Raises
    ------
    ProgramError
        If the program does not ask for exactly these words in this order.
    """
    config = program.config

    def whole_blocks(image: list[int]) -> Beats:
        return words_to_beats(config, np.array(image).reshape(-1, PROGRAM_BLOCK_WORDS))

    pieces = [whole_blocks(program.gateway_image)]
    given: list[tuple[str, int, int]] = []
    if program.pe_image:
        pieces.append(whole_blocks(program.pe_image))
        count = len(program.pe_image) // PROGRAM_BLOCK_WORDS
        given.append((HostInKind.BROADCAST.name, config.block_beats, count))
    for words in blocks:
        pieces.append(words_to_beats(config, words))
        beats = -(-words.shape[2] // config.beat_words)
        given.append((HostInKind.SCATTER.name, beats, len(words)))

    asked = [
        (HostInKind(op["kind"]).name, op["beats"], turns * (op["reps"] + 1))
        for op, turns in _runs(program.gateway[1])
    ]
    if _merged(given) != _merged(asked):
        raise ProgramError(
            "the gateways' program must take the host's words in the order in which they are "
            f"sent, (kind, beats, repetitions) = {_merged(given)}, but takes {_merged(asked)}"
        )
    return np.concatenate(pieces)


def _runs(queue: Sequence[Op]) -> Iterator[tuple[Op, int]]:
    """Ops of a queue in turn, with how often; a loop must be over ops that all do the same."""
    for index, op in enumerate(queue):
        if op["kind"] == LOOP:
            body = queue[op["target"] : index]
            if any(one != body[0] for one in body):
                raise ProgramError("a loop of a host queue must repeat one op")
            yield body[0], op["count"] * len(body)
        else:
            yield op, 1


def _merged(runs: Sequence[tuple[str, int, int]]) -> list[tuple[str, int, int]]:
    """Runs with equal neighbours joined."""
    joined: list[tuple[str, int, int]] = []
    for kind, beats, reps in runs:
        if joined and joined[-1][:2] == (kind, beats):
            reps += joined.pop()[2]
        joined.append((kind, beats, reps))
    return joined


def output_beats(program: Program) -> int:
    """Beats that a program sends to the host."""
    config = program.config
    total = 0
    for op, turns in _runs(program.gateway[2]):
        if op["kind"] == HostOutKind.ID.value:
            total += turns * -(-HARDWARE_ID_BITS // config.host_bits)
        else:
            total += turns * (op["reps"] + 1) * config.rows * op["beats"]
    return total


def load_words(config: TorusConfig, weights: IntArray, biases: IntArray) -> list[IntArray]:
    """Arrange memory images [R, C, depth] as the blocks that a `load_program` asks for."""
    chunks = np.arange(config.bias_chunks) * config.word_bits
    parts = (biases[..., None] >> chunks).reshape(*biases.shape[:2], -1)
    return deal_words(config, [weights, parts])


def deal_words(config: TorusConfig, images: Sequence[IntArray]) -> list[IntArray]:
    """Arrange the words [R, C, count] that PEs keep as the blocks that load ops ask for."""
    most_words = config.buffer_words // config.cols * config.cols
    blocks: list[IntArray] = []
    for image in images:
        dealt = image.transpose(0, 2, 1).reshape(len(image), -1)
        whole = dealt.shape[1] // most_words
        if whole:
            full = dealt[:, : whole * most_words].reshape(len(image), whole, most_words)
            blocks.append(full.transpose(1, 0, 2))
        if dealt.shape[1] % most_words:
            blocks.append(dealt[None, :, whole * most_words :])
    return blocks


def input_words(input_map: IntArray, x: IntArray) -> list[IntArray]:
    """Arrange samples [N, I] as the blocks that a run asks for; padding is 0."""
    words = np.where(input_map >= 0, x[:, np.maximum(input_map, 0)], 0)
    return [words.reshape(-1, *input_map.shape[1:])]


def decode_outputs(
    config: TorusConfig, output_map: IntArray, beats: Beats, outputs: int
) -> IntArray:
    """Read the outputs [N, O] of a run from its beats.

    Raises
    ------
    HostDataError
        If the number of beats is not that of whole samples.
    """
    rows, count = output_map.shape
    row_beats = -(-count // config.beat_words)
    if len(beats) % (rows * row_beats):
        raise HostDataError(
            f"output beats must be a multiple of {rows * row_beats}, those of one sample, "
            f"not {len(beats)}"
        )
    words = beats_to_words(config, beats).reshape(-1, rows, row_beats * config.beat_words)
    sign = 1 << (config.act_bits - 1)
    signed = ((words & (2 * sign - 1)) ^ sign) - sign
    used = output_map >= 0
    y = np.empty((len(words), outputs), np.int64)
    y[:, output_map[used]] = signed[:, :, :count][:, used]
    return y


def decode_id(beats: Beats) -> int:
    """Read the hardware id from the beats of an `id_program`."""
    return int.from_bytes(np.ascontiguousarray(beats, "<u4").tobytes()[:8], "little")
