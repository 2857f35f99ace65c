"""Checks of what users pass: each message names the argument, what it must be, and its value.

PyTorch is imported by those alone that need it: what is refused at once has not waited for it.
"""

import contextlib
import numbers
import reprlib
import sys
from collections.abc import Generator, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from golden.errors import GoldenError, ShapeError

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

__all__ = [
    "check_generator",
    "empty_parameter",
    "enough_memory",
    "instance",
    "items",
    "mapping",
    "real_number",
    "seed_number",
    "shown",
    "tensor",
    "whole_number",
]

_Kind = TypeVar("_Kind")

_BEYOND = 1 << 64

_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 100


def shown(value: object) -> str:
    """Write a value for a message, in one line: of a tensor or a module only what it is."""
    if _is_a("Tensor", value):
        tensor = cast(Any, value)
        return f"a tensor {tensor.dtype} {list(tensor.shape)}"
    if _is_a("nn.Module", value):
        return f"a {type(value).__name__}"
    if isinstance(value, str | bytes | numbers.Number) or value is None:
        return _SHORT.repr(value)
    if getattr(value, "shape", None) and hasattr(value, "dtype"):
        return f"an array {cast(Any, value).dtype} {list(cast(Any, value).shape)}"
    if isinstance(value, list | tuple):
        some = [shown(item) for item in cast(list[object], value)[:6]]
        more = ["..."] if len(cast(list[object], value)) > len(some) else []
        inside = ", ".join([*some, *more])
        return f"({inside})" if isinstance(value, tuple) else f"[{inside}]"
    return f"a {type(value).__name__}"


def _is_a(kind: str, value: object) -> bool:
    """Whether it is of a class of PyTorch: it cannot be where that was not imported yet."""
    found: Any = sys.modules.get("torch")
    for name in kind.split("."):
        found = getattr(found, name, None)
    return found is not None and isinstance(value, found)


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
    # The first test is the second for most values, and takes a tenth of the time.
    if type(value) is int or (
        isinstance(value, numbers.Integral) and not isinstance(cast(object, value), bool)
    ):
        number = int(value)
        above = number >= (-_BEYOND if least is None else least)
        if above and number <= (_BEYOND if most is None else most):
            return number
        if abs(number) > _BEYOND:
            raise error(f"{name} must be a whole number of 64 bits, not {shown(value)}")
    limits = "" if least is None else f" of at least {least}"
    if most is not None:
        limits = f" from {least} to {most}"
    raise error(f"{name} must be a whole number{limits}, not {shown(value)}")


def seed_number(
    value: object, *, name: str = "seed", error: type[GoldenError] = ShapeError
) -> int:
    """Return a seed that PyTorch's generators take, a whole number of 64 bits with a sign."""
    number = whole_number(name, value, error=error)
    if not -(1 << 63) <= number < 1 << 63:
        raise error(f"{name} must be a whole number from -2**63 to 2**63 - 1, not {shown(value)}")
    return number


def real_number(name: str, value: object, *, error: type[GoldenError] = ShapeError) -> float:
    """Return a real number, NumPy's too, as `float`; the caller checks its range.

    Raises
    ------
    GoldenError
        As `error`, if it is something else, such as a bool or a text.
    """
    if isinstance(value, numbers.Real) and not isinstance(cast(object, value), bool):
        with contextlib.suppress(OverflowError):
            return float(value)
    raise error(f"{name} must be a number, not {shown(value)}")


def tensor(name: str, value: object, *, error: type[GoldenError] = ShapeError) -> "Tensor":
    """Return a tensor that holds numbers; anything else is refused as `error`."""
    from torch import Tensor

    if not isinstance(value, Tensor):
        raise error(f"{name} must be a tensor, not {shown(value)}")
    if value.is_meta:
        raise error(f"{name} must hold numbers, not be on the meta device")
    return value


def instance(
    name: str, value: object, kind: type[_Kind], *, error: type[GoldenError] = ShapeError
) -> _Kind:
    """Return what is of this class; anything else is refused as `error`."""
    if not isinstance(value, kind):
        what = "text" if kind is str else kind.__name__
        a = "an" if what[0] in "AEIO" else "a"
        raise error(f"{name} must be {a} {what}, not {shown(value)}")
    return value


def mapping(
    name: str, value: object, *, error: type[GoldenError] = ShapeError
) -> Mapping[Any, Any]:
    """Return what is a mapping; anything else is refused as `error`."""
    given = value
    if not isinstance(value, Mapping):
        raise error(f"{name} must be a mapping such as a dict, not {shown(given)}")
    return cast(Mapping[Any, Any], value)


def items(
    name: str, value: object, count: int | None = None, *, error: type[GoldenError] = ShapeError
) -> tuple[Any, ...]:
    """Return what is in a sequence, so many things if `count` is given; a text is none."""
    given = value
    if isinstance(value, tuple) and count == len(cast(tuple[Any, ...], value)):
        return cast(tuple[Any, ...], value)
    text = isinstance(value, str | bytes | dict) or _is_a("nn.Module", given)
    if isinstance(value, Iterable) and not text:
        with contextlib.suppress(TypeError):  # Of an array or tensor without dimensions.
            found = tuple(cast(Iterable[Any], value))
            if count is None or len(found) == count:
                return found
    wanted = "a sequence" if count is None else f"a sequence of {count}"
    raise error(f"{name} must be {wanted}, not {shown(given)}")


def check_generator(value: object) -> None:
    """Refuse what is neither a generator of PyTorch's nor None.

    Raises
    ------
    ShapeError
        If it is something else.
    """
    if value is not None and not _is_a("Generator", value):
        raise ShapeError(f"generator must be a torch.Generator or None, not {shown(value)}")


@contextlib.contextmanager
def enough_memory(what: str) -> Generator[None, None, None]:
    """Turn what PyTorch says of a tensor that it cannot make into one line that says of what.

    Raises
    ------
    ShapeError
        If making it fails: for want of memory, or for a type or device that there is not.
    """
    try:
        yield
    except GoldenError:
        raise
    except (RuntimeError, TypeError, ValueError, OverflowError, MemoryError) as error:
        reason = str(error).partition("\n")[0].strip()[:300] or type(error).__name__
        raise ShapeError(f"{what} cannot be made: {reason}") from error


def empty_parameter(
    size: tuple[int, ...], device: "torch.device | str | None", dtype: "torch.dtype | None"
) -> "nn.Parameter":
    """Make a parameter of real numbers, whose values are arbitrary.

    Raises
    ------
    ShapeError
        If it has no room, or there is no such type or device.
    """
    import torch

    with enough_memory(f"a parameter of shape {list(size)}"):
        made = torch.empty(size, device=device, dtype=dtype)
    if not made.is_floating_point():
        raise ShapeError(f"dtype must be one of real numbers, not {made.dtype}")
    return torch.nn.Parameter(made)
