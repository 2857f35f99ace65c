"""The ops of a stage backwards: which words they walk through, in which order.

A BACK op walks through the blocks of a region from the farthest PE's to the own one, and in each
from the last word to the first; for each word through all outputs. With every block cut into chunks
that fit the FIFOs of the reduce engines, no PE waits for room that only a later word would make.
"""

import dataclasses
from collections.abc import Iterator

import numpy as np

from sw_driver.arrays import IntArray
from sw_driver.errors import FitError
from sw_driver.plan.entries import Entry
from sw_driver.plan.stage import Stage

__all__ = ["Back", "back_ops", "visited_weights"]


@dataclasses.dataclass(frozen=True)
class Back:
    """One BACK op: an entry backwards, or a chunk of its words.

    Parameters
    ----------
    entry
        What it is the way back of.
    reps
        Repetitions.
    regions
        The region that each repetition reads.
    written
        Per repetition, the regions of the next stage whose gradients it reads.
    words, blocks
        Words taken of each block, and blocks of a region.
    jump
        How far the first word taken of a block lies below the last of the block after it.
    first
        Position of the first word taken, in its region.
    outputs, groups
        Outputs of a group, and groups.
    group_stride
        What each group adds to the address of a gradient.
    fan_in
        Words of a region.
    biases
        Whether it is the one that changes the biases.
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

    @property
    def steps(self) -> int:
        """Steps of the MAC."""
        return self.reps * self.words * self.blocks * self.groups * self.outputs

    @property
    def weight_stride(self) -> int:
        """Weights of a repetition."""
        return self.fan_in * self.groups * self.outputs

    def walk(self) -> Iterator[tuple[int, int]]:
        """Every word of a repetition as (block, position in the region), in order."""
        position = self.first
        for block in reversed(range(self.blocks)):
            for word in range(self.words):
                yield block, position
                position += -self.jump if word == self.words - 1 else 1


def back_ops(stage: Stage, entry: Entry, most_words: int | None) -> tuple[Back, ...]:
    """List the ops of an entry backwards.

    Parameters
    ----------
    stage, entry
        The stage, and its entry.
    most_words
        Words of a block that one op may take; None if there are no sums of gradients.
    """
    own = stage.own or stage.words
    blocks = stage.words // own
    # Some stages gather one region again and again: its gradients are summed over all repetitions.
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
        )
        for low in range(0, own, most)
    )


def visited_weights(op: Back) -> IntArray:
    """[steps]: the address of the weight that each step of an op is about."""
    positions = np.array([position for _, position in op.walk()])
    sums = np.arange(op.groups * op.outputs) * op.fan_in
    reps = np.arange(op.reps) * op.weight_stride
    walk = reps[:, None, None] + positions[None, :, None] + sums[None, None, :]
    return op.entry.w_base + walk.reshape(-1)
