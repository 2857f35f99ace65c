"""Training stale by one: a sample goes forwards beside the way back of the sample before.

`docs/arithmetic.md` is the definition in prose. Sample s changes the weights by its way back as
ever, one sample after the other, and the way back multiplies by the weights of now. What is another
algorithm is the way forward: sample s passes some stages before sample s - 1 has gone back through
them. It sees what these stages were before that change. `Staleness` says which stages these are.

Samples are stale within a run alone: the first sample of a `StaleRun` sees every change before it,
and a run ends with the way back of its last sample.
"""

import dataclasses
from collections.abc import Collection, Sequence

from torch import Tensor

from golden.arguments import instance, items
from golden.errors import ModelError, ShapeError
from golden.fixed.format import CLEAR
from golden.fixed.quantised import AnyLayerWords
from golden.fixed.results import SampleBackward
from golden.fixed.state import LayerState
from golden.fixed.training import FixedTrainingNet
from golden.fixed.visits import weight_stages
from golden.layers.dense import LayerShape, layer_shape

__all__ = ["StaleRun", "Staleness"]


@dataclasses.dataclass(frozen=True)
class Staleness:
    """What the way forward of a sample sees without the change of the sample before.

    Parameters
    ----------
    weights
        Per layer, for each of its stages with weights: whether it sees these so. A Clos layer has
        three such stages, a dense layer one.
    biases
        Per layer: whether it sees its biases so.
    """

    weights: tuple[tuple[bool, ...], ...]
    biases: tuple[bool, ...]

    def __post_init__(self) -> None:
        """Check that all are truth values; `check` compares them with a net."""
        weights = tuple(items("weights", layer) for layer in items("weights", self.weights))
        biases = items("biases", self.biases, len(weights))
        for value in (*(one for layer in weights for one in layer), *biases):
            if type(value) is not bool:
                raise ModelError(f"staleness must be of True and False, not {value!r}")
        object.__setattr__(self, "weights", tuple(map(tuple, weights)))
        object.__setattr__(self, "biases", tuple(biases))

    @classmethod
    def everywhere(cls, shapes: Sequence[LayerShape]) -> "Staleness":
        """Return that of a net which no sample sees with the change of the sample before."""
        stages = [len(weight_stages(layer_shape(shape))) for shape in shapes]
        return cls(tuple((True,) * count for count in stages), (True,) * len(stages))

    def check(self, shapes: Sequence[LayerShape]) -> None:
        """Refuse staleness of other layers than these.

        Raises
        ------
        ShapeError
            If the numbers of layers or stages differ.
        """
        wanted = [len(weight_stages(shape)) for shape in shapes]
        found = [len(layer) for layer in self.weights]
        if found != wanted:
            raise ShapeError(f"staleness must be of stages {wanted}, layer by layer, not {found}")


class StaleRun:
    """A run of samples that trains a net stale by one.

    Call `forward` for a sample, then `backward` for it, then `forward` for the next one.

    Parameters
    ----------
    net
        What trains. Nothing else may change it within a run.
    staleness
        What samples see late.

    Raises
    ------
    ShapeError, ModelError
        If the staleness is not that of the net.
    """

    def __init__(self, net: FixedTrainingNet, staleness: Staleness) -> None:
        """Begin a run: its first sample sees the net as it is now."""
        self._net = instance("net", net, FixedTrainingNet)
        self._staleness = instance("staleness", staleness, Staleness)
        staleness.check(net.form.shapes)
        self._before = list(net.state.layers)

    def forward(self, x: Tensor) -> list[AnyLayerWords]:
        """Compute the next sample, words [1, I] int64; errors as for `FixedTrainingNet.forward`."""
        return self._net.operands(self._seen()).layer_words(x)

    def backward(
        self,
        x: Tensor,
        words: Sequence[AnyLayerWords],
        gradient: Tensor,
        *,
        decay: int = CLEAR,
        frozen: Collection[int] = (),
        input_gradient: bool = False,
    ) -> SampleBackward:
        """Train on the sample of the latest `forward`, as `FixedTrainingNet.backward` does."""
        before = list(self._net.state.layers)
        found = self._net.backward(
            x, words, gradient, decay=decay, frozen=frozen, input_gradient=input_gradient
        )
        self._before = before
        return found

    def _seen(self) -> list[LayerState]:
        """Return the layers that the next sample sees: old and new parts, side by side."""
        found: list[LayerState] = []
        for before, now, late, late_bias in zip(
            self._before,
            self._net.state.layers,
            self._staleness.weights,
            self._staleness.biases,
            strict=True,
        ):
            masters = tuple(
                old if stale else new
                for old, new, stale in zip(before.masters, now.masters, late, strict=True)
            )
            bias = before.bias if late_bias else now.bias
            found.append(dataclasses.replace(now, masters=masters, bias=bias))
        return found
