"""Which word of a training state lies where: memories of the PEs, and visits of a backward pass."""

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np
import torch

from golden import QuantisedLayer
from golden.fixed.format import TrainingFormat
from golden.fixed.visits import Placement, StagePlacement, weight_sizes
from sw_driver.arrays import IntArray
from sw_driver.errors import FitError
from sw_driver.plan.back import visited_weights
from sw_driver.plan.images import stage_weights
from sw_driver.plan.plan import Plan
from sw_driver.plan.stages import Stage, StageKind

__all__ = ["MemoryMap", "Maps", "build_maps", "build_placement", "shape_layers"]

_POSITIONS = {StageKind.INPUT: 0, StageKind.MIDDLE: 1, StageKind.OUTPUT: 2}


@dataclasses.dataclass(frozen=True, eq=False)
class MemoryMap:
    """What lies at every address of one memory of all PEs.

    Parameters
    ----------
    index
        [R, C, depth]: the number of the word in a list of all that change, -1 for none.
    constants
        [R, C, depth]: the words that lie where `index` is -1, and never change.
    words
        Length of the list.
    """

    index: IntArray
    constants: IntArray
    words: int

    def fill(self, values: IntArray) -> IntArray:
        """Return the image [R, C, depth] of words [words]."""
        return np.where(self.index >= 0, values[self.index], self.constants)

    def read(self, image: IntArray) -> IntArray:
        """Return the words [words] of an image [R, C, depth].

        Raises
        ------
        FitError
            If a word has changed that never does.
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
    """The weights and biases of all PEs; lists of words are in the order of a `TrainingState`.

    That is layer after layer, of weights the input, middle and output stage, each flat.
    """

    weights: MemoryMap
    biases: MemoryMap

    @property
    def velocity(self) -> tuple[MemoryMap, MemoryMap]:
        """The accumulators beside the weights and beside the biases: padding stays 0."""
        weights, biases = (
            dataclasses.replace(one, constants=np.zeros_like(one.constants))
            for one in (self.weights, self.biases)
        )
        return weights, biases


def shape_layers(form: TrainingFormat) -> tuple[QuantisedLayer, ...]:
    """Return the layers of a net, with the number of every weight and bias in its place."""
    layers: list[QuantisedLayer] = []
    first, first_bias = 0, 0
    for index, layer in enumerate(form.layers):
        numbers: list[torch.Tensor] = []
        for size in weight_sizes(layer.shape):
            count = torch.Size(size).numel()
            numbers.append(torch.arange(first, first + count).reshape(size))
            first += count
        outputs = layer.shape.out_features
        layers.append(
            QuantisedLayer(
                shape=layer.shape,
                input_weight=numbers[0],
                middle_weight=numbers[1],
                output_weight=numbers[2],
                bias=torch.arange(first_bias, first_bias + outputs),
                relu=layer.relu,
                activation_fraction_bits=layer.activation_fraction_bits,
                weight_fraction_bits=form.operand_fraction_bits(index),
            )
        )
        first_bias += outputs
    return tuple(layers)


def build_maps(form: TrainingFormat, stages: Sequence[Stage]) -> Maps:
    """Find where every weight and bias of a placed net lies.

    Raises
    ------
    FitError
        If a weight or a bias lies nowhere or twice, or a PE would train a weight that no net has.
    """
    rows, cols = stages[0].sources.shape[1:3]
    layers = shape_layers(form)
    numbers: list[IntArray] = []
    constants: list[IntArray] = []
    biases: list[IntArray] = []
    for stage in stages:
        if not stage.outputs:
            continue
        layer = layers[stage.layer]
        image = stage_weights(layer, stage, padding=-1)
        if stage.kind is StageKind.MOVE:
            unused = np.full_like(image, -1)
            numbers.append(unused)
            # What is stored has more lower bits than what is multiplied.
            constants.append(np.where(image >= 0, image << form.dropped_bits, 0))
            continue
        _check_padding(stage, image)
        numbers.append(image)
        constants.append(np.zeros_like(image))
        if stage.kind is StageKind.OUTPUT:
            bias = np.where(stage.results >= 0, layer.bias.numpy()[stage.results], -1)
            biases.append(bias.transpose(1, 2, 0, 3).reshape(rows, cols, -1))
    weight_map = _memory_map(numbers, constants, "weight")
    bias_map = _memory_map(biases, [np.zeros_like(bias) for bias in biases], "bias")
    return Maps(weight_map, bias_map)


def _check_padding(stage: Stage, image: IntArray) -> None:
    """A weight from a value to a result learns, so there must be one wherever both are real."""
    sources = stage.sources[stage.visits][:, :, :, None, :] >= 0
    learns = (sources & (stage.results[..., None] >= 0)).transpose(1, 2, 0, 3, 4)
    if not np.array_equal(learns.reshape(image.shape), image >= 0):
        raise FitError(f"{stage.name}: a PE would train a weight that the net does not have")


def _memory_map(
    numbers: Sequence[IntArray], constants: Sequence[IntArray], what: str
) -> MemoryMap:
    index = np.concatenate(numbers, axis=2)
    used = np.sort(index[index >= 0])
    if not np.array_equal(used, np.arange(len(used))):
        raise FitError(f"every {what} of the net must lie in one PE")
    return MemoryMap(index, np.concatenate(constants, axis=2), len(used))


def build_placement(plan: Plan, maps: Maps) -> Placement:
    """Say where and when every weight is visited in a backward pass; PE number = row * C + column.

    Found by walking through the ops of the pass, so it holds for whatever order they have.
    """
    rows, cols = maps.weights.index.shape[:2]
    pes: IntArray = np.arange(rows * cols, dtype=np.int64).reshape(rows, cols, 1)
    found: dict[tuple[int, int], StagePlacement] = {}
    sizes = [
        [torch.Size(size) for size in weight_sizes(shape)] for shape in plan.form.shapes
    ]
    starts = dict(_starts(sizes))
    for number, stage in enumerate(plan.stages):
        if stage.kind not in _POSITIONS:
            continue
        key = stage.layer, _POSITIONS[stage.kind]
        ops = plan.backs[0][number]
        # A stage that gradients do not get to has no visits; any table will do.
        walk = [visited_weights(op) for op in ops] or [_forward_addresses(plan, number)]
        addresses = np.concatenate(walk)
        numbers = maps.weights.index[:, :, addresses]
        used = numbers >= 0
        size = sizes[key[0]][key[1]]
        tables = np.empty((2, size.numel()), np.int64)
        places = numbers[used] - starts[key]
        tables[0, places] = np.broadcast_to(pes, numbers.shape)[used]
        tables[1, places] = np.broadcast_to(
            np.arange(len(addresses), dtype=np.int64), numbers.shape
        )[used]
        pe, visit = (torch.as_tensor(table).reshape(size) for table in tables)
        found[key] = StagePlacement(pe, visit, len(addresses))
    return Placement(
        rows * cols,
        tuple(
            (found[layer, 0], found[layer, 1], found[layer, 2])
            for layer in range(len(plan.form.layers))
        ),
    )


def _forward_addresses(plan: Plan, stage: int) -> IntArray:
    """Addresses of a stage's weights, in the order of the way forward."""
    entries = plan.entries[0][stage]
    count = plan.stages[stage].mac_cycles
    return entries[0].w_base + np.arange(count)


def _starts(sizes: Iterable[Iterable[torch.Size]]) -> Iterable[tuple[tuple[int, int], int]]:
    """The number of the first weight of every (layer, stage)."""
    start = 0
    for layer, stages in enumerate(sizes):
        for stage, size in enumerate(stages):
            yield (layer, stage), start
            start += size.numel()
