"""Where all layers of a net lie on the torus, chosen together."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from golden import ClosShape
from golden.layers.dense import DenseShape, LayerShape
from sw_driver.arrays import IntArray
from sw_driver.errors import FitError
from sw_driver.plan.clos import LayerPlacement, place_clos
from sw_driver.plan.dense import (
    DensePlacement,
    groups_of_rows,
    hand_from_dense,
    hand_to_dense,
    place_dense,
)
from sw_driver.plan.handover import (
    Handover,
    hand_by_move,
    hand_in_row,
    hand_to_host,
    slots_in_order,
)
from sw_driver.plan.mac_lanes import ONE_LANE, MacLanes

__all__ = ["Placed", "cut_dense", "dense_cuts", "place"]

Placed = LayerPlacement | DensePlacement


@dataclasses.dataclass(frozen=True, eq=False)
class _Inputs:
    """What a layer finds in the rows: blocks in slots, or groups; and how many words a gather has.

    `slots` [R, ki] is for a Clos layer. For a dense one, `cuts` and `groups` are as in
    `groups_of_rows`; both are empty where every row has all inputs.
    """

    words: int
    slots: IntArray
    cuts: tuple[int, ...] = ()
    groups: IntArray = dataclasses.field(default_factory=lambda: np.empty(0, np.int64))


@dataclasses.dataclass(frozen=True, eq=False)
class _Chain:
    """The first layers of a net, placed, with their cost, and what the next one finds."""

    cycles: int
    layers: tuple[Placed, ...]
    inputs: _Inputs


def place(
    shapes: Sequence[LayerShape],
    rows: int,
    cols: int,
    *,
    training: bool = False,
    skips: bool = False,
    lanes: MacLanes = ONE_LANE,
) -> tuple[Placed, ...]:
    """Place a chain of layers on a torus so that a MAC has the fewest steps to do.

    Between two Clos layers, blocks are packed into rows or words are moved, whichever costs less,
    and packing if both cost the same. Both ends of a layer change the cost of its middle stage, so
    all layers are chosen together, by dynamic programming over the boundaries. Some ways of packing
    cannot be used for training, where gradients have to go back.

    Parameters
    ----------
    shapes
        The layers. The cuts of a dense one must be those that its inputs have in the rows; see
        `cut_dense`.
    rows, cols
        Size of the torus.
    training
        Whether gradients must be able to go back.
    skips
        Whether the MACs of the torus can skip words.
    lanes
        Those of the MACs.

    Raises
    ------
    FitError
        If a dense layer is cut in another way than its inputs are.
    """
    placed = _place(shapes, rows, cols, training=training, skips=skips, cut=False, lanes=lanes)
    for index, (shape, layer) in enumerate(zip(shapes, placed, strict=True)):
        if isinstance(shape, DenseShape) and shape != layer.shape:
            raise FitError(
                f"layer {index}, dense {shape}: its sums must be cut as the inputs lie in the rows "
                f"of a {rows}x{cols} torus, at {_cuts(layer.shape)}, not at {_cuts(shape)}: "
                "compile the model for this torus, or give golden.quantise or "
                "golden.propose_format the dense_cuts that sw_driver.dense_cuts returns for it"
            )
    return placed


def cut_dense(
    shapes: Sequence[LayerShape], rows: int, cols: int, *, training: bool = False
) -> tuple[LayerShape, ...]:
    """Cut the sums of all dense layers as this torus makes them; whatever cuts they had is lost."""
    placed = _place(shapes, rows, cols, training=training, skips=not training, cut=True)
    return tuple(layer.shape for layer in placed)


def dense_cuts(
    shapes: Sequence[LayerShape], rows: int, cols: int, *, training: bool = False
) -> list[tuple[int, ...]]:
    """Return the cuts of the dense layers among these, as `golden.quantise` takes them.

    Parameters
    ----------
    shapes
        The layers, such as the `shapes` of a net; whatever cuts they have do not matter.
    rows, cols
        Size of the torus.
    training
        Whether the net is to train, so the cuts are for `golden.propose_format`.

    Returns
    -------
    list of tuple of int
        For each dense layer, in order, the `cuts` of its `DenseShape`: () for one sum.
    """
    if not any(isinstance(shape, DenseShape) for shape in shapes):
        return []
    cut = cut_dense(shapes, rows, cols, training=training)
    return [shape.cuts for shape in cut if isinstance(shape, DenseShape)]


def _cuts(shape: LayerShape) -> str:
    cuts = shape.cuts if isinstance(shape, DenseShape) else ()
    return str(list(cuts)) if cuts else "no input (one sum)"


def _place(
    shapes: Sequence[LayerShape],
    rows: int,
    cols: int,
    *,
    training: bool,
    skips: bool,
    cut: bool,
    lanes: MacLanes = ONE_LANE,
) -> tuple[Placed, ...]:
    # Best chain of placements for each way in which the next layer's inputs can lie.
    best = [_Chain(0, (), inputs) for inputs in _from_host(shapes[0], rows, lanes, cut=cut)]
    for index, shape in enumerate(shapes):
        following = shapes[index + 1] if index + 1 < len(shapes) else None
        reached: list[_Chain] = []
        for way in _ways(shape, following, rows, cols, training=training):
            handed = _handed(way, following, cols, lanes)
            chains: list[_Chain] = []
            for chain in best:
                layer = _layer(shape, chain.inputs, way, rows, cols, skips, lanes)
                cycles = chain.cycles + layer.mac_cycles
                chains.append(_Chain(cycles, (*chain.layers, layer), handed))
            reached.append(min(chains, key=lambda chain: chain.cycles))
        best = reached
    return min(best, key=lambda chain: chain.cycles).layers


def _from_host(shape: LayerShape, rows: int, lanes: MacLanes, *, cut: bool) -> list[_Inputs]:
    """The ways in which the host can deal the inputs of the first layer to the rows."""
    whole = lanes.whole_transfers
    if isinstance(shape, ClosShape):
        return [_Inputs(whole(shape.fan_ins[0]), slots_in_order(shape.input_routers, rows))]
    none = np.empty((rows, 0), np.int64)
    ways = [_Inputs(whole(shape.in_features), none)]
    if rows > 1:
        words = -(-shape.in_features // rows)
        cuts = tuple(range(0, shape.in_features, words))
        groups = np.where(np.arange(rows) < len(cuts), np.arange(rows), -1)
        ways.append(_Inputs(whole(words), none, cuts, groups))
    if cut:
        return ways
    return [way for way in ways if way.cuts == shape.cuts] or ways


def _ways(
    shape: LayerShape, following: LayerShape | None, rows: int, cols: int, *, training: bool
) -> list[Handover]:
    """The ways in which the outputs of a layer can get to the next one, or to the host."""
    if isinstance(shape, DenseShape):
        return [hand_from_dense(shape, following, rows, cols, block_by_block=training)]
    if following is None:
        return [hand_to_host(shape, rows, cols, block_by_block=training)]
    if isinstance(following, DenseShape):
        return [hand_to_dense(shape, rows, cols)]
    ways = [hand_in_row(shape, following, rows, cols), hand_by_move(shape, following, rows, cols)]
    return [way for way in ways if not training or _trainable(way)]


def _handed(way: Handover, following: LayerShape | None, cols: int, lanes: MacLanes) -> _Inputs:
    """What the next layer finds behind a handover."""
    own = lanes.whole_transfers(way.own if way.moved is None else way.moved.shape[3])
    rows = way.neurons.shape[1]
    slots = np.empty((rows, 0), np.int64) if way.input_slots is None else way.input_slots
    if isinstance(following, DenseShape) and rows > 1:
        return _Inputs(own * cols, slots, *groups_of_rows(way.neurons))
    return _Inputs(own * cols, slots)


def _trainable(way: Handover) -> bool:
    """Whether gradients can go back on the way that a handover takes.

    An output block that is gathered more than once would get its gradients in parts. A word to
    which no result is written would have a weight that learns from whatever the word holds.
    """
    once = len(np.unique(way.slots)) == len(way.slots)
    filled = np.bincount(way.targets[:, 0], minlength=way.regions) * way.neurons.shape[3]
    return once and bool((filled == way.own).all())


def _layer(
    shape: LayerShape,
    inputs: _Inputs,
    way: Handover,
    rows: int,
    cols: int,
    skips: bool,
    lanes: MacLanes,
) -> Placed:
    """One layer between what its rows have and a way of handing over."""
    if isinstance(shape, ClosShape):
        return place_clos(shape, inputs.slots, inputs.words, way, rows, cols, lanes)
    cut = dataclasses.replace(shape, cuts=inputs.cuts)
    return place_dense(cut, inputs.groups, inputs.words, way, skips=skips, lanes=lanes)
