"""Numbers from users: arrays, tensors, lists; taken for what they obviously mean, or refused."""

import math
import numbers
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from sw_driver.errors import DriverError, HostDataError

__all__ = ["as_array", "as_rate"]


def as_array(name: str, values: ArrayLike | Tensor, kinds: str, what: str) -> NDArray[Any]:
    """Return values as an array of this machine, in C order and writable, which may be a copy.

    A tensor is taken from whatever device it is on, without its history; floating-point numbers
    that NumPy does not have, as bfloat16, become float64.

    Parameters
    ----------
    name
        Begins the message of an error.
    values
        An array, a tensor, or a list of them or of numbers.
    kinds, what
        Kinds of dtypes that are right, as `numpy.dtype.kind` has them; and in words.

    Raises
    ------
    HostDataError
        They are no such array, some are masked, or a tensor has no values.
    """
    try:
        array = _plain(values)
    except (ValueError, TypeError, RuntimeError) as error:
        raise HostDataError(f"{name} must be an array: {_first_line(error)}") from error
    if array.dtype.kind not in kinds:
        hint = ": convert them, as astype(float) does" if array.dtype.kind == "O" else ""
        raise HostDataError(f"{name} must be {what}, not {array.dtype}{hint}")
    if _is_masked(values):
        raise HostDataError(
            f"{name} must have no masked values: give those a number, as filled(0) does"
        )
    wide = array.dtype.kind == "f" and array.dtype.itemsize > 8
    dtype = np.dtype(np.float64) if wide else array.dtype.newbyteorder("=")
    with np.errstate(over="ignore"):  # What float64 cannot hold becomes infinite.
        return np.require(array, dtype, ["C_CONTIGUOUS", "ALIGNED", "WRITEABLE"])


def as_rate(rate: float) -> float:
    """Return a learning rate that is finite and above 0, or refuse it.

    Raises
    ------
    DriverError
        If it is not.
    """
    if isinstance(rate, Tensor | np.ndarray) and rate.ndim == 0:  # pyright: ignore
        rate = cast(Any, rate).item()
    number = isinstance(rate, numbers.Real) and not isinstance(rate, bool | np.bool_)
    if not (number and math.isfinite(rate) and rate > 0):
        raise DriverError(f"learning_rate must be finite and above 0, not {rate}")
    return float(rate)


def _plain(values: Any) -> NDArray[Any]:
    if isinstance(values, Tensor):
        return _from_tensor(values)
    if isinstance(values, list | tuple):
        items = cast(list[Any], values)
        if any(isinstance(item, Tensor) for item in items):
            return np.asarray([_plain(item) for item in items])
    return np.asarray(cast(Any, values))


def _from_tensor(values: Tensor) -> NDArray[Any]:
    if values.is_meta:
        raise ValueError("a tensor on the device meta has no values")
    values = values.detach().cpu()
    if values.dtype.is_floating_point and values.dtype not in (
        torch.float16, torch.float32, torch.float64
    ):  # fmt: skip
        values = values.to(torch.float64)
    return values.resolve_conj().resolve_neg().numpy()


def _is_masked(values: Any) -> bool:
    if isinstance(values, list | tuple):
        return any(map(_is_masked, cast(list[Any], values)))
    return isinstance(values, np.ma.MaskedArray) and bool(np.ma.is_masked(cast(Any, values)))


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0] or type(error).__name__
