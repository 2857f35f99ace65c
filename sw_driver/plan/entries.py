"""Op entries: the stages of a net as the fewest ops, each with its buffer regions and addresses."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from sw_driver.arrays import IntArray
from sw_driver.plan.stage import Stage

__all__ = ["BufferUse", "Entry", "cut_entries"]


@dataclasses.dataclass(frozen=True)
class Entry:
    """Consecutive repetitions of a stage that make one ring op and one MAC op.

    Parameters
    ----------
    stage
        Index of the stage.
    reps
        Number of repetitions.
    visits
        The region that each repetition gathers.
    written
        Per repetition, the regions of the next stage that the repetition's results go to.
    base, stride
        Buffer address of the first repetition's region, and what each further repetition adds to
        it.
    y_base, y_stride, y_rep_stride
        Address of the first result, what each further output adds to it, and what each repetition
        adds.
    w_base, b_base
        Address of the first row of weights and of the first bias.
    """

    stage: int
    reps: int
    visits: tuple[int, ...]
    written: tuple[tuple[int, ...], ...]
    base: int
    stride: int
    y_base: int = 0
    y_stride: int = 0
    y_rep_stride: int = 0
    w_base: int = 0
    b_base: int = 0


@dataclasses.dataclass(frozen=True)
class BufferUse:
    """Words that all regions together take in the row buffer and in the column buffer of a PE."""

    row: int
    col: int


def cut_entries(stages: Sequence[Stage], bases: Sequence[int]) -> tuple[tuple[Entry, ...], ...]:
    """Cut every stage into entries; the regions of stage k begin at address `bases[k]`."""
    entries: list[list[Entry]] = []
    w_base, b_base = 0, 0
    for index, stage in enumerate(stages):
        x_addresses = bases[index] + stage.visits * stage.region_words
        y_addresses = np.zeros((stage.reps, 1), np.int64)
        written: list[tuple[int, ...]] = [()] * stage.reps
        if stage.outputs:
            following = stages[index + 1]
            targets = stage.targets
            y_addresses = bases[index + 1] + targets[:, :, 0] * following.region_words
            y_addresses += targets[:, :, 1]
            written = [tuple(sorted(set(regions.tolist()))) for regions in targets[:, :, 0]]
        entries.append([])
        first = 0
        while first < stage.reps:
            reps = _affine_run(np.column_stack([x_addresses, y_addresses])[first:])
            x_run, y_run = x_addresses[first : first + reps], y_addresses[first : first + reps]
            entries[-1].append(
                Entry(
                    stage=index,
                    reps=reps,
                    visits=tuple(stage.visits[first : first + reps].tolist()),
                    written=tuple(written[first : first + reps]),
                    base=int(x_run[0]),
                    stride=_step(x_run),
                    y_base=int(y_run[0, 0]),
                    y_stride=_step(y_run[0]),
                    y_rep_stride=_step(y_run[:, 0]),
                    w_base=w_base,
                    b_base=b_base,
                )
            )
            first += reps
            w_base += reps * stage.walks * stage.steps
            if stage.biases:
                b_base += reps * stage.outputs
    return tuple(map(tuple, entries))


def _affine_run(rows: IntArray) -> int:
    """Count how many of the first rows are an arithmetic progression in every column."""
    if len(rows) < 3:
        return len(rows)
    steps = np.diff(rows, axis=0)
    same = (steps == steps[0]).all(axis=1)
    return len(rows) if same.all() else int(np.argmin(same)) + 1


def _step(addresses: IntArray) -> int:
    """The step of an arithmetic progression; 0 for a single address."""
    return int(addresses[1] - addresses[0]) if len(addresses) > 1 else 0
