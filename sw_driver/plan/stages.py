"""The stages of a net as tables: which value every PE gathers, and which it computes, and where to.

A stage is one ring all-gather, repeated, with the matrix-vector product that reads it. Weights,
biases, the order of host words and the checks all follow from these tables; no other place knows
how words travel. Values are numbered within the tensor that they belong to:

- an input or an output of a layer by its index;
- output m of input router r as r * Rm + m, and output o of middle router m as o * Rm + m.

-1 is padding: a word that nobody uses, or a result that nobody needs.
"""

import dataclasses
import enum
from collections.abc import Sequence

import numpy as np

from golden.fixed.finish import Finish
from sw_driver.arrays import IntArray
from sw_driver.plan.placement import LayerPlacement

__all__ = ["POSITIONS", "Requantised", "Stage", "StageKind", "build_stages"]


class StageKind(enum.Enum):
    """What a stage computes from what it gathers."""

    INPUT = "H1"
    MIDDLE = "V"
    OUTPUT = "H2"
    MOVE = "move"
    RESULT = "out"


POSITIONS = {StageKind.INPUT: 0, StageKind.MIDDLE: 1, StageKind.OUTPUT: 2}
"""Of the stages that have weights, the place among those of their layer."""

_COLUMN_STAGES = (StageKind.MIDDLE, StageKind.MOVE)


@dataclasses.dataclass(frozen=True, eq=False)
class Stage:
    """One stage of one layer, for one sample.

    Parameters
    ----------
    layer, kind
        The layer, and which of its stages.
    own
        Words that each PE owns in a region; 0 if they come from the host.
    sources
        [regions, R, C, words]: the value at every position of every region of the gather buffer, in
        the order in which PE (r, c) sees words.
    visits
        [reps]: the region that each repetition gathers.
    results
        [reps, R, C, outputs]: the value that each output of each repetition is; no outputs in a
        RESULT stage, which only gathers.
    targets
        [reps, outputs, 2]: region of the next stage, and index of the own word in it, that each
        output becomes.
    shift, finish
        How a sum leaves the stage. Only an OUTPUT stage has biases.
    """

    layer: int
    kind: StageKind
    own: int
    sources: IntArray
    visits: IntArray
    results: IntArray
    targets: IntArray
    shift: int = 0
    finish: Finish = Finish()

    @property
    def name(self) -> str:
        """What people call it, for instance "layer 0 H1"."""
        return f"layer {self.layer} {self.kind.value}"

    @property
    def on_columns(self) -> bool:
        """Whether it gathers along the columns; else along the rows."""
        return self.kind in _COLUMN_STAGES

    @property
    def from_host(self) -> bool:
        """Whether the gateways own its words."""
        return self.own == 0

    @property
    def regions(self) -> int:
        """Regions of its gather buffer."""
        return self.sources.shape[0]

    @property
    def words(self) -> int:
        """Words of a region, own and received: the fan-in of its sums, padding included."""
        return self.sources.shape[3]

    @property
    def reps(self) -> int:
        """Repetitions a sample."""
        return len(self.visits)

    @property
    def outputs(self) -> int:
        """Outputs of a PE in each repetition."""
        return self.results.shape[3]

    @property
    def mac_cycles(self) -> int:
        """Multiply-accumulates of one PE a sample."""
        return self.reps * self.words * self.outputs


@dataclasses.dataclass(frozen=True)
class Requantised:
    """How sums leave the stages of a layer: right shifts of the three, and what ends the last."""

    shifts: tuple[int, int, int]
    finish: Finish


def build_stages(
    layers: Sequence[LayerPlacement],
    requantised: Sequence[Requantised],
    weight_bits: int,
    rows: int,
    cols: int,
) -> tuple[Stage, ...]:
    """List the stages of a net in the order in which a sample passes them.

    Parameters
    ----------
    layers
        Where the blocks of each layer lie.
    requantised
        How sums leave each layer.
    weight_bits
        Width of a weight.
    rows, cols
        Size of the torus.
    """
    stages: list[Stage] = []
    # A move multiplies by 2**shift: exact for any shift that a weight can undo. One that the net
    # has anyway costs no hardware.
    shifts = [shift for layer in requantised for shift in layer.shifts]
    move_shift = min(weight_bits - 2, *shifts)
    # Own words of each PE, [regions, R, C, own], and the layer's inputs from the host if any.
    owned: IntArray | None = None
    for index, (layer, placed) in enumerate(zip(requantised, layers, strict=True)):
        middle_routers = placed.shape.middle_routers
        handover = placed.handover
        kinds = [StageKind.INPUT, StageKind.MIDDLE, StageKind.OUTPUT]
        last = handover.input_slots is None
        kinds += [StageKind.RESULT] if last else []
        kinds += [StageKind.MOVE] if handover.moved is not None else []
        for kind in kinds:
            shift, finish = 0, Finish()
            if owned is None:
                sources = _host_words(placed, cols)
            else:
                sources = _gathered(owned, on_columns=kind in _COLUMN_STAGES)
            visits = np.arange(len(sources))
            if kind is StageKind.INPUT:
                results = _cross(placed.input_slots, placed.middle_slots, middle_routers)
                targets = _corner_turn(*results.shape[::3])
                shift = layer.shifts[0]
            elif kind is StageKind.MIDDLE:
                results = _cross(handover.output_slots, placed.middle_slots, middle_routers)
                results = results.transpose(3, 1, 2, 0)
                targets = _corner_turn(*results.shape[::3])
                shift = layer.shifts[1]
            elif kind is StageKind.OUTPUT:
                visits, results = handover.slots, handover.neurons
                outputs = results.shape[3]
                targets = np.repeat(handover.targets[:, None, :], outputs, axis=1)
                targets[:, :, 1] += np.arange(outputs)
                shift, finish = layer.shifts[2], layer.finish
            elif handover.moved is not None:
                results = handover.moved
                shift = move_shift
                visits = np.zeros(len(results), np.int64)
                places = np.indices(results.shape[::3])
                targets = np.stack(list(places), axis=2)
            else:
                results = np.empty((1, rows, cols, 0), np.int64)
                targets = np.empty((1, 0, 2), np.int64)
            stages.append(
                Stage(
                    layer=index,
                    kind=kind,
                    own=0 if owned is None else owned.shape[3],
                    sources=sources,
                    visits=visits,
                    results=results,
                    targets=targets,
                    shift=shift,
                    finish=finish,
                )
            )
            owned = _owned(results, targets)
    return tuple(stages)


def _host_words(placed: LayerPlacement, cols: int) -> IntArray:
    """[ki, R, C, words]: the inputs of each row's blocks, the same for every PE of the row."""
    blocks = placed.shape.input_blocks
    rows, count = placed.input_slots.shape
    words = np.full((count, rows, cols, placed.input_words), -1, np.int64)
    for row, slot in zip(*np.nonzero(placed.input_slots >= 0), strict=True):
        start, stop = blocks[placed.input_slots[row, slot]]
        words[slot, row, :, : stop - start] = np.arange(start, stop)
    return words


def _gathered(owned: IntArray, *, on_columns: bool) -> IntArray:
    """What each PE sees of the own words of all: its own, then its upstream neighbours' in turn."""
    axis = 1 if on_columns else 2
    turns = [np.roll(owned, distance, axis) for distance in range(owned.shape[axis])]
    return np.concatenate(turns, axis=3)


def _cross(row_slots: IntArray, col_slots: IntArray, middle_routers: int) -> IntArray:
    """[row slots, R, C, column slots]: value row block * Rm + column block."""
    in_row = row_slots.T[:, :, None, None]
    in_col = col_slots[None, None, :, :]
    return np.where((in_row >= 0) & (in_col >= 0), in_row * middle_routers + in_col, -1)


def _corner_turn(reps: int, outputs: int) -> IntArray:
    """Targets of a change of axis: output j of repetition k is own word k of region j."""
    rep, output = np.indices((reps, outputs))
    return np.stack([output, rep], axis=2)


def _owned(results: IntArray, targets: IntArray) -> IntArray | None:
    """[regions, R, C, own]: the own words that `results` become; None if there are none."""
    if not targets.size:
        return None
    regions, own = targets.reshape(-1, 2).max(axis=0) + 1
    owned = np.full((regions, *results.shape[1:3], own), -1, np.int64)
    for rep, output in np.ndindex(*targets.shape[:2]):
        region, index = targets[rep, output]
        owned[region, :, :, index] = results[rep, :, :, output]
    return owned
