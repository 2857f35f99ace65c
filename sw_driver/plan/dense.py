"""Where the outputs of a dense layer lie on the torus, and its one or two stages.

Every output is a sum over every input, so a layer is placed by its outputs, and they may lie
wherever the next layer wants them. Two ways get the inputs to all outputs:

- **one sum**: every row ring carries all inputs, so every PE makes its outputs by itself. The host
  can send its words to all rows; a torus of one row has them there anyway.
- **partial sums**: the inputs of each row stay in it. Its PEs make the sums over them for all
  outputs of their column, in the dense stage. A gather along the column then brings every PE the
  partial sums of its own outputs, which the sum stage adds.

In the dense stage, PE (r, c) makes the words in the order of their readers, R at a time: word d is
for PE (r + d, c). So the word that a PE reads from its k-th upstream neighbour is always word k of
that neighbour's R own words, and all PEs read the same addresses: 0, R + 1, 2 (R + 1), ... A column
of few outputs has them all in one region instead, and every PE reads all of it: what is not for it
has the weight 0.
"""

import dataclasses

import numpy as np

from golden import ClosShape
from golden.layers.dense import DenseShape, LayerShape
from sw_driver.arrays import IntArray
from sw_driver.plan.handover import Handover, hand_to_host, slots_in_order
from sw_driver.plan.mac_lanes import ONE_LANE, MacLanes
from sw_driver.plan.requantised import Requantised
from sw_driver.plan.stage import Part, StageKind, output_part

__all__ = ["DensePlacement", "dense_stages", "groups_of_rows", "hand_from_dense", "hand_to_dense",
           "place_dense"]  # fmt: skip


@dataclasses.dataclass(frozen=True, eq=False)
class DensePlacement:
    """The outputs of one dense layer.

    Parameters
    ----------
    shape
        Of the layer; its groups are the inputs of each row that has any.
    row_groups
        [R]: the group of inputs that each row has, -1 for none; empty if each has all.
    handover
        Which PE makes which output, and where it goes.
    input_words
        Words that the dense stage gathers a repetition, padding included.
    by_reader
        Whether partial sums are made in the order of their readers, R at a time.
    word_step
        That of the sum stage: R + 1, or R + 2 where an odd R is padded for links that move two
        words at once; 1 where it reads all words.
    mac_cycles
        Steps of one MAC a sample, padding included.
    """

    shape: DenseShape
    row_groups: IntArray
    handover: Handover
    input_words: int
    by_reader: bool
    word_step: int
    mac_cycles: int

    def host_words(self, cols: int) -> IntArray:
        """[1, R, C, words]: the inputs of each row, the same for every PE of the row."""
        rows = self.handover.neurons.shape[1]
        words = np.full((1, rows, cols, self.input_words), -1, np.int64)
        for row in range(rows):
            group = int(self.row_groups[row]) if len(self.row_groups) else 0
            if group >= 0:
                start, stop = self.shape.groups[group]
                words[0, row, :, : stop - start] = np.arange(start, stop)
        return words


def hand_to_dense(shape: ClosShape, rows: int, cols: int) -> Handover:
    """Leave the outputs of a Clos layer in the rows of their blocks, for a dense layer."""
    return dataclasses.replace(
        hand_to_host(shape, rows, cols), input_slots=np.empty((rows, 0), np.int64)
    )


def hand_from_dense(
    shape: DenseShape,
    following: LayerShape | None,
    rows: int,
    cols: int,
    *,
    block_by_block: bool = False,
) -> Handover:
    """Make the outputs of a dense layer where they are read: nothing has to be moved.

    The host, and a dense layer, get them evenly from all rows, in order; a Clos layer gets those of
    each input block in the row of that block. `block_by_block` is as in `hand_to_host`.
    """
    if isinstance(following, ClosShape):
        input_slots = slots_in_order(following.input_routers, rows)
        blocks = following.input_blocks
    else:
        outputs = shape.out_features
        per_row = -(-outputs // (rows * cols)) * cols
        starts = range(0, outputs, per_row)
        blocks = [(start, min(start + per_row, outputs)) for start in starts]
        input_slots = slots_in_order(len(blocks), rows)
    width = -(-max(stop - start for start, stop in blocks) // cols)
    neurons = np.full((input_slots.shape[1], rows, cols, width), -1, np.int64)
    for row, slot in zip(*np.nonzero(input_slots >= 0), strict=True):
        start, stop = blocks[input_slots[row, slot]]
        neurons[slot, row].reshape(-1)[: stop - start] = np.arange(start, stop)
    if block_by_block and following is None:
        # One output of every PE is a block.
        neurons = neurons.transpose(3, 1, 2, 0)
    regions = np.arange(len(neurons))
    none = np.empty((rows, 0), np.int64)
    if not isinstance(following, ClosShape):
        input_slots = none
    return Handover(
        output_slots=none,
        slots=regions,
        neurons=neurons,
        targets=np.stack([regions, np.zeros_like(regions)], axis=1),
        regions=len(neurons),
        own=neurons.shape[3],
        input_slots=None if following is None else input_slots,
    )


def groups_of_rows(neurons: IntArray) -> tuple[tuple[int, ...], IntArray]:
    """Say which groups of inputs the rows have that a handover leaves them.

    Parameters
    ----------
    neurons
        [reps, R, C, outputs]: those of the handover. Each row has a run of neurons, or none.

    Returns
    -------
    The cuts of a `DenseShape`, and [R] the group of each row, -1 for none.
    """
    rows = neurons.shape[1]
    by_row: IntArray = neurons.transpose(1, 0, 2, 3).reshape(rows, -1)
    first = np.where(by_row >= 0, by_row, np.iinfo(np.int64).max).min(axis=1)
    used = (by_row >= 0).any(axis=1)
    cuts = np.sort(first[used])
    groups = np.where(used, (cuts[None, :] < first[:, None]).sum(axis=1), -1)
    return tuple(cuts.tolist()), groups


def place_dense(
    shape: DenseShape,
    row_groups: IntArray,
    input_words: int,
    way: Handover,
    *,
    skips: bool,
    lanes: MacLanes = ONE_LANE,
) -> DensePlacement:
    """Place one layer between what its rows have and a way of handing over, with its cost."""
    neurons = _by_repetition(way)
    count, rows = neurons.shape[:2]
    if not len(row_groups):
        reps, outputs = way.neurons.shape[::3]
        cycles = reps * lanes.cycles(input_words, outputs)
        return DensePlacement(shape, row_groups, way, input_words, False, 1, cycles)
    own = lanes.whole_transfers(rows)
    step = own + 1 if skips and rows > 1 else 1
    by_reader = count * lanes.cycles(input_words, rows)
    by_reader += count * lanes.cycles(rows * own, 1, step)
    column = len(_column(neurons))
    all_words = lanes.cycles(input_words, column)
    all_words += count * lanes.cycles(rows * lanes.whole_transfers(column), 1)
    if all_words < by_reader:
        return DensePlacement(shape, row_groups, way, input_words, False, 1, all_words)
    return DensePlacement(shape, row_groups, way, input_words, True, step, by_reader)


def _by_repetition(way: Handover) -> IntArray:
    """[n, R, C]: the outputs that each PE makes, one after the other."""
    return way.neurons.transpose(0, 3, 1, 2).reshape(-1, *way.neurons.shape[1:3])


def _column(neurons: IntArray) -> IntArray:
    """[outputs, 2]: repetition and row of all outputs of a column, if any column has them."""
    return np.argwhere((neurons >= 0).any(axis=2))


def dense_stages(placed: DensePlacement, layer: Requantised) -> list[Part]:
    """The stages of a dense layer, but for what they gather."""
    way = placed.handover
    if not len(placed.row_groups):
        return [
            output_part(
                StageKind.DENSE,
                np.zeros(len(way.neurons), np.int64),
                way.neurons,
                way.targets,
                shift=layer.shifts[0],
                finish=layer.finish,
                broadcast=way.neurons.shape[1] > 1,
            )
        ]
    outputs = way.neurons.shape[3]
    neurons = _by_repetition(way)
    count, rows = neurons.shape[:2]
    targets = np.repeat(way.targets, outputs, axis=0)
    targets[:, 1] += np.arange(len(targets), dtype=np.int64) % outputs
    # The output that each PE makes a partial sum for, [repetitions, R, C, outputs].
    if placed.by_reader:
        visits = np.arange(count, dtype=np.int64)
        turns = [np.roll(neurons, -distance, axis=1) for distance in range(rows)]
        wanted = np.stack(turns, axis=3)
    else:
        visits = np.zeros(count, np.int64)
        repetition, row = _column(neurons).T
        wanted = np.broadcast_to(
            neurons[repetition, row].T, (1, rows, neurons.shape[2], len(row)))
    groups = placed.row_groups[None, :, None, None]
    values = groups * placed.shape.out_features + wanted
    partial = np.where((wanted >= 0) & (groups >= 0), values, -1)
    return [
        Part(
            kind=StageKind.DENSE,
            visits=np.zeros(len(partial), np.int64),
            results=partial,
            targets=np.stack(list(np.indices(partial.shape[::3])), axis=2),
            shift=layer.shifts[0],
        ),
        output_part(
            StageKind.SUM,
            visits,
            neurons[..., None],
            targets,
            shift=layer.shifts[1],
            finish=layer.finish,
            gain_bits=layer.gain_bits,
            word_step=placed.word_step,
        ),
    ]
