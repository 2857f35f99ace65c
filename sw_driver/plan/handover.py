"""How a layer's outputs get to where they are read next: three ways, as tables of neurons.

The output stage works in repetitions. In each of them every PE computes some outputs of one output
block of its row, and these outputs become own words of one region of the next gather. A `Handover`
says which outputs, and which region. Three functions make one:

- `hand_to_host` hands the outputs to the gateways, all in one region or block by block;
- `hand_in_row` hands them to the next layer's input blocks, which lie in rows that compute all
  their inputs;
- `hand_by_move` sends them once round the column rings, and each is then copied to the PE that owns
  it in the next layer's input gather.
"""

import dataclasses

import numpy as np

from golden import ClosShape
from sw_driver.arrays import IntArray
from sw_driver.plan.columns import spread_over_columns

__all__ = ["Handover", "hand_by_move", "hand_in_row", "hand_to_host", "slots_in_order"]

Blocks = tuple[tuple[int, int], ...]


@dataclasses.dataclass(frozen=True, eq=False)
class Handover:
    """Where every output of a layer is computed, and where it goes.

    Parameters
    ----------
    output_slots
        [R, ko]: the output block in each slot of each row, -1 for none.
    slots
        [reps]: the output slot that each repetition of the output stage works on.
    neurons
        [reps, R, C, outputs]: the neuron that each PE computes, -1 for padding.
    targets
        [reps, 2]: the region of the next gather that each repetition writes to, and the index in it
        of the first own word that is written.
    regions, own
        Number of regions of the next gather, and own words of a PE in each.
    input_slots
        [R, ki]: the next layer's input block in each slot of each row, -1 for none; no slots if
        that layer is dense, None if the outputs go to the host.
    moved
        [ki, R, C, own words]: the neurons that each PE owns in the next layer's input gather, after
        a move; None if nothing is moved.
    """

    output_slots: IntArray
    slots: IntArray
    neurons: IntArray
    targets: IntArray
    regions: int
    own: int
    input_slots: IntArray | None = None
    moved: IntArray | None = None

    @property
    def to_host(self) -> bool:
        """Whether the outputs go to the host."""
        return self.input_slots is None


def slots_in_order(blocks: int, lines: int) -> IntArray:
    """Put blocks into the slots of lines, in order: [lines, slots], -1 where no block is left.

    A line has ceil(blocks / lines) slots, so block b lies in line b // slots.
    """
    slots = -(-blocks // lines)
    numbers = np.arange(lines * slots).reshape(lines, slots)
    return np.where(numbers < blocks, numbers, -1)


def hand_to_host(
    shape: ClosShape, rows: int, cols: int, *, block_by_block: bool = False
) -> Handover:
    """Put the output blocks into the rows in order, and deal a block's neurons to the columns.

    With `block_by_block` each block is a gather of its own: the host has the first outputs sooner,
    and the ring has more repetitions.
    """
    slots = slots_in_order(shape.output_routers, rows)
    count = slots.shape[1]
    width = -(-max(stop - start for start, stop in shape.output_blocks) // cols)
    neurons = np.full((count, rows, cols, width), -1, np.int64)
    for row, slot in zip(*np.nonzero(slots >= 0), strict=True):
        start, stop = shape.output_blocks[slots[row, slot]]
        _deal(neurons[slot, row], range(start, stop))
    regions, words = _counted(count), np.zeros(count, np.int64)
    if not block_by_block:
        regions, words = words, regions * width
    return Handover(
        output_slots=slots,
        slots=_counted(count),
        neurons=neurons,
        targets=np.stack([regions, words], axis=1),
        regions=count if block_by_block else 1,
        own=width if block_by_block else count * width,
    )


def hand_in_row(left: ClosShape, right: ClosShape, rows: int, cols: int) -> Handover:
    """Put the next layer's input blocks into the rows that compute all their inputs.

    An output block and an input block that have neurons in common share a row. An output block that
    feeds several input blocks takes a repetition of the output stage for each of them.
    """
    output_slots, input_slots = _pack_rows(left.output_blocks, right.input_blocks, rows)

    def overlap(row: int, in_slot: int, out_slot: int) -> range:
        in_block, out_block = int(input_slots[row, in_slot]), int(output_slots[row, out_slot])
        if in_block < 0 or out_block < 0:
            return range(0)
        in_start, in_stop = right.input_blocks[in_block]
        out_start, out_stop = left.output_blocks[out_block]
        return range(max(in_start, out_start), min(in_stop, out_stop))

    pairs = [
        (in_slot, out_slot)
        for in_slot in range(input_slots.shape[1])
        for out_slot in range(output_slots.shape[1])
        if any(len(overlap(row, in_slot, out_slot)) for row in range(rows))
    ]
    widest = max(len(overlap(row, *pair)) for row in range(rows) for pair in pairs)
    width = -(-widest // cols)
    neurons = np.full((len(pairs), rows, cols, width), -1, np.int64)
    targets = np.zeros((len(pairs), 2), np.int64)
    filled = [0] * input_slots.shape[1]
    for index, (in_slot, out_slot) in enumerate(pairs):
        targets[index] = in_slot, filled[in_slot]
        filled[in_slot] += width
        for row in range(rows):
            _deal(neurons[index, row], overlap(row, in_slot, out_slot))
    return Handover(
        output_slots=output_slots,
        slots=np.array([out_slot for _, out_slot in pairs]),
        neurons=neurons,
        targets=targets,
        regions=input_slots.shape[1],
        own=max(filled),
        input_slots=input_slots,
    )


def hand_by_move(left: ClosShape, right: ClosShape, rows: int, cols: int) -> Handover:
    """Keep both layers' blocks in order over the rows, and move words along the columns.

    A neuron may be computed in any column; the columns are chosen so that the blocks of both layers
    are spread evenly.
    """
    output_slots = slots_in_order(left.output_routers, rows)
    input_slots = slots_in_order(right.input_routers, rows)
    makers, readers = _block_of(left.output_blocks), _block_of(right.input_blocks)
    columns = np.array(spread_over_columns(makers, readers, cols))

    def dealt(slots: IntArray, block_of: IntArray) -> IntArray:
        widest = int(np.bincount(block_of).max())
        words = np.full((slots.shape[1], rows, cols, -(-widest // cols)), -1, np.int64)
        for row, slot in zip(*np.nonzero(slots >= 0), strict=True):
            for col in range(cols):
                mine = np.flatnonzero((block_of == slots[row, slot]) & (columns == col))
                words[slot, row, col, : len(mine)] = mine
        return words

    neurons = dealt(output_slots, makers)
    count, width = neurons.shape[0], neurons.shape[3]
    return Handover(
        output_slots=output_slots,
        slots=_counted(count),
        neurons=neurons,
        targets=np.stack([np.zeros(count, np.int64), _counted(count) * width], axis=1),
        regions=1,
        own=count * width,
        input_slots=input_slots,
        moved=dealt(input_slots, readers),
    )


def _counted(count: int) -> IntArray:
    """Return the numbers from 0 up: [count]."""
    return np.arange(count, dtype=np.int64)


def _deal(words: IntArray, neurons: range) -> None:
    """Fill [C, width] with `neurons`, column after column."""
    words.reshape(-1)[: len(neurons)] = neurons


def _block_of(blocks: Blocks) -> IntArray:
    """Return the block of each neuron: [neurons]."""
    return np.repeat(np.arange(len(blocks)), [stop - start for start, stop in blocks])


def _pack_rows(makers: Blocks, readers: Blocks, rows: int) -> tuple[IntArray, IntArray]:
    """Choose the output and the input slots so that blocks with common neurons share a row.

    Both lists of blocks are cut into groups where a block of either begins with the same neuron.
    The groups go to the rows in order. Rows of the fewest slots are tried first, then rows with
    more slots of both kinds, in proportion.
    """
    starts = sorted({start for start, _ in makers} & {start for start, _ in readers})

    def grouped(blocks: Blocks) -> list[list[int]]:
        group_of = np.searchsorted(starts, [start for start, _ in blocks], side="right") - 1
        return [np.flatnonzero(group_of == group).tolist() for group in range(len(starts))]

    groups = list(zip(grouped(makers), grouped(readers), strict=True))
    fewest = -(-len(makers) // rows), -(-len(readers) // rows)
    most = fewest
    while (packed := _fill(groups, rows, most)) is None:
        out_most = most[0] + 1
        most = out_most, max(-(-out_most * fewest[1] // fewest[0]), most[1])
    slots: list[IntArray] = []
    for side in range(2):
        lines = [[block for group in row for block in group[side]] for row in packed]
        table = np.full((rows, max(len(line) for line in lines)), -1, np.int64)
        for row, line in enumerate(lines):
            table[row, : len(line)] = line
        slots.append(table)
    return slots[0], slots[1]


Group = tuple[list[int], list[int]]


def _fill(groups: list[Group], rows: int, most: tuple[int, int]) -> list[list[Group]] | None:
    """Deal groups to rows in order; None if a row would have more than `most` blocks.

    `most` is of output blocks and of input blocks.
    """
    packed: list[list[Group]] = [[]]
    for group in groups:
        if len(group[0]) > most[0] or len(group[1]) > most[1]:
            return None
        row = [*packed[-1], group]
        if any(sum(len(one[side]) for one in row) > most[side] for side in range(2)):
            packed.append([group])
        else:
            packed[-1] = row
    return packed + [[]] * (rows - len(packed)) if len(packed) <= rows else None
