"""The host stream: packs words into beats and takes beats apart, in the order of a program.

Beats are rows of 32-bit parts, low part first: uint32 [beats, host_bits / 32].
"""

from collections.abc import Iterator, Sequence

import numpy as np

from hw.config import HARDWARE_ID_BITS, PROGRAM_BLOCK_WORDS, TorusConfig
from hw.op_fields import LOOP, HostInKind, HostOutKind
from sw_driver.arrays import Beats, IntArray
from sw_driver.errors import ProgramError
from sw_driver.program.image import Op
from sw_driver.program.program import Program, load_runs

__all__ = [
    "beats_to_words",
    "deal_words",
    "decode_id",
    "encode",
    "input_kind",
    "load_words",
    "output_beats",
    "program_beats",
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
        The words of its further ops in order, each [repetitions, R, words of a gateway]; or
        [repetitions, 1, words] of a BROADCAST, which all gateways get.

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
    pieces = [program_beats(program)]
    given: list[tuple[str, int, int]] = []
    if program.pe_image:
        count = len(program.pe_image) // PROGRAM_BLOCK_WORDS
        given.append((HostInKind.BROADCAST.name, config.block_beats, count))
    for words in blocks:
        pieces.append(words_to_beats(config, words))
        beats = -(-words.shape[2] // config.beat_words)
        given.append((input_kind(config, words).name, beats, len(words)))

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


def input_kind(config: TorusConfig, block: IntArray) -> HostInKind:
    """The op that takes a block [repetitions, R or 1, words]: 1 where all gateways get the same."""
    return HostInKind.SCATTER if block.shape[1] == config.rows else HostInKind.BROADCAST


def program_beats(program: Program) -> Beats:
    """Pack a program itself: the gateways' image, and then the PEs' image, if they have one."""
    blocks = np.array([*program.gateway_image, *program.pe_image], np.int64)
    return words_to_beats(program.config, blocks.reshape(-1, PROGRAM_BLOCK_WORDS))


def _runs(queue: Sequence[Op]) -> Iterator[tuple[Op, int]]:
    """Go through the ops of a queue with how often each is done; a loop must repeat equal ops."""
    for index, op in enumerate(queue):
        if op["kind"] == LOOP:
            body = queue[op["target"] : index]
            if any(one != body[0] for one in body):
                raise ProgramError("a loop of a host queue must repeat one op")
            yield body[0], op["count"] * len(body)
        else:
            yield op, 1


def _merged(runs: Sequence[tuple[str, int, int]]) -> list[tuple[str, int, int]]:
    """Join neighbours of the same kind and number of beats."""
    joined: list[tuple[str, int, int]] = []
    for kind, beats, reps in runs:
        if joined and joined[-1][:2] == (kind, beats):
            reps += joined.pop()[2]
        joined.append((kind, beats, reps))
    return joined


def output_beats(program: Program) -> int:
    """Count the beats that a program sends to the host."""
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
    """Arrange words [R, C, count], which PEs are to keep, as the blocks that load ops ask for.

    They are dealt to the columns in turn, `link_words` at once; a last one that lacks is 0.
    """
    blocks: list[IntArray] = []
    for image in images:
        rows, cols, count = image.shape
        whole = np.zeros((rows, cols, config.whole_transfers(count)), np.int64)
        whole[..., :count] = image
        pieces = whole.reshape(rows, cols, -1, config.link_words)
        dealt = pieces.transpose(0, 2, 1, 3).reshape(rows, -1)
        first = 0
        for words, count in load_runs(config, dealt.shape[1]):
            end = first + count * words
            piece = dealt[:, first:end].reshape(len(image), count, words)
            blocks.append(piece.transpose(1, 0, 2))
            first = end
    return blocks


def decode_id(beats: Beats) -> int:
    """Read the hardware id from the beats of an `id_program`."""
    return int.from_bytes(np.ascontiguousarray(beats, "<u4").tobytes()[:8], "little")
