"""A digest of what a model file holds, so that a flipped bit does not pass."""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, cast

import torch
from torch import Tensor

__all__ = ["content_digest"]

_MOST_SHARED_BYTES = 1 << 26


def content_digest(content: Any) -> str:
    """Return the SHA-256 of nested data in hexadecimal; it does not depend on how they are stored.

    Parameters
    ----------
    content
        Tensors, numbers, truth values, text, bytes and None, in dicts, lists and tuples. The order
        of a dict's keys counts.

    Raises
    ------
    TypeError
        If there is anything else in it; the message says where.
    """
    digest = hashlib.sha256()
    _add(digest.update, content, "")
    return digest.hexdigest()


def _add(add: Callable[[Any], object], value: Any, place: str) -> None:
    """Add a value: its kind and size first, so that no two contents give the same bytes."""
    if isinstance(value, Tensor):
        if not _is_whole(value):
            raise TypeError(f"{place or 'it'} must be a dense tensor that stores all its numbers")
        flat = value.detach().to("cpu").contiguous().reshape(-1)
        add(f"tensor {value.dtype} {list(value.shape)}\n".encode())
        add(flat.view(torch.uint8).numpy().data)
    elif isinstance(value, Mapping):
        add(f"dict {len(cast(Mapping[Any, Any], value))}\n".encode())
        for key, item in cast(Mapping[Any, Any], value).items():
            _add(add, key, place)
            _add(add, item, f"{place}[{key!r}]")
    elif isinstance(value, list | tuple):
        items = cast(list[Any], value)
        add(f"{type(items).__name__} {len(items)}\n".encode())
        for index, item in enumerate(items):
            _add(add, item, f"{place}[{index}]")
    elif isinstance(value, bytes):
        add(f"bytes {len(value)}\n".encode() + value)
    elif value is None or type(value) in (bool, int, float, str):
        text = repr(value).encode()
        add(f"{type(value).__name__} {len(text)}\n".encode() + text)
    else:
        raise TypeError(
            f"{place or 'it'} must be a tensor, a number, text or None, or a dict or list of them, "
            f"not {type(value).__name__}"
        )


def _is_whole(tensor: Tensor) -> bool:
    """Whether a tensor has its numbers in memory: a small file may claim a trillion of them.

    A few that are one number, seen several times, may pass.
    """
    if tensor.layout != torch.strided:
        return False
    stored = max(tensor.untyped_storage().nbytes(), _MOST_SHARED_BYTES)
    return tensor.numel() * tensor.element_size() <= stored
