"""What the net of a model file does, in order, as the file says it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from golden.clos.shape import ClosShape
from golden.errors import CheckpointError, ShapeError

__all__ = ["clos_layers", "clos_operations", "clos_shapes"]


def clos_operations(shapes: Sequence[ClosShape]) -> list[tuple[Any, ...]]:
    """Name what a ClosNet of these layers does, in order."""
    found: list[tuple[Any, ...]] = []
    for shape in shapes:
        found += [("relu",)] if found else []
        found.append(("clos", *shape.as_tuple()))
    return found


def clos_layers(path: Path, operations: object) -> list[Any]:
    """Return the 5-tuples of what `clos_operations` gives; a `CheckpointError` if it is none."""
    held = cast(list[Any], operations if isinstance(operations, list | tuple) else [])
    layers = [
        cast(tuple[Any, ...], item)[1:]
        for item in held[::2]
        if isinstance(item, tuple) and cast(tuple[Any, ...], item)[:1] == ("clos",)
    ]
    if len(layers) != len(held[::2]) or any(item != ("relu",) for item in held[1::2]):
        raise CheckpointError(
            f"{path}: operations must be Clos layers with a ReLU between any two, not {operations}"
        )
    return layers


def clos_shapes(path: Path, layers: object) -> list[ClosShape]:
    """Make shapes of 5-tuples; a `CheckpointError` if they are none."""
    if not isinstance(layers, list) or not layers:
        raise CheckpointError(f"{path}: layers must be a list of (I, O, Ri, Rm, Ro), not {layers}")
    try:
        return [ClosShape(*layer) for layer in cast(list[Any], layers)]
    except (ShapeError, TypeError) as error:
        raise CheckpointError(
            f"{path}: layers must be a list of (I, O, Ri, Rm, Ro), not {layers}: {error}"
        ) from error
