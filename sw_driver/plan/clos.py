"""Where the blocks of a Clos layer lie on the torus, and its three stages.

Input and output blocks lie in rows, middle blocks in columns: each stage is then one all-gather on
the rings of one axis, and the permutations between stages are the change of axis.
"""

import dataclasses

import numpy as np

from golden import ClosShape
from sw_driver.arrays import IntArray
from sw_driver.plan.handover import Handover, slots_in_order
from sw_driver.plan.mac_lanes import ONE_LANE, MacLanes
from sw_driver.plan.requantised import Requantised
from sw_driver.plan.stage import Part, StageKind, output_part

__all__ = ["LayerPlacement", "clos_stages", "place_clos"]


@dataclasses.dataclass(frozen=True, eq=False)
class LayerPlacement:
    """Where the blocks of one Clos layer lie.

    Parameters
    ----------
    shape
        Of the layer.
    input_slots
        [R, ki]: the input block in each slot of each row, -1 for none.
    middle_slots
        [C, km]: the middle block in each slot of each column, -1 for none.
    handover
        The output blocks, and where their outputs go.
    input_words
        Words that the input stage gathers in each repetition, padding included.
    mac_cycles
        Steps of one MAC for each sample, those of padding and of a move included.
    """

    shape: ClosShape
    input_slots: IntArray
    middle_slots: IntArray
    handover: Handover
    input_words: int
    mac_cycles: int

    def host_words(self, cols: int) -> IntArray:
        """Return the inputs of each row's blocks: [ki, R, C, words], the same for all columns."""
        blocks = self.shape.input_blocks
        rows, count = self.input_slots.shape
        words = np.full((count, rows, cols, self.input_words), -1, np.int64)
        for row, slot in zip(*np.nonzero(self.input_slots >= 0), strict=True):
            start, stop = blocks[self.input_slots[row, slot]]
            words[slot, row, :, : stop - start] = np.arange(start, stop)
        return words


def place_clos(
    shape: ClosShape,
    input_slots: IntArray,
    input_words: int,
    way: Handover,
    rows: int,
    cols: int,
    lanes: MacLanes = ONE_LANE,
) -> LayerPlacement:
    """Place one layer between two ways of handing over, with its cost."""
    middle_slots = slots_in_order(shape.middle_routers, cols)
    in_count, mid_count = input_slots.shape[1], middle_slots.shape[1]
    reps, _, _, outputs = way.neurons.shape
    whole = lanes.whole_transfers
    cycles = in_count * lanes.cycles(input_words, mid_count)
    cycles += mid_count * lanes.cycles(rows * whole(in_count), way.output_slots.shape[1])
    cycles += reps * lanes.cycles(cols * whole(mid_count), outputs)
    if way.moved is not None:
        moves, words = way.moved.shape[0], way.moved.shape[3]
        cycles += moves * lanes.cycles(rows * whole(way.own), words)
    return LayerPlacement(shape, input_slots, middle_slots, way, input_words, cycles)


def clos_stages(placed: LayerPlacement, layer: Requantised) -> list[Part]:
    """The three stages of a Clos layer, but for what they gather."""
    middle_routers, handover = placed.shape.middle_routers, placed.handover
    first = _cross(placed.input_slots, placed.middle_slots, middle_routers)
    middle = _cross(handover.output_slots, placed.middle_slots, middle_routers)
    middle = middle.transpose(3, 1, 2, 0)
    return [
        Part(
            kind=StageKind.INPUT,
            visits=np.arange(len(first)),
            results=first,
            targets=_corner_turn(*first.shape[::3]),
            shift=layer.shifts[0],
        ),
        Part(
            kind=StageKind.MIDDLE,
            visits=np.arange(len(middle)),
            results=middle,
            targets=_corner_turn(*middle.shape[::3]),
            shift=layer.shifts[1],
        ),
        output_part(
            StageKind.OUTPUT,
            handover.slots,
            handover.neurons,
            handover.targets,
            shift=layer.shifts[2],
            finish=layer.finish,
        ),
    ]


def _cross(row_slots: IntArray, col_slots: IntArray, middle_routers: int) -> IntArray:
    """Return value row block * Rm + column block: [row slots, R, C, column slots], -1 for none."""
    in_row = row_slots.T[:, :, None, None]
    in_col = col_slots[None, None, :, :]
    return np.where((in_row >= 0) & (in_col >= 0), in_row * middle_routers + in_col, -1)


def _corner_turn(reps: int, outputs: int) -> IntArray:
    """Return targets of a change of axis: output j of repetition k is own word k of region j."""
    rep, output = np.indices((reps, outputs))
    return np.stack([output, rep], axis=2)
