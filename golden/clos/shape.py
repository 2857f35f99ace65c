"""The shape of a Clos layer: the 5-tuple (I, O, Ri, Rm, Ro) and what follows from it."""

import dataclasses
import functools
import math
from collections.abc import Sequence
from typing import ClassVar

from golden.arguments import instance, items, real_number, shown, whole_number
from golden.errors import ShapeError

__all__ = ["ClosShape"]

_MOST = 1 << 40  # Of every number of a shape.


@dataclasses.dataclass(frozen=True)
class ClosShape:
    """A Clos layer as the 5-tuple (I, O, Ri, Rm, Ro) of ClosNets, section II.

    Three stages of small dense routers, joined by fixed permutations without weights:
    `input_routers` routers of I/Ri inputs and Rm outputs each, `middle_routers` of Ri inputs and Ro
    outputs, `output_routers` of Rm inputs and O/Ro outputs. Where Ri does not divide I (or Ro does
    not divide O), the first I mod Ri routers take one input more, as `numpy.array_split` splits.

    Parameters
    ----------
    in_features, out_features
        Inputs I and outputs O of the layer, at least 1.
    input_routers, middle_routers, output_routers
        Routers of each stage: Ri (1 to I), Rm (at least 1), Ro (1 to O).

    Raises
    ------
    ShapeError
        For a value outside its range; the message names the field, the value and the range.
    """

    in_features: int
    out_features: int
    input_routers: int
    middle_routers: int
    output_routers: int

    # Of the inputs and of the outputs: worked out once, for every call of a layer reads them. It is
    # no field, and no `cached_property`, which `torch.compile` cannot follow in Python 3.11.
    _runs: ClassVar[tuple[tuple[tuple[int, int], ...], tuple[tuple[int, int], ...]]]

    def __post_init__(self) -> None:
        """Refuse anything but positive integers with Ri <= I and Ro <= O."""
        for field in dataclasses.fields(self):
            value = whole_number(field.name, getattr(self, field.name), 1)
            if value > _MOST:
                raise ShapeError(f"{field.name} must be at most {_MOST}, not {shown(value)}")
            object.__setattr__(self, field.name, value)
        if self.input_routers > self.in_features:
            raise ShapeError(
                f"input_routers must be at most in_features ({self.in_features}), "
                f"not {self.input_routers}: each input router needs an input"
            )
        if self.output_routers > self.out_features:
            raise ShapeError(
                f"output_routers must be at most out_features ({self.out_features}), "
                f"not {self.output_routers}: each output router needs an output"
            )
        runs = (
            _groups(self.in_features, self.input_routers),
            _groups(self.out_features, self.output_routers),
        )
        object.__setattr__(self, "_runs", runs)

    @classmethod
    def of(cls, shape: "ClosShape | Sequence[int]") -> "ClosShape":
        """Return a shape, or make it of five numbers (I, O, Ri, Rm, Ro).

        Raises
        ------
        ShapeError
            If it is neither, or the numbers are no Clos shape.
        """
        if isinstance(shape, cls):
            return shape
        try:
            numbers = items("shape", shape, 5)
        except ShapeError as error:
            raise ShapeError(
                f"shape must be a ClosShape or five numbers (I, O, Ri, Rm, Ro), not {shown(shape)}"
            ) from error
        return cls(*numbers)

    @classmethod
    def of_routers(cls, in_features: int, out_features: int, routers: Sequence[int]) -> "ClosShape":
        """Make the shape of two sizes and three routers (Ri, Rm, Ro)."""
        try:
            numbers = items("routers", routers, 3)
        except ShapeError as error:
            raise ShapeError(
                f"routers must be three numbers (Ri, Rm, Ro), not {shown(routers)}"
            ) from error
        return cls(in_features, out_features, *numbers)

    @classmethod
    def parse(cls, text: str) -> "ClosShape":
        """Read "I,O,Ri,Rm,Ro", for instance "64,10,8,8,5"; spaces and outer brackets are allowed.

        Raises
        ------
        ShapeError
            If the text is not five whole numbers, or they are no Clos shape.
        """
        parts = instance("layer", text, str).strip().removeprefix("(").removesuffix(")").split(",")
        try:
            numbers = [int(part) for part in parts] if len(parts) == 5 else []
        except ValueError:
            numbers = []
        if len(numbers) != 5:
            raise ShapeError(
                "a layer must be five whole numbers I,O,Ri,Rm,Ro (for instance 64,10,8,8,5), "
                f"not {shown(text)}"
            )
        return cls(*numbers)

    @classmethod
    def from_budget(cls, in_features: int, out_features: int, *, reduction: float) -> "ClosShape":
        """Choose the shape with at most I O / `reduction` weights, and as many paths as they allow.

        Ri is near the root of I and Ro near that of O, as on a square torus, and a divisor where
        one is within a factor of the root of 2; Rm takes up the budget.

        Parameters
        ----------
        in_features, out_features
            Inputs I and outputs O.
        reduction
            Weights of the dense layer for each of this one, above 0: 1 over the density.

        Raises
        ------
        ShapeError
            If a size is below 1, or even one middle router has more weights; the message says what
            can be had.
        """
        reduction = real_number("reduction", reduction)
        in_features = whole_number("in_features", in_features, 1, _MOST)
        out_features = whole_number("out_features", out_features, 1, _MOST)
        ri, ro = _near_root(in_features), _near_root(out_features)
        narrowest = cls(in_features, out_features, ri, 1, ro)
        most = 1 / narrowest.density
        if not 0 < reduction <= most:
            raise ShapeError(
                f"reduction must be above 0 and at most {most:.4g}, that of {narrowest}, "
                f"not {reduction}"
            )
        paths = in_features * out_features / reduction / narrowest.parameters
        return dataclasses.replace(narrowest, middle_routers=max(int(min(paths, 2 * _MOST)), 1))

    def as_tuple(self) -> tuple[int, int, int, int, int]:
        """Return (I, O, Ri, Rm, Ro)."""
        return (
            self.in_features,
            self.out_features,
            self.input_routers,
            self.middle_routers,
            self.output_routers,
        )

    def __str__(self) -> str:
        """Write the shape as "(I, O, Ri, Rm, Ro)"."""
        return str(self.as_tuple())

    @property
    def parameters(self) -> int:
        """Weights of the layer, P = Rm (I + O + Ri Ro): ClosNets, eq. 1. Biases do not count.

        It is also the number of multiply-accumulates a sample.
        """
        ends = self.in_features + self.out_features
        return self.middle_routers * (ends + self.input_routers * self.output_routers)

    @property
    def path_diversity(self) -> int:
        """Paths between any input and any output, D = Rm: one through each middle router."""
        return self.middle_routers

    @property
    def density(self) -> float:
        """Weights relative to a dense layer's I O; above 1 the layer saves nothing."""
        return self.parameters / (self.in_features * self.out_features)

    @functools.cached_property
    def input_blocks(self) -> tuple[tuple[int, int], ...]:
        """The inputs (start, stop) of each input router."""
        return _split(self.in_features, self.input_routers)

    @functools.cached_property
    def output_blocks(self) -> tuple[tuple[int, int], ...]:
        """The outputs (start, stop) of each output router."""
        return _split(self.out_features, self.output_routers)

    @property
    def input_groups(self) -> tuple[tuple[int, int], ...]:
        """Runs of equal input routers, at most two: (routers, inputs of each)."""
        return self._runs[0]

    @property
    def output_groups(self) -> tuple[tuple[int, int], ...]:
        """Runs of equal output routers, at most two: (routers, outputs of each)."""
        return self._runs[1]

    @property
    def bandwidth(self) -> int:
        """Most independent signals that pass, min(I, Ri Rm, Rm Ro, O): NeuroFabric, section I."""
        middle = self.middle_routers * min(self.input_routers, self.output_routers)
        return min(self.in_features, middle, self.out_features)

    @property
    def fan_ins(self) -> tuple[int, int, int]:
        """Most values that one sum of the input, middle and output stage is taken over."""
        widest_input_block = -(-self.in_features // self.input_routers)
        return widest_input_block, self.input_routers, self.middle_routers


def _split(items: int, blocks: int) -> tuple[tuple[int, int], ...]:
    """Bounds of `numpy.array_split`: the first `items` mod `blocks` blocks hold one item more."""
    size, longer = divmod(items, blocks)
    starts = [block * size + min(block, longer) for block in range(blocks + 1)]
    return tuple(zip(starts[:-1], starts[1:], strict=True))


def _groups(items: int, blocks: int) -> tuple[tuple[int, int], ...]:
    """Runs of equal blocks of `_split`: how many, and the items of each."""
    size, longer = divmod(items, blocks)
    runs = ((longer, size + 1), (blocks - longer, size))
    return tuple(run for run in runs if run[0])


def _near_root(items: int) -> int:
    """The divisor of `items` nearest to its root by ratio, or what is next to the root."""
    root = math.sqrt(items)
    around = range(math.isqrt(items // 2), math.isqrt(items * 2) + 2)
    near = [n for n in around if n and items % n == 0 and 0.5 <= n * n / items <= 2]
    return min(near, key=lambda n: abs(math.log(n / root)), default=round(root))
