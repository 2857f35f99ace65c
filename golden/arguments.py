"""Checks of what users pass: each message names the argument, what it must be, and its value."""

import numbers
import reprlib
from typing import Any, cast

from torch import Tensor, nn

from golden.errors import GoldenError, ShapeError

__all__ = ["real_number", "shown", "tensor", "text", "whole_number"]


def shown(value: object) -> str:
    """Write a value for a message, in one line: of a tensor or a module only what it is."""
    if isinstance(value, Tensor):
        return f"a tensor {value.dtype} {list(value.shape)}"
    if isinstance(value, nn.Module):
        return f"a {type(value).__name__}"
    if hasattr(value, "dtype") and hasattr(value, "shape") and getattr(value, "shape", None):
        return f"an array {cast(Any, value).dtype} {list(cast(Any, value).shape)}"
    return " ".join(reprlib.repr(value).split())


def whole_number(
    name: str,
    value: object,
    least: int | None = None,
    most: int | None = None,
    *,
    error: type[GoldenError] = ShapeError,
) -> int:
    """Return a whole number, NumPy's too, as `int`; a bool, a float or a tensor is none.

    Raises
    ------
    GoldenError
        As `error`, if it is something else, below `least` or above `most`.
    """
    if not isinstance(value, bool) and isinstance(value, numbers.Integral):
        number = int(value)
        if (least is None or number >= least) and (most is None or number <= most):
            return number
    limits = "" if least is None else f" of at least {least}"
    if most is not None:
        limits = f" from {least} to {most}"
    raise error(f"{name} must be a whole number{limits}, not {shown(value)}")


def real_number(name: str, value: object, *, error: type[GoldenError] = ShapeError) -> float:
    """Return a real number, NumPy's too, as `float`; the caller checks its range.

    Raises
    ------
    GoldenError
        As `error`, if it is something else, such as a bool or a text.
    """
    if not isinstance(value, bool) and isinstance(value, numbers.Real):
        try:
            return float(value)
        except OverflowError:
            pass
    raise error(f"{name} must be a number, not {shown(value)}")


def tensor(name: str, value: object, *, error: type[GoldenError] = ShapeError) -> Tensor:
    """Return a tensor.

    Raises
    ------
    GoldenError
        As `error`, if it is something else.
    """
    if not isinstance(value, Tensor):
        raise error(f"{name} must be a tensor, not {shown(value)}")
    return value


def text(name: str, value: object, *, error: type[GoldenError] = ShapeError) -> str:
    """Return a text.

    Raises
    ------
    GoldenError
        As `error`, if it is something else.
    """
    if not isinstance(value, str):
        raise error(f"{name} must be a text, not {shown(value)}")
    return value
