"""One dense layer in integers, and every intermediate of it.

`docs/arithmetic.md` is the definition in prose. Everything here is exact int64 arithmetic, written
from that definition and not from the order in which the hardware adds.
"""

import dataclasses

import torch
from torch import Tensor

from golden.arguments import instance
from golden.errors import ModelError
from golden.fixed.layer import AnyQuantisedLayer, StageWords
from golden.fixed.words import round_half_even_shift, saturate, signed_bits
from golden.layers.dense import DenseShape

__all__ = ["DenseWords", "QuantisedDense"]


@dataclasses.dataclass(frozen=True, eq=False)
class DenseWords:
    """Every intermediate of one dense layer; `output.words` is the layer's result.

    `partial` has the sums over the groups of inputs, [N, groups, O] int64; None without cuts.
    """

    partial: StageWords | None
    output: StageWords

    @property
    def stages(self) -> tuple[StageWords, ...]:
        """The stages in order."""
        return (self.output,) if self.partial is None else (self.partial, self.output)


@dataclasses.dataclass(frozen=True, eq=False)
class QuantisedDense(AnyQuantisedLayer[DenseShape]):
    """One dense layer in integers. A word w with f fraction bits stands for w / 2**f.

    A layer with cuts has two stages. The first makes a word of the sum over each group of inputs.
    The second adds these words, each times 2**m, to the bias; m is the second number of
    `weight_fraction_bits`, for that stage's weights are all 1. A layer without has one stage.

    Parameters
    ----------
    shape
        Inputs, outputs and groups.
    weight
        [O, I] int64: row o holds the weights from every input to output o.
    bias
        [O] int64, at the scale of the last stage's accumulator.
    relu
        Whether negative outputs of the layer become 0.
    activation_fraction_bits
        Of the layer's input, the partial sums if there are cuts, and the output.
    weight_fraction_bits
        Of the weights; and m if there are cuts.
    leak_shift, bounds
        A leak and bounds of the layer's outputs; see `golden.fixed.finish`.

    Raises
    ------
    ShapeError
        If a tensor does not have the shape that `shape` asks for.
    ModelError
        If a tensor is not int64, or a right shift is not 0 to 62.
    """

    shape: DenseShape
    weight: Tensor
    bias: Tensor
    relu: bool
    activation_fraction_bits: tuple[int, ...]
    weight_fraction_bits: tuple[int, ...]
    leak_shift: int = 0
    bounds: tuple[int, int] | None = None

    stage_names = ("dense", "sum")
    weight_names = ("weight",)

    def __post_init__(self) -> None:
        """Check every tensor against `shape`, and that every shift is a right shift."""
        inputs, outputs = instance("shape", self.shape, DenseShape).as_tuple()
        self._check_words({"weight": (outputs, inputs), "bias": (outputs,)})
        if self.shape.cuts and self.weight_fraction_bits[1] < 0:
            raise ModelError(
                "weight_fraction_bits of the sum must be 0 or more, "
                f"not {self.weight_fraction_bits[1]}: partial sums are not made smaller"
            )
        self._check_limits()

    @property
    def weights(self) -> tuple[Tensor]:
        """The weights that change in training."""
        return (self.weight,)

    @property
    def results(self) -> dict[str, int]:
        """Results of each stage for a sample."""
        outputs = self.shape.out_features
        counts = (len(self.shape.cuts) * outputs, outputs) if self.shape.cuts else (outputs,)
        return dict(zip(self.stage_names, counts, strict=False))

    @property
    def needed_weight_bits(self) -> int:
        """Width of the two's-complement word that holds every weight, 2**m included."""
        one = self.weight_fraction_bits[1] + 2 if self.shape.cuts else 1
        return max(signed_bits(self.weight), one)

    def run(self, x: Tensor, act_bits: int) -> DenseWords:
        """Compute the layer on words.

        Parameters
        ----------
        x
            [N, I] int64 words.
        act_bits
            Width that every stage's results are saturated to.
        """
        groups = self.shape.groups
        sums = [x[:, start:stop] @ self.weight[:, start:stop].T for start, stop in groups]
        partial: StageWords | None = None
        if not self.shape.cuts:
            acc = self.bias + sums[0]
        else:
            acc = torch.stack(sums, dim=1)
            words = saturate(round_half_even_shift(acc, self.shifts[0]), act_bits)
            partial = StageWords(acc, words)
            acc = self.bias + words.sum(dim=1) * (1 << self.weight_fraction_bits[1])
        return DenseWords(
            partial, StageWords(acc, self.finish.leave(acc, self.shifts[-1], act_bits))
        )
