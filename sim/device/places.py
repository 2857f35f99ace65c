"""Which word of a training step lies where in the memories of a torus, and what it is called."""

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np
import torch

from golden.fixed.quantised import AnyLayerWords
from golden.fixed.results import SampleBackward
from golden.fixed.state import TrainingState
from golden.layers.dense import DenseShape
from sw_driver.arrays import IntArray
from sw_driver.compiled import Compiled
from sw_driver.plan.maps import MemoryMap, first_weights
from sw_driver.plan.stage import POSITIONS, Stage, StageKind

__all__ = ["Image", "Place", "Places"]

_STAGE_NAMES = {
    StageKind.INPUT: "input stage", StageKind.MIDDLE: "middle stage",
    StageKind.OUTPUT: "output stage", StageKind.DENSE: "dense stage", StageKind.SUM: "sum stage",
    StageKind.MOVE: "move", StageKind.RESULT: "results"}

# Of the stages of its layer, the one whose results it gathers; None for the layer before. Those
# that are not here gather the layer's outputs.
_INPUTS = {
    StageKind.INPUT: None, StageKind.MIDDLE: 0, StageKind.OUTPUT: 1, StageKind.DENSE: None,
    StageKind.SUM: 0}


@dataclasses.dataclass(frozen=True)
class Place:
    """One word of a step.

    Parameters
    ----------
    kind
        "activation", "gradient", "weight", "weight velocity", "bias", "bias velocity", "LFSR".
    layer, stage
        Whose it is: of activations and their gradients, the stage that they are the inputs of. None
        for an LFSR.
    pe
        Row and column.
    word
        Index in the tensor of the golden model; of the words between stages, in the flat tensor.
        Empty for padding and for an LFSR.
    """

    kind: str
    layer: int | None
    stage: str | None
    pe: tuple[int, int]
    word: tuple[int, ...] = ()

    def __str__(self) -> str:
        """Say it in a sentence's words."""
        parts = [f"layer {self.layer}", str(self.stage)] if self.layer is not None else []
        number = " ".join(map(str, self.word))
        return ", ".join([*parts, f"PE {self.pe}", f"{self.kind} {number}".strip()])


@dataclasses.dataclass(frozen=True, eq=False)
class Image:
    """What some addresses of one memory of every PE must hold.

    Parameters
    ----------
    kind, layer, stage
        Of its words: see `Place`.
    rows, cols, addresses
        Where they are, [words] each.
    words
        Index of each in the golden model's tensor, [words, dimensions].
    expected
        [words].
    """

    kind: str
    layer: int
    stage: str
    rows: IntArray
    cols: IntArray
    addresses: IntArray
    words: IntArray
    expected: IntArray

    def differences(self, memory: IntArray) -> Iterator[tuple[Place, int, int]]:
        """Yield the place of each word of `memory` [R, C, depth] that differs, expected, found."""
        found = memory[self.rows, self.cols, self.addresses]
        for at in np.nonzero(found != self.expected)[0].tolist():
            pe = int(self.rows[at]), int(self.cols[at])
            place = Place(self.kind, self.layer, self.stage, pe, tuple(self.words[at].tolist()))
            yield place, int(self.expected[at]), int(found[at])


class Places:
    """The places of a net compiled for training.

    Parameters
    ----------
    compiled
        The net.
    """

    def __init__(self, compiled: Compiled) -> None:
        self._compiled = compiled
        self._plan = compiled.plan
        self._maps = compiled.executable.training.maps
        self._weight_starts = first_weights(compiled.format.shapes)
        outputs = [shape.out_features for shape in compiled.format.shapes]
        self._bias_starts = np.cumsum([0, *outputs])

    def held(self, stage: int, sample: int, samples: int) -> bool:
        """Whether a stage's words of a sample are still there after a run of so many samples."""
        return sample + self._plan.copies[stage] >= samples

    def passed(self, stage: int) -> bool:
        """Whether there are gradients of a stage's inputs in memory."""
        found = self._plan.stages[stage]
        return not found.from_host and (
            found.kind is StageKind.RESULT or self._plan.reduces(stage))

    def activations(self, stage: int, sample: int, x: torch.Tensor, words: Sequence[AnyLayerWords]
                    ) -> Image:
        """Return where the inputs of a stage are that it computes sample `sample` from.

        `x` [N, I] are the net's inputs, `words` what the golden model made of them.
        """
        found = self._plan.stages[stage]
        if found.from_host:
            values = x[sample]
        else:
            values = _inputs(found, words)[sample]
        base = self._base(stage, sample)
        return self._region_image("activation", found, found.sources, base, values)

    def gradients(self, stage: int, sample: int, gradient: torch.Tensor, done: SampleBackward
                  ) -> Image:
        """Return where the gradients of the inputs of a stage are.

        `gradient` [O] is the one that the host sent, `done` what the golden model made of it.
        """
        found = self._plan.stages[stage]
        own = found.sources[:, :, :, : found.own]
        if found.kind is StageKind.RESULT:
            base = self._plan.copy(stage, sample) * self._plan.gradient_words
            return self._region_image("gradient", found, own, base, gradient, found.own)
        layer = found.layer + (found.kind is StageKind.MOVE)
        position = POSITIONS.get(found.kind, 0)
        if found.kind is StageKind.SUM:
            # Of every partial sum, the gradient of the sum.
            of_output = done.layers[layer].output.gradient
            values: torch.Tensor | None = of_output.repeat(len(self._groups(layer)))
        else:
            values = done.layers[layer].stages[position].words
        assert values is not None, "a gradient that the torus has, the golden model has"
        return self._region_image("gradient", found, own, self._base(stage, sample), values)

    def weights(self, stage: int, state: TrainingState, *, velocity: bool) -> Image | None:
        """Return where a stage's weights, or their accumulators, are; None if it has none."""
        found = self._plan.stages[stage]
        if found.kind not in POSITIONS:
            return None
        layer, position = found.layer, POSITIONS[found.kind]
        held = state.layers[layer]
        values = (held.velocities if velocity else held.masters)[position]
        start = self._weight_starts[layer, position]
        return _memory_image("weight", found, self._maps.weights, start, values, velocity)

    def biases(self, stage: int, state: TrainingState, *, velocity: bool) -> Image | None:
        """Return where a stage's biases, or their accumulators, are; None if it has none."""
        found = self._plan.stages[stage]
        if not found.biases:
            return None
        held = state.layers[found.layer]
        values = held.bias_velocity if velocity else held.bias
        start = int(self._bias_starts[found.layer])
        return _memory_image("bias", found, self._maps.biases, start, values, velocity)

    def _groups(self, layer: int) -> tuple[tuple[int, int], ...]:
        """The groups of inputs of a dense layer."""
        shape = self._compiled.format.shapes[layer]
        return shape.groups if isinstance(shape, DenseShape) else ()

    def _base(self, stage: int, sample: int) -> int:
        """Address of a stage's region 0."""
        entry = self._plan.entries[sample % self._plan.period][stage][0]
        return entry.base - entry.visits[0] * self._plan.stages[stage].words

    def _region_image(self, kind: str, stage: Stage, sources: IntArray, base: int,
                      values: torch.Tensor, region_words: int | None = None) -> Image:
        """Words of all regions; `sources` as in `Stage`, or a part of each region's words."""
        regions, rows, cols, positions = np.nonzero(sources >= 0)
        words = sources[regions, rows, cols, positions]
        step = stage.words if region_words is None else region_words
        return Image(kind, stage.layer, _STAGE_NAMES[stage.kind], rows, cols,
                     base + regions * step + positions, words[:, None],
                     values.flatten().numpy()[words])


def _inputs(stage: Stage, words: Sequence[AnyLayerWords]) -> torch.Tensor:
    """The words [N, ...] that a stage gathers, of those between stages."""
    layer = words[stage.layer]
    position = _INPUTS.get(stage.kind, -1)
    if position is None:
        return words[stage.layer - 1].output.words
    return layer.stages[position].words


def _memory_image(kind: str, stage: Stage, memory: MemoryMap, start: int, values: torch.Tensor,
                  velocity: bool) -> Image:
    """Of all words of a memory, those of a tensor whose first word has number `start`."""
    rows, cols, addresses = np.nonzero(
        (memory.index >= start) & (memory.index < start + values.numel()))
    numbers = memory.index[rows, cols, addresses] - start
    words = np.stack(np.unravel_index(numbers, tuple(values.shape)), axis=1)
    return Image(f"{kind} velocity" if velocity else kind, stage.layer, _STAGE_NAMES[stage.kind],
                 rows, cols, addresses, words, values.flatten().numpy()[numbers])
