"""The stages of a net: those of every layer one after the other, with what they gather."""

from collections.abc import Sequence

import numpy as np

from sw_driver.arrays import IntArray
from sw_driver.plan.clos import LayerPlacement, clos_stages
from sw_driver.plan.dense import DensePlacement, dense_stages
from sw_driver.plan.mac_lanes import ONE_LANE, MacLanes
from sw_driver.plan.requantised import Requantised
from sw_driver.plan.stage import COLUMN_STAGES, Part, Stage, StageKind

__all__ = ["build_stages"]


def build_stages(
    layers: Sequence[LayerPlacement | DensePlacement],
    requantised: Sequence[Requantised],
    weight_bits: int,
    rows: int,
    cols: int,
    lanes: MacLanes = ONE_LANE,
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
    lanes
        Those of its MACs.
    """
    stages: list[Stage] = []
    # A move multiplies by 2**shift and then shifts right, which is exact for any shift whose power
    # of two is a weight. A shift that the net has anyway costs no hardware.
    shifts = [shift for layer in requantised for shift in layer.shifts]
    move_shift = min(weight_bits - 2, *shifts)
    # Own words of each PE, [regions, R, C, own]; None as long as words come from the host.
    owned: IntArray | None = None
    for index, (layer, placed) in enumerate(zip(requantised, layers, strict=True)):
        parts = (
            dense_stages(placed, layer)
            if isinstance(placed, DensePlacement)
            else clos_stages(placed, layer)
        )
        handover = placed.handover
        if handover.moved is not None:
            moved = handover.moved
            parts.append(
                Part(
                    kind=StageKind.MOVE,
                    visits=np.zeros(len(moved), np.int64),
                    results=moved,
                    targets=np.stack(list(np.indices(moved.shape[::3])), axis=2),
                    shift=move_shift,
                    gain_bits=move_shift,
                )
            )
        if handover.to_host:
            parts.append(
                Part(
                    kind=StageKind.RESULT,
                    visits=np.arange(handover.regions),
                    results=np.empty((handover.regions, rows, cols, 0), np.int64),
                    targets=np.empty((handover.regions, 0, 2), np.int64),
                )
            )
        for part in parts:
            if owned is None:
                sources = placed.host_words(cols)
            else:
                sources = _gathered(owned, on_columns=part.kind in COLUMN_STAGES)
            own = 0 if owned is None else owned.shape[3]
            stages.append(
                Stage(layer=index, own=own, sources=sources, lanes=lanes, **vars(part))
            )
            owned = _owned(part.results, part.targets, lanes)
    return tuple(stages)


def _gathered(owned: IntArray, *, on_columns: bool) -> IntArray:
    """Return the words that each PE sees: its own, then its upstream neighbours' in turn."""
    axis = 1 if on_columns else 2
    turns = [np.roll(owned, distance, axis) for distance in range(owned.shape[axis])]
    return np.concatenate(turns, axis=3)


def _owned(results: IntArray, targets: IntArray, lanes: MacLanes) -> IntArray | None:
    """Return the own words that results become: [regions, R, C, own]; None without results.

    They are whole transfers: the last word may be padding, to which no result is written.
    """
    if not targets.size:
        return None
    regions, own = targets.reshape(-1, 2).max(axis=0) + 1
    owned = np.full((regions, *results.shape[1:3], lanes.whole_transfers(own)), -1, np.int64)
    for rep, output in np.ndindex(*targets.shape[:2]):
        region, index = targets[rep, output]
        owned[region, :, :, index] = results[rep, :, :, output]
    return owned
