"""Maps from the weights and biases of a net to addresses of the PEs' memories."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import torch

from golden.fixed.visits import weight_sizes
from golden.layers.dense import DenseShape, LayerShape
from sw_driver.arrays import IntArray
from sw_driver.errors import FitError
from sw_driver.plan.stage import COPIES, POSITIONS, Stage, StageKind

__all__ = ["MemoryMap", "Maps", "build_maps", "first_weights"]


@dataclasses.dataclass(frozen=True, eq=False)
class MemoryMap:
    """What lies at every address of one memory of all PEs.

    Parameters
    ----------
    index
        [R, C, depth]: the number of the word that lies here, in a list of the net's words; -1 where
        none of them does.
    constants
        [R, C, depth]: the words that lie where `index` is -1; they never change.
    words
        Length of the list of the net's words.
    """

    index: IntArray
    constants: IntArray
    words: int

    def fill(self, values: IntArray) -> IntArray:
        """Return the image [R, C, depth] that holds these words [words]."""
        return np.where(self.index >= 0, values[self.index], self.constants)

    def read(self, image: IntArray) -> IntArray:
        """Return the words [words] that an image [R, C, depth] holds.

        Raises
        ------
        FitError
            If the image has another word than the one of `constants` where that must be.
        """
        used = self.index >= 0
        changed = ~used & (image != self.constants)
        if changed.any():
            row, col, address = (int(place[0]) for place in np.nonzero(changed))
            raise FitError(
                f"address {address} of PE ({row}, {col}) must hold "
                f"{self.constants[row, col, address]}, which never changes, "
                f"not {image[row, col, address]}"
            )
        values = np.empty(self.words, np.int64)
        values[self.index[used]] = image[used]
        return values


@dataclasses.dataclass(frozen=True, eq=False)
class Maps:
    """Where the weights and the biases of a net lie.

    Lists of words are in the order of a `TrainingState`: layer after layer, and of a layer's
    weights those of the input, the middle and the output stage, each tensor flat.
    """

    weights: MemoryMap
    biases: MemoryMap

    @property
    def velocity(self) -> tuple[MemoryMap, MemoryMap]:
        """Where the velocities of the weights and of the biases lie; padding has velocity 0."""
        weights, biases = (
            dataclasses.replace(one, constants=np.zeros_like(one.constants))
            for one in (self.weights, self.biases)
        )
        return weights, biases


def first_weights(shapes: Sequence[LayerShape]) -> dict[tuple[int, int], int]:
    """Return the number of the first weight of every (layer, stage) in a list of all weights.

    A stage is a value of `POSITIONS`.
    """
    first = 0
    found: dict[tuple[int, int], int] = {}
    for layer, shape in enumerate(shapes):
        for position, size in enumerate(weight_sizes(shape)):
            found[layer, position] = first
            first += torch.Size(size).numel()
    return found


def build_maps(
    shapes: Sequence[LayerShape], stages: Sequence[Stage], *, one: int = 1, trains: bool = False
) -> Maps:
    """Find where every weight and bias of a placed net lies.

    Parameters
    ----------
    shapes, stages
        The net, placed.
    one
        The stored weight by which a multiplication changes nothing.
    trains
        Whether weights change; a PE must then have no weight between a value and a result that the
        net does not connect.

    Raises
    ------
    FitError
        If a result would not be summed over exactly the values that it needs, if a weight or a bias
        lies nowhere or twice, or if a PE would train a weight that no net has.
    """
    rows, cols = stages[0].sources.shape[1:3]
    starts = first_weights(shapes)
    bias_starts = np.cumsum([0, *(shape.out_features for shape in shapes)]).tolist()
    numbers: list[IntArray] = []
    constants: list[IntArray] = []
    biases: list[IntArray] = []
    for stage in stages:
        if not stage.outputs:
            continue
        places = _weight_places(shapes[stage.layer], stage)
        in_rows = stage.lanes.rows(places.transpose(1, 2, 0, 3, 4), stage.word_step)
        flat = in_rows.reshape(rows, cols, -1)
        if stage.kind in COPIES:
            numbers.append(np.full_like(flat, -1))
            constants.append(np.where(flat >= 0, one << stage.gain_bits, 0))
        else:
            if trains:
                _check_padding(stage, places)
            start = starts[stage.layer, POSITIONS[stage.kind]]
            numbers.append(np.where(flat >= 0, start + flat, -1))
            constants.append(np.zeros_like(flat))
        if stage.biases:
            results = stage.results.transpose(1, 2, 0, 3).reshape(rows, cols, -1)
            biases.append(np.where(results >= 0, bias_starts[stage.layer] + results, -1))
    weight_map = _memory_map(numbers, constants, "weight")
    bias_map = _memory_map(biases, [np.zeros_like(bias) for bias in biases], "bias")
    return Maps(weight_map, bias_map)


def _weight_places(shape: LayerShape, stage: Stage) -> IntArray:
    """Return each weight's place in its tensor, flat: [reps, R, C, outputs, words], -1 for none.

    A stage of `COPIES` has only one weight, whose place is 0.
    """
    result, source = np.broadcast_arrays(
        stage.results[:, :, :, :, None], stage.summed[stage.visits][:, :, :, None, :]
    )
    places, connected = _connect(shape, stage.kind, np.maximum(result, 0), np.maximum(source, 0))
    connected = connected & (result >= 0) & (source >= 0)
    ordered = np.sort(stage.summed, axis=3)
    twice = ((ordered[..., 1:] == ordered[..., :-1]) & (ordered[..., 1:] >= 0)).any()
    wanted = _fan_in(shape, stage.kind, np.maximum(stage.results, 0))
    complete = (connected.sum(axis=4) == wanted) | (stage.results < 0)
    if twice or not complete.all():
        raise FitError(f"{stage.name}: a sum would not be over exactly the values that it needs")
    return np.where(connected, places, -1)


def _connect(
    shape: LayerShape, kind: StageKind, result: IntArray, source: IntArray
) -> tuple[IntArray, np.ndarray]:
    """Return the place of the weight from each source to each result, and whether there is one."""
    if kind is StageKind.MOVE:
        return np.zeros_like(result), result == source
    if isinstance(shape, DenseShape):
        outputs, inputs = shape.out_features, shape.in_features
        group, output = np.divmod(result, outputs)
        if kind is StageKind.SUM:
            return np.zeros_like(result), source % outputs == result
        return output * inputs + source, _block_of(shape.groups)[source] == group
    middle_routers = shape.middle_routers
    if kind is StageKind.INPUT:
        block, middle = np.divmod(result, middle_routers)
        return source * middle_routers + middle, _block_of(shape.input_blocks)[source] == block
    source_block, source_middle = np.divmod(source, middle_routers)
    if kind is StageKind.MIDDLE:
        block, middle = np.divmod(result, middle_routers)
        line = middle * shape.input_routers + source_block
        return line * shape.output_routers + block, source_middle == middle
    return (
        result * middle_routers + source_middle,
        _block_of(shape.output_blocks)[result] == source_block,
    )


def _fan_in(shape: LayerShape, kind: StageKind, result: IntArray) -> IntArray:
    """Return how many values each result is summed over."""
    if kind is StageKind.MOVE:
        return np.ones_like(result)
    if isinstance(shape, DenseShape):
        if kind is StageKind.SUM:
            return np.full_like(result, len(shape.cuts))
        sizes = np.array([stop - start for start, stop in shape.groups])
        return sizes[result // shape.out_features]
    if kind is StageKind.INPUT:
        sizes = np.array([stop - start for start, stop in shape.input_blocks])
        return sizes[result // shape.middle_routers]
    counts = {StageKind.MIDDLE: shape.input_routers, StageKind.OUTPUT: shape.middle_routers}
    return np.full_like(result, counts[kind])


def _block_of(blocks: tuple[tuple[int, int], ...]) -> IntArray:
    """Return the block of each feature: [features]."""
    return np.repeat(np.arange(len(blocks)), [stop - start for start, stop in blocks])


def _check_padding(stage: Stage, places: IntArray) -> None:
    """Refuse a stage in which a PE would train a weight that the net does not have.

    Every weight of a memory learns if its value and its result are no padding, so the net must
    have a weight there.
    """
    sources = stage.summed[stage.visits][:, :, :, None, :] >= 0
    if not np.array_equal(sources & (stage.results[..., None] >= 0), places >= 0):
        raise FitError(f"{stage.name}: a PE would train a weight that the net does not have")


def _memory_map(
    numbers: Sequence[IntArray], constants: Sequence[IntArray], what: str
) -> MemoryMap:
    index = np.concatenate(numbers, axis=2)
    used = np.sort(index[index >= 0])
    if not np.array_equal(used, np.arange(len(used))):
        raise FitError(f"every {what} of the net must lie in one PE")
    return MemoryMap(index, np.concatenate(constants, axis=2), len(used))
