"""One Clos layer in integers, and every intermediate of it; what dense layers share with it.

`docs/arithmetic.md` is the definition in prose. Everything here is exact int64 arithmetic, written
stage by stage from that definition and not from the order in which the hardware adds.
"""

import dataclasses
from collections.abc import Mapping
from typing import ClassVar, Generic, TypeVar

import torch
from torch import Tensor

from golden.arguments import instance
from golden.arguments import tensor as tensor_of
from golden.clos.shape import ClosShape
from golden.errors import ModelError, ShapeError
from golden.fixed.finish import Finish
from golden.fixed.words import MAX_SHIFT, fraction_bits, signed_bits
from golden.layers.dense import LayerShape

__all__ = ["AnyQuantisedLayer", "LayerWords", "QuantisedLayer", "StageWords"]

# Bounds that keep int64 exact: a sum is less than 2**61 + fan-in * 2**34, with room for rounding.
_MAX_BIAS_BITS = 62
_MAX_FAN_IN = 1 << 26
_LINEAR = Finish()

Shape = TypeVar("Shape", bound=LayerShape)


@dataclasses.dataclass(frozen=True, eq=False)
class StageWords:
    """One stage's sums and results: `acc` before, `words` after shift, saturation and ReLU.

    int64; [N, Ri, Rm] for the input stage (output m of input router r), [N, Ro, Rm] for the middle
    stage (output o of middle router m), [N, O] for the output stage.
    """

    acc: Tensor
    words: Tensor


@dataclasses.dataclass(frozen=True, eq=False)
class LayerWords:
    """Every intermediate of one layer; `output.words` is the layer's result."""

    input: StageWords
    middle: StageWords
    output: StageWords

    @property
    def stages(self) -> tuple[StageWords, ...]:
        """The stages in order."""
        return self.input, self.middle, self.output


class AnyQuantisedLayer(Generic[Shape]):
    """What layers of every kind have in common: the checks of their words, and what follows.

    A layer of n stages has n + 1 numbers of `activation_fraction_bits` and n of
    `weight_fraction_bits`.
    """

    stage_names: ClassVar[tuple[str, ...]]
    shape: Shape
    bias: Tensor
    relu: bool
    activation_fraction_bits: tuple[int, ...]
    weight_fraction_bits: tuple[int, ...]
    leak_shift: int
    bounds: tuple[int, int] | None

    @property
    def finish(self) -> Finish:
        """What becomes of the layer's sums besides their shift."""
        return Finish(self.relu, self.leak_shift, self.bounds)

    @property
    def shifts(self) -> tuple[int, ...]:
        """Right shift on leaving each stage: weight plus input less output fraction bits."""
        words = self.activation_fraction_bits
        return tuple(
            weight + before - after
            for weight, before, after in zip(
                self.weight_fraction_bits, words[:-1], words[1:], strict=True
            )
        )

    @property
    def bias_bits(self) -> int:
        """Width of the two's-complement word that holds every bias."""
        return signed_bits(self.bias)

    def _check_words(self, sizes: Mapping[str, tuple[int, ...]]) -> None:
        """Check and normalise all fields but the shape; `sizes` are those of the tensors."""
        finish, stages = self.finish, len(self.shape.fan_ins)
        object.__setattr__(self, "leak_shift", finish.leak_shift)
        object.__setattr__(self, "bounds", finish.bounds)
        for field, count in (
            ("activation_fraction_bits", stages + 1), ("weight_fraction_bits", stages)
        ):
            object.__setattr__(self, field, fraction_bits(field, getattr(self, field), count))
        for name, size in sizes.items():
            tensor = tensor_of(name, getattr(self, name))
            if tensor.dtype != torch.int64:
                raise ModelError(f"{name} must be int64, not {tensor.dtype}")
            if tuple(tensor.shape) != size:
                raise ShapeError(
                    f"{name} must have shape {size} for layer {self.shape}, "
                    f"not {tuple(tensor.shape)}"
                )

    def _check_limits(self) -> None:
        """Check that every stage shifts to the right, and that sums are exact in int64."""
        for stage, shift in zip(self.stage_names, self.shifts, strict=False):
            if not 0 <= shift <= MAX_SHIFT:
                raise ModelError(
                    f"the {stage} stage's right shift must be 0 to {MAX_SHIFT}, not {shift}"
                )
        last = self.shifts[-1]
        if last + self.leak_shift > MAX_SHIFT:
            raise ModelError(
                f"leak_shift must be at most {MAX_SHIFT - last} where the output stage's right "
                f"shift is {last}, not {self.leak_shift}"
            )
        if max(self.shape.fan_ins) > _MAX_FAN_IN:
            raise ShapeError(
                f"fan-in must be at most {_MAX_FAN_IN}, not {max(self.shape.fan_ins)}: "
                "sums would not be exact in 64 bits"
            )
        if self.bias_bits > _MAX_BIAS_BITS:
            raise ModelError(f"bias must fit {_MAX_BIAS_BITS} bits, not {self.bias_bits}")


@dataclasses.dataclass(frozen=True, eq=False)
class QuantisedLayer(AnyQuantisedLayer[ClosShape]):
    """One Clos layer in integers. A word w with f fraction bits stands for w / 2**f.

    Parameters
    ----------
    shape
        The layer's 5-tuple (I, O, Ri, Rm, Ro).
    input_weight
        [I, Rm] int64: row i holds the weights from input i to the outputs of its input router.
    middle_weight
        [Rm, Ri, Ro] int64: middle router m's weights from input r to output o.
    output_weight
        [O, Rm] int64: row j holds the weights from its output router's inputs to output j.
    bias
        [O] int64, at the scale of the output stage's accumulator.
    relu
        Whether negative outputs of the layer become 0.
    activation_fraction_bits
        Of the layer's input, the input stage's results, the middle stage's and the layer's output.
    weight_fraction_bits
        Of the input, middle and output weights.
    leak_shift, bounds
        A leak and bounds of the layer's outputs; see `golden.fixed.finish`.

    Raises
    ------
    ShapeError
        If a tensor does not have the shape that `shape` asks for.
    ModelError
        If a tensor is not int64, or a right shift is not 0 to 62.
    """

    shape: ClosShape
    input_weight: Tensor
    middle_weight: Tensor
    output_weight: Tensor
    bias: Tensor
    relu: bool
    activation_fraction_bits: tuple[int, ...]
    weight_fraction_bits: tuple[int, ...]
    leak_shift: int = 0
    bounds: tuple[int, int] | None = None

    stage_names = ("input", "middle", "output")
    weight_names = ("input_weight", "middle_weight", "output_weight")

    def __post_init__(self) -> None:
        """Check every tensor against `shape`, and that every shift is a right shift."""
        inputs, outputs, ri, rm, ro = instance("shape", self.shape, ClosShape).as_tuple()
        wanted = {
            "input_weight": (inputs, rm),
            "middle_weight": (rm, ri, ro),
            "output_weight": (outputs, rm),
            "bias": (outputs,),
        }
        self._check_words(wanted)
        self._check_limits()

    @property
    def weights(self) -> tuple[Tensor, Tensor, Tensor]:
        """The weights of the input, middle and output stage."""
        return self.input_weight, self.middle_weight, self.output_weight

    @property
    def results(self) -> dict[str, int]:
        """Results of each stage for a sample."""
        _, outputs, ri, rm, ro = self.shape.as_tuple()
        return dict(zip(self.stage_names, (ri * rm, rm * ro, outputs), strict=True))

    @property
    def needed_weight_bits(self) -> int:
        """Width of the two's-complement word that holds every weight."""
        return max(map(signed_bits, self.weights))

    def run(self, x: Tensor, act_bits: int) -> LayerWords:
        """Compute the layer on words.

        Parameters
        ----------
        x
            [N, I] int64 words.
        act_bits
            Width that every stage's results are saturated to.
        """
        shift_1, shift_2, shift_3 = self.shifts

        def leave(acc: Tensor, shift: int, finish: Finish = _LINEAR) -> StageWords:
            return StageWords(acc, finish.leave(acc, shift, act_bits))

        input_acc = torch.stack(
            [
                x[:, start:stop] @ self.input_weight[start:stop]
                for start, stop in self.shape.input_blocks
            ],
            dim=1,
        )
        input_stage = leave(input_acc, shift_1)

        middle_acc = torch.einsum("nrm,mro->nom", input_stage.words, self.middle_weight)
        middle_stage = leave(middle_acc, shift_2)

        output_acc = self.bias + torch.cat(
            [
                middle_stage.words[:, block] @ self.output_weight[start:stop].T
                for block, (start, stop) in enumerate(self.shape.output_blocks)
            ],
            dim=1,
        )
        output_stage = leave(output_acc, shift_3, self.finish)
        return LayerWords(input_stage, middle_stage, output_stage)
