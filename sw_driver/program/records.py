"""Numbers that are longer than a link word, and the training state that a host loads and reads."""

import numpy as np
import torch

from golden.fixed.format import TrainingFormat
from golden.fixed.state import LayerState, TrainingState
from golden.fixed.visits import weight_sizes
from hw.config import TorusConfig
from hw.op_fields import Memory
from sw_driver.arrays import Beats, IntArray
from sw_driver.errors import HostDataError
from sw_driver.plan.maps import Maps
from sw_driver.program.dump import list_dumps
from sw_driver.program.host_stream import beats_to_words, deal_words

__all__ = ["join_words", "read_state", "split_words", "state_records", "state_words"]


def split_words(values: IntArray, chunks: int, word_bits: int) -> IntArray:
    """Split numbers [...] into link words [..., chunks], low word first, the sign in the last."""
    return values[..., None] >> np.minimum(np.arange(chunks) * word_bits, 63)


def join_words(words: IntArray, bits: int, word_bits: int) -> IntArray:
    """Join link words [..., chunks], taken as unsigned, to numbers [...] of `bits` bits, signed."""
    shifts: IntArray = np.arange(words.shape[-1], dtype=np.int64) * word_bits
    joined = np.bitwise_or.reduce(words << shifts, axis=-1)
    sign = 1 << (bits - 1)
    return ((joined & (2 * sign - 1)) ^ sign) - sign


def state_words(config: TorusConfig, maps: Maps, state: TrainingState) -> list[IntArray]:
    """Arrange a training state as the blocks that a load program asks for."""
    records = state_records(config, maps, state).values()
    return deal_words(config, [one.reshape(*one.shape[:2], -1) for one in records])


def state_records(config: TorusConfig, maps: Maps, state: TrainingState) -> dict[Memory, IntArray]:
    """Arrange a training state as the records of each memory: [R, C, records, chunks]."""
    weights, biases, velocities, bias_velocities = _flat(state)
    velocity_maps = maps.velocity
    found: dict[Memory, IntArray] = {}
    for which, memory, velocity, values, rates, chunks in (
        (Memory.WEIGHTS, maps.weights, velocity_maps[0], weights, velocities, config.master_chunks),
        (Memory.BIASES, maps.biases, velocity_maps[1], biases, bias_velocities, config.bias_chunks),
    ):
        record = split_words(memory.fill(values), chunks, config.word_bits)
        rate = split_words(velocity.fill(rates), config.velocity_chunks, config.word_bits)
        found[which] = np.concatenate([record, rate], axis=3)
    lfsr = state.lfsr.numpy().reshape(config.rows, config.cols, 1)
    found[Memory.LFSR] = split_words(lfsr, config.lfsr_chunks, config.word_bits)
    return found


def _flat(state: TrainingState) -> tuple[IntArray, IntArray, IntArray, IntArray]:
    """Return the weights, the biases and the velocities of both, each as one list of words."""

    def join(tensors: list[torch.Tensor]) -> IntArray:
        return torch.cat([tensor.flatten() for tensor in tensors]).numpy()

    return (
        join([tensor for layer in state.layers for tensor in layer.masters]),
        join([layer.bias for layer in state.layers]),
        join([tensor for layer in state.layers for tensor in layer.velocities]),
        join([layer.bias_velocity for layer in state.layers]),
    )


def read_state(
    config: TorusConfig, form: TrainingFormat, maps: Maps, beats: Beats
) -> TrainingState:
    """Read the training state from what a dump program sent.

    Raises
    ------
    HostDataError
        If there are more or fewer beats than the program gives.
    FitError
        If a word that never changes, such as padding, has another value.
    """
    rows, cols = config.rows, config.cols
    depths = {
        Memory.WEIGHTS: maps.weights.index.shape[2],
        Memory.BIASES: maps.biases.index.shape[2],
        Memory.LFSR: 1,
    }
    found: dict[Memory, list[IntArray]] = {memory: [] for memory in Memory}
    at = 0
    for dump in list_dumps(config, depths[Memory.WEIGHTS], depths[Memory.BIASES]):
        row_beats = -(-dump.words * cols // config.beat_words)
        taken = beats[at : at + dump.reps * rows * row_beats]
        at += dump.reps * rows * row_beats
        if at > len(beats):
            break
        words = beats_to_words(config, taken).reshape(dump.reps, rows, -1)
        words = words[:, :, : dump.words * cols]
        records = words.reshape(dump.reps, rows, cols, dump.records, dump.chunks)[:, :, ::-1]
        found[dump.memory].append(
            records.transpose(1, 2, 0, 3, 4).reshape(rows, cols, -1, dump.chunks)
        )
    if at != len(beats):
        raise HostDataError(f"the memories must come in {at} beats, not {len(beats)}")
    records = {memory: np.concatenate(parts, axis=2) for memory, parts in found.items()}
    masters, velocities = _record(config, records[Memory.WEIGHTS], form.master_bits, form)
    biases, bias_velocities = _record(config, records[Memory.BIASES], config.bias_bits, form)
    velocity_maps = maps.velocity
    lfsr = join_words(records[Memory.LFSR], 33, config.word_bits).reshape(-1)
    return _shaped(
        form,
        maps.weights.read(masters),
        maps.biases.read(biases),
        velocity_maps[0].read(velocities),
        velocity_maps[1].read(bias_velocities),
        lfsr,
    )


def _record(
    config: TorusConfig, records: IntArray, bits: int, form: TrainingFormat
) -> tuple[IntArray, IntArray]:
    """Take records [..., chunks] apart: a number of `bits` bits, and its velocity, or 0 without."""
    chunks = records.shape[-1] - config.velocity_chunks
    values = join_words(records[..., :chunks], bits, config.word_bits)
    if not form.velocity_bits:
        return values, np.zeros_like(values)
    return values, join_words(records[..., chunks:], form.velocity_bits, config.word_bits)


def _shaped(
    form: TrainingFormat,
    weights: IntArray,
    biases: IntArray,
    velocities: IntArray,
    bias_velocities: IntArray,
    lfsr: IntArray,
) -> TrainingState:
    """Cut lists of words into the tensors of a training state."""
    layers: list[LayerState] = []
    first, first_bias = 0, 0
    for shape in form.shapes:
        tensors: list[list[torch.Tensor]] = [[], []]
        for size in weight_sizes(shape):
            end = first + torch.Size(size).numel()
            for found, words in zip(tensors, (weights, velocities), strict=True):
                found.append(torch.as_tensor(words[first:end]).reshape(size))
            first = end
        end = first_bias + shape.out_features
        bias, rate = (torch.as_tensor(words[first_bias:end]) for words in (biases, bias_velocities))
        first_bias = end
        masters, rates = map(tuple, tensors)
        layers.append(LayerState(masters, bias, rates, rate))
    return TrainingState(layers, torch.as_tensor(lfsr))
