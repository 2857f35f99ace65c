"""Weight and bias images of every PE, and the maps between host words and features."""

import dataclasses
import zlib
from collections.abc import Sequence

import numpy as np

from golden import QuantisedLayer, QuantisedNet
from sw_driver.arrays import IntArray
from sw_driver.errors import FitError
from sw_driver.plan.stages import Stage, StageKind

__all__ = ["Images", "build_images", "stage_weights"]


@dataclasses.dataclass(frozen=True, eq=False)
class Images:
    """What the memories of the PEs hold, and what host words mean.

    Parameters
    ----------
    weights
        [R, C, weights of a PE] int64, from weight address 0 up.
    biases
        [R, C, biases of a PE] int64, at the scale of the accumulator, from bias address 0 up.
    input_map
        [reps, R, words]: the input feature that each host word of a sample is, -1 for padding.
    output_map
        [R, words]: the output that each host word of a sample is, -1 for padding.
    """

    weights: IntArray
    biases: IntArray
    input_map: IntArray
    output_map: IntArray

    @property
    def weights_id(self) -> int:
        """The CRC-32 by which a board says which weights it holds; docs/host_link.md."""
        words = b"".join(words.astype("<i8").tobytes() for words in (self.weights, self.biases))
        return zlib.crc32(words) or 1

    def difference(self, expected: "Images") -> str | None:
        """Say how the weights and biases differ from others of the same shapes, None if not."""
        found = np.concatenate((self.weights, self.biases), axis=2)
        wanted = np.concatenate((expected.weights, expected.biases), axis=2)
        places = np.argwhere(found != wanted)
        if not len(places):
            return None
        row, col, word = (int(index) for index in places[0])
        of_weights = self.weights.shape[2]
        kind, at = ("weight", word) if word < of_weights else ("bias", word - of_weights)
        return (
            f"{len(places)} of {found.size} words of the image; the first at PE ({row}, {col}), "
            f"{kind} {at}: {int(wanted[row, col, word])} expected, got {int(found[row, col, word])}"
        )


def build_images(net: QuantisedNet, stages: Sequence[Stage]) -> Images:
    """Lay out a net's weights and biases in the order in which each PE meets its words.

    Raises
    ------
    FitError
        If a result would not be summed over exactly the values that it needs.
    """
    rows, cols = stages[0].sources.shape[1:3]
    weights: list[IntArray] = []
    biases: list[IntArray] = []
    for stage in stages:
        if not stage.outputs:
            continue
        layer = net.layers[stage.layer]
        weights.append(stage_weights(layer, stage))
        if stage.kind is StageKind.OUTPUT:
            bias = np.where(stage.results >= 0, layer.bias.numpy()[stage.results], 0)
            biases.append(bias.transpose(1, 2, 0, 3).reshape(rows, cols, -1))
    # A gateway sees the words of the last PE of its row first, as that PE itself does.
    return Images(
        weights=np.concatenate(weights, axis=2),
        biases=np.concatenate(biases, axis=2),
        input_map=stages[0].sources[:, :, 0],
        output_map=stages[-1].sources[0, :, cols - 1],
    )


def stage_weights(layer: QuantisedLayer, stage: Stage, padding: int = 0) -> IntArray:
    """[R, C, reps * outputs * words]: one stage's weights, checked to connect what they must.

    `padding` stands where there is no weight.
    """
    results = stage.results[:, :, :, :, None]
    sources = stage.sources[stage.visits][:, :, :, None, :]
    values, connected = _connect(layer, stage, np.maximum(results, 0), np.maximum(sources, 0))
    connected = connected & (results >= 0) & (sources >= 0)

    ordered = np.sort(stage.sources, axis=3)
    twice = ((ordered[..., 1:] == ordered[..., :-1]) & (ordered[..., 1:] >= 0)).any()
    wanted = _fan_in(layer, stage.kind, np.maximum(stage.results, 0))
    complete = (connected.sum(axis=4) == wanted) | (stage.results < 0)
    if twice or not complete.all():
        raise FitError(f"{stage.name}: a sum would not be over exactly the values that it needs")
    weights = np.where(connected, values, padding)
    return weights.transpose(1, 2, 0, 3, 4).reshape(*weights.shape[1:3], -1)


def _connect(
    layer: QuantisedLayer, stage: Stage, result: IntArray, source: IntArray
) -> tuple[IntArray, np.ndarray]:
    """The weight from each source to each result, and whether there is one."""
    shape, kind = layer.shape, stage.kind
    middle_routers = shape.middle_routers
    if kind is StageKind.MOVE:
        return np.full(1, 1 << stage.shift), result == source
    if kind is StageKind.INPUT:
        block, middle = np.divmod(result, middle_routers)
        return (
            layer.input_weight.numpy()[source, middle],
            _block_of(shape.input_blocks)[source] == block,
        )
    source_block, source_middle = np.divmod(source, middle_routers)
    if kind is StageKind.MIDDLE:
        block, middle = np.divmod(result, middle_routers)
        return layer.middle_weight.numpy()[middle, source_block, block], source_middle == middle
    return (
        layer.output_weight.numpy()[result, source_middle],
        _block_of(shape.output_blocks)[result] == source_block,
    )


def _fan_in(layer: QuantisedLayer, kind: StageKind, result: IntArray) -> IntArray:
    """How many values each result is summed over."""
    shape = layer.shape
    if kind is StageKind.INPUT:
        sizes = np.array([stop - start for start, stop in shape.input_blocks])
        return sizes[result // shape.middle_routers]
    counts = {
        StageKind.MIDDLE: shape.input_routers,
        StageKind.OUTPUT: shape.middle_routers,
        StageKind.MOVE: 1,
    }
    return np.full_like(result, counts[kind])


def _block_of(blocks: tuple[tuple[int, int], ...]) -> IntArray:
    """[features]: the block of each."""
    return np.repeat(np.arange(len(blocks)), [stop - start for start, stop in blocks])
