"""The shape of a dense layer: inputs, outputs, and the groups of inputs whose sums are rounded."""

import dataclasses
import functools
import itertools
from collections.abc import Iterable, Sequence

from golden.arguments import items, shown, whole_number
from golden.clos.shape import ClosShape
from golden.errors import ShapeError

__all__ = ["DenseShape", "LayerShape", "layer_shape", "parse_shape", "with_cuts", "without_cuts"]

_MOST = 1 << 40  # Of every number of a shape.


@dataclasses.dataclass(frozen=True)
class DenseShape:
    """A dense layer: every output is a sum over every input.

    In fixed point a sum may be made in parts: the inputs are cut into groups, and the sum over each
    group is rounded to a word before the words are added (docs/arithmetic.md). Without cuts every
    output is one sum, which is rounded once. A torus cuts a layer's sums as its inputs lie in rows.

    Parameters
    ----------
    in_features, out_features
        Inputs and outputs of the layer, at least 1.
    cuts
        The first input of every group: 0, and then ascending, each below `in_features`; empty for
        one sum.

    Raises
    ------
    ShapeError
        For a value outside its range; the message names the field, the value and the range.
    """

    in_features: int
    out_features: int
    cuts: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Refuse sizes below 1, and cuts that do not ascend from 0."""
        for name in ("in_features", "out_features"):
            value = whole_number(name, getattr(self, name), 1)
            if value > _MOST:
                raise ShapeError(f"{name} must be at most {_MOST}, not {shown(value)}")
            object.__setattr__(self, name, value)
        cuts = tuple(whole_number("cuts", cut) for cut in items("cuts", self.cuts))
        ascending = (-1, *cuts, self.in_features)
        falls = any(after <= before for before, after in itertools.pairwise(ascending))
        if cuts and (cuts[0] != 0 or falls):
            raise ShapeError(
                f"cuts must begin with 0 and ascend, each below in_features ({self.in_features}), "
                f"not {shown(self.cuts)}"
            )
        object.__setattr__(self, "cuts", cuts)

    @classmethod
    def parse(cls, text: str) -> "DenseShape":
        """Read "I,O", for instance "64,10"; spaces and outer brackets are allowed.

        Raises
        ------
        ShapeError
            If the text is not two whole numbers, or they are no sizes.
        """
        parts = text.strip().removeprefix("(").removesuffix(")").split(",")
        try:
            inputs, outputs = (int(part) for part in parts)
        except ValueError as error:
            raise ShapeError(
                "a layer must be five whole numbers I,O,Ri,Rm,Ro (for instance 64,10,8,8,5), or "
                f"two of a dense one, I,O, not {shown(text)}"
            ) from error
        return cls(inputs, outputs)

    def as_tuple(self) -> tuple[int, int]:
        """Return (I, O)."""
        return self.in_features, self.out_features

    def __str__(self) -> str:
        """Write the shape as "(I, O)"."""
        return str(self.as_tuple())

    @property
    def parameters(self) -> int:
        """Weights of the layer, I O, and its multiply-accumulates a sample; no bias counts."""
        return self.in_features * self.out_features

    @property
    def density(self) -> float:
        """Weights relative to those of a dense layer: 1."""
        return 1.0

    @property
    def path_diversity(self) -> int:
        """Paths between any input and any output: one."""
        return 1

    @functools.cached_property
    def groups(self) -> tuple[tuple[int, int], ...]:
        """The inputs (start, stop) of every group; one of all inputs if there are no cuts."""
        return tuple(itertools.pairwise((*(self.cuts or (0,)), self.in_features)))

    @property
    def fan_ins(self) -> tuple[int, ...]:
        """Most values that a sum is over: of a group; and, if there are cuts, over the groups."""
        widest = max(stop - start for start, stop in self.groups)
        return (widest, len(self.cuts)) if self.cuts else (widest,)


LayerShape = ClosShape | DenseShape
"""The shape of any layer that a torus computes."""


def layer_shape(shape: LayerShape | Sequence[int]) -> LayerShape:
    """Return a shape: a `DenseShape` as it is, and anything else by `ClosShape.of`.

    Raises
    ------
    ShapeError
        If it is none.
    """
    return shape if isinstance(shape, DenseShape) else ClosShape.of(shape)


def parse_shape(text: str) -> LayerShape:
    """Read a layer: "I,O,Ri,Rm,Ro" of a Clos one, or "I,O" of a dense one.

    Raises
    ------
    ShapeError
        As `ClosShape.parse` and `DenseShape.parse`.
    """
    return ClosShape.parse(text) if text.count(",") == 4 else DenseShape.parse(text)


def without_cuts(shapes: Iterable[LayerShape]) -> tuple[LayerShape, ...]:
    """Return the shapes as a model has them: a torus makes the cuts of dense ones."""
    return tuple(
        dataclasses.replace(shape, cuts=()) if isinstance(shape, DenseShape) else shape
        for shape in shapes
    )


def with_cuts(
    shapes: Iterable[LayerShape], cuts: Iterable[tuple[int, ...]]
) -> tuple[LayerShape, ...]:
    """Return the shapes with these cuts, one after the other, in the dense ones.

    Raises
    ------
    ShapeError
        If cuts do not fit their layer.
    """
    turn = iter(cuts)
    return tuple(
        dataclasses.replace(shape, cuts=next(turn))
        if isinstance(shape, DenseShape)
        else shape
        for shape in shapes
    )
