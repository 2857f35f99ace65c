"""The BACK ops of a stage: which words they walk through, and in which order.

A block is the own words of one PE in a region. A BACK op walks through the blocks from that of the
farthest PE to the own one, through the words of each block upwards, and for each word through all
outputs. Blocks are cut into chunks that fit the FIFOs of the reduce engines, one op for each chunk,
so that no PE waits for room that only a later word would make.
"""

import dataclasses
from collections.abc import Iterator

import numpy as np

from sw_driver.arrays import IntArray
from sw_driver.errors import FitError
from sw_driver.plan.entries import Entry
from sw_driver.plan.mac_lanes import ONE_LANE, MacLanes
from sw_driver.plan.stage import Stage

__all__ = ["Back", "back_ops", "visited_weights"]


@dataclasses.dataclass(frozen=True)
class Back:
    """One BACK op: an entry backwards, or a chunk of its words.

    Parameters
    ----------
    entry
        The entry forwards whose way back the op is.
    reps
        Number of repetitions.
    regions
        The region that each repetition reads.
    written
        Per repetition, the regions of the next stage whose gradients the repetition reads.
    words, blocks
        Words that the op takes of each block, and number of blocks in a region.
    jump
        How far the first word taken of a block lies below the last word taken of the block after
        it.
    first
        Position in its region of the first word that is walked through.
    outputs, groups
        Outputs of a group, and number of groups.
    lanes
        Those of the MAC.
    group_stride
        What each group adds to the address of the first gradient.
    fan_in
        Words of a region.
    biases
        Whether the op changes the biases; in an output stage the op of the first chunk does.
    """

    entry: Entry
    reps: int
    regions: tuple[int, ...]
    written: tuple[tuple[int, ...], ...]
    words: int
    blocks: int
    jump: int
    first: int
    outputs: int
    groups: int
    group_stride: int
    fan_in: int
    biases: bool
    lanes: MacLanes = ONE_LANE

    @property
    def rows(self) -> int:
        """Steps of a word: the rows of weights, and of gradients, of a repetition's outputs."""
        return self.groups * self.lanes.walks(self.outputs)

    @property
    def steps(self) -> int:
        """Number of steps of the MAC, over all repetitions."""
        return self.reps * self.words * self.blocks * self.rows

    @property
    def weight_stride(self) -> int:
        """Number of rows of weights from one repetition to the next."""
        return self.fan_in * self.rows

    def walk(self) -> Iterator[tuple[int, int]]:
        """Go through the words of a repetition in order, as (block, position in the region)."""
        position = self.first
        for block in reversed(range(self.blocks)):
            for word in range(self.words):
                yield block, position
                position += -self.jump if word == self.words - 1 else 1


def back_ops(stage: Stage, entry: Entry, most_words: int | None) -> tuple[Back, ...]:
    """List the BACK ops of an entry, the chunk of the lowest words first.

    Parameters
    ----------
    stage, entry
        The stage, and its entry.
    most_words
        Most words of a block that one op may take; None if no gradients are summed, and then there
        is no limit.
    """
    own = stage.own or stage.words
    blocks = stage.words // own
    # A stage that gathers one region again and again: the gradients of its words are summed over
    # all repetitions, so these become the groups of a single one.
    folded = len(stage.visits) > 1 and stage.regions == 1
    if folded and entry.reps != len(stage.visits):
        raise FitError(f"{stage.name}: one op must make all results, to go back through them")
    most = own if most_words is None else min(most_words, own)
    return tuple(
        Back(
            entry=entry,
            reps=1 if folded else entry.reps,
            regions=entry.visits[:1] if folded else entry.visits,
            written=(tuple(sorted({region for rep in entry.written for region in rep})),)
            if folded
            else entry.written,
            words=(words := min(most, own - low)),
            blocks=blocks,
            jump=own + words - 1 if blocks > 1 else 0,
            first=(blocks - 1) * own + low,
            outputs=stage.outputs,
            groups=entry.reps if folded else 1,
            group_stride=entry.y_rep_stride if folded else 0,
            fan_in=stage.words,
            biases=stage.biases and low == 0,
            lanes=stage.lanes,
        )
        for low in range(0, own, most)
    )


def visited_weights(op: Back) -> IntArray:
    """Return the address of the weight, or row of weights, of each step of an op: [steps]."""
    positions = np.array([position for _, position in op.walk()])
    sums = np.arange(op.rows) * op.fan_in
    reps = np.arange(op.reps) * op.weight_stride
    walk = reps[:, None, None] + positions[None, :, None] + sums[None, None, :]
    return op.entry.w_base + walk.reshape(-1)
