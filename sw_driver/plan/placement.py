"""Placement of the blocks of every layer in rows and columns of the torus.

Input and output blocks lie in rows, middle blocks in columns: each stage is then one all-gather on
the rings of one axis, and the permutations between stages are the change of axis.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from golden import ClosShape
from sw_driver.arrays import IntArray
from sw_driver.plan.handover import (
    Handover,
    hand_by_move,
    hand_in_row,
    hand_to_host,
    slots_in_order,
)

__all__ = ["LayerPlacement", "place"]


@dataclasses.dataclass(frozen=True, eq=False)
class LayerPlacement:
    """Where the blocks of one layer lie.

    Parameters
    ----------
    shape
        The shape of the layer.
    input_slots
        [R, ki]: the input block in each slot of each row, -1 for none.
    middle_slots
        [C, km]: the middle block in each slot of each column, -1 for none.
    handover
        The output blocks, and where their outputs go.
    input_words
        Words that the input stage gathers in each repetition, padding included.
    mac_cycles
        Multiply-accumulates of one PE for each sample, those of padding and of a move included.
    """

    shape: ClosShape
    input_slots: IntArray
    middle_slots: IntArray
    handover: Handover
    input_words: int
    mac_cycles: int


def place(
    shapes: Sequence[ClosShape], rows: int, cols: int, *, training: bool = False
) -> tuple[LayerPlacement, ...]:
    """Place a chain of layers on a torus so that a PE has the fewest multiply-accumulates to do.

    Between two layers, blocks are packed into rows or words are moved, whichever costs less, and
    packing if both cost the same. Both ends of a layer change the cost of its middle stage, so all
    layers are chosen together, by dynamic programming over the boundaries. Some ways of packing
    cannot be used for training, where gradients have to go back.
    """
    first = slots_in_order(shapes[0].input_routers, rows)
    # Best chain of placements for each way in which the next layer's inputs can lie.
    best: list[tuple[int, tuple[LayerPlacement, ...], IntArray, int]] = [
        (0, (), first, shapes[0].fan_ins[0])
    ]
    for index, shape in enumerate(shapes):
        following = shapes[index + 1] if index + 1 < len(shapes) else None
        ways = (
            [hand_to_host(shape, rows, cols, block_by_block=training)]
            if following is None
            else [
                hand_in_row(shape, following, rows, cols),
                hand_by_move(shape, following, rows, cols),
            ]
        )
        if training:
            ways = [way for way in ways if _trainable(way)]
        reached: list[tuple[int, tuple[LayerPlacement, ...], IntArray, int]] = []
        for way in ways:
            chains = [
                (cost + placed.mac_cycles, (*chain, placed))
                for cost, chain, input_slots, input_words in best
                for placed in [_layer(shape, input_slots, input_words, way, rows, cols)]
            ]
            cost, chain = min(chains, key=lambda item: item[0])
            own = way.own if way.moved is None else way.moved.shape[3]
            reached.append((cost, chain, _next_inputs(way, first), own * cols))
        best = reached
    return min(best, key=lambda item: item[0])[1]


def _trainable(way: Handover) -> bool:
    """Whether gradients can go back on the way that a handover takes.

    An output block that is gathered more than once would get its gradients in parts. A word to
    which no result is written would have a weight that learns from whatever the word holds.
    """
    once = len(np.unique(way.slots)) == len(way.slots)
    filled = np.bincount(way.targets[:, 0], minlength=way.regions) * way.neurons.shape[3]
    return once and bool((filled == way.own).all())


def _next_inputs(way: Handover, otherwise: IntArray) -> IntArray:
    return otherwise if way.input_slots is None else way.input_slots


def _layer(
    shape: ClosShape, input_slots: IntArray, input_words: int, way: Handover, rows: int, cols: int
) -> LayerPlacement:
    """Return the placement of a layer between two given ways of handing over, with its cost."""
    middle_slots = slots_in_order(shape.middle_routers, cols)
    in_count, mid_count = input_slots.shape[1], middle_slots.shape[1]
    reps, _, _, outputs = way.neurons.shape
    cycles = in_count * input_words * mid_count
    cycles += mid_count * rows * in_count * way.output_slots.shape[1]
    cycles += reps * cols * mid_count * outputs
    if way.moved is not None:
        cycles += way.moved.shape[0] * way.moved.shape[3] * rows * way.own
    return LayerPlacement(shape, input_slots, middle_slots, way, input_words, cycles)
