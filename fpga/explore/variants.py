"""Nets of other routers and reductions, which a short training may bring to the same accuracy."""

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from fractions import Fraction

from golden import ClosShape
from golden.errors import ShapeError
from golden.layers.dense import DenseShape, LayerShape

from .nets import layers_text

__all__ = ["variants"]

_MIDDLES = (Fraction(1), Fraction(3, 4), Fraction(1, 2), Fraction(1, 4))
_ROUTERS = (Fraction(1), Fraction(1, 2), Fraction(2))
_REDUCTIONS = (1, 2, 4, 8)


def variants(shapes: Sequence[LayerShape]) -> list[str]:
    """List nets of the same sizes, the given one first, as `layers_text` writes them.

    All Clos layers change together: their middle routers, which are their weights, to three
    fourths, half and a fourth; their input and output routers to half and twice as many. Dense
    layers become Clos layers of a half, a fourth and an eighth of their weights. What is no layer,
    or has more weights than the given net, is left out.
    """
    most = sum(shape.parameters for shape in shapes)
    found = [layers_text(shapes)]
    for changes in itertools.product(_MIDDLES, _ROUTERS, _REDUCTIONS):
        try:
            changed = tuple(_changed(shapes, *changes))
        except ShapeError:
            continue
        if sum(shape.parameters for shape in changed) <= most:
            found.append(layers_text(changed))
    return list(dict.fromkeys(found))


def _changed(shapes: Sequence[LayerShape], middles: Fraction, routers: Fraction,
             reduction: int) -> Iterator[LayerShape]:
    for shape in shapes:
        if isinstance(shape, DenseShape):
            yield shape if reduction == 1 else ClosShape.from_budget(
                shape.in_features, shape.out_features, reduction=reduction)
        else:
            yield dataclasses.replace(
                shape, input_routers=_part(shape.input_routers, routers),
                middle_routers=_part(shape.middle_routers, middles),
                output_routers=_part(shape.output_routers, routers))


def _part(count: int, part: Fraction) -> int:
    return max(1, round(count * part))
