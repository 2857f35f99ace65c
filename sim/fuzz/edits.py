"""Changes of bytes, of trees of values and of arrays, as data: drawn, kept in JSON and applied.

An edit is a list: its kind, and numbers that say where. Places are taken modulo what there is, so
an edit still means something when others before it are left out.
"""

import copy
import struct
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import numpy as np

__all__ = ["Edit", "apply_to_arrays", "apply_to_bytes", "apply_to_tree", "draw_array_edit",
           "draw_byte_edit", "draw_tree_edit", "drawn"]

Edit = list[Any]

ODD: list[Any] = [
    0, 1, -1, 2, 3, 7, 8, 63, 64, 65, 255, 256, 1000, 1 << 15, 1 << 16, (1 << 31) - 1, 1 << 31,
    1 << 32, 1 << 53, (1 << 63) - 1, 1 << 63, 1 << 64, 1 << 70, -(1 << 31), -(1 << 63), -(1 << 70),
    0.5, -0.0, 1e308, float("nan"), float("inf"), "", "a", "0", "a" * 300, "\0", "../a", "\ud800",
    None, True, False, [], {}, [0], [[]], {"a": 1}, [1] * 50,
]
"""Values that a field may have and should not, or is rarely asked to."""
_NUMBERS = [0, 1, -1, 2, 127, 128, 255, 256, 32767, 32768, 65535, (1 << 31) - 1, 1 << 31,
            (1 << 32) - 1, (1 << 63) - 1, (1 << 64) - 1]
_FORMATS = {1: "B", 2: "H", 4: "I", 8: "Q"}
_DTYPES = ["<i8", "<i4", "<i2", "|i1", "|u1", "<u8", "<f8", "<f4", "<f2", "|b1", ">i8"]


def _place(random: Random) -> int:
    """A place, more often near the beginning, where headers are."""
    return random.choice([random.randrange(64), random.randrange(1024), random.randrange(1 << 24)])


def draw_byte_edit(random: Random) -> Edit:
    """Draw a change of bytes."""
    at, count = _place(random), random.choice([1, 1, 2, 4, 16, random.randrange(1, 200)])
    kind = random.choice(["flip", "flip", "set", "int", "int", "cut", "insert", "drop", "copy"])
    match kind:
        case "flip":
            return [kind, at, random.randrange(8)]
        case "set":
            return [kind, at, random.randrange(256)]
        case "int":
            return [kind, at, random.choice([1, 2, 4, 8]), random.choice(_NUMBERS),
                    random.choice("<>")]
        case "cut":
            return [kind, random.choice([at, -1 - random.randrange(40)])]
        case "insert":
            return [kind, at, random.randbytes(min(count, 40)).hex()]
        case "drop":
            return [kind, at, count]
        case _:
            return [kind, at, _place(random), count]


def apply_to_bytes(data: bytes, edits: list[Edit]) -> bytes:
    """Return the bytes with the changes, one after the other."""
    out = bytearray(data)
    for kind, at, *more in edits:
        if not out:
            break
        at %= len(out)
        match kind:
            case "flip":
                out[at] ^= 1 << more[0]
            case "set":
                out[at] = more[0]
            case "int":
                size, value, order = more
                packed = struct.pack(order + _FORMATS[size], value & ((1 << (8 * size)) - 1))
                out[at : at + size] = packed
            case "cut":
                del out[at:]
            case "insert":
                out[at:at] = bytes.fromhex(more[0])
            case "drop":
                del out[at : at + more[0]]
            case _:
                to, count = more[0] % len(out), more[1]
                out[to:to] = out[at : at + count]
    return bytes(out)


def draw_tree_edit(random: Random) -> Edit:
    """Draw a change of a tree of lists and dicts with text keys."""
    leaf, kind = random.randrange(1 << 20), random.choice(
        ["nudge", "nudge", "odd", "odd", "remove", "double", "swap"])
    match kind:
        case "nudge":
            return [kind, leaf, random.choice([-64, -8, -2, -1, 1, 1, 2, 8, 64, 1 << 16])]
        case "odd":
            return [kind, leaf, random.choice(ODD)]
        case "swap":
            return [kind, leaf, random.randrange(1 << 20)]
        case _:
            return [kind, leaf]


def _slots(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Yield (parent, key) of every value in a tree, whole lists and dicts among them."""
    items = list(tree.items()) if isinstance(tree, dict) else (
        list(enumerate(tree)) if isinstance(tree, list) else [])
    for key, value in items:
        yield tree, key
        yield from _slots(value)


def apply_to_tree(tree: Any, edits: list[Edit]) -> Any:
    """Change a tree in place, and return it."""
    for kind, number, *more in edits:
        slots = list(_slots(tree))
        if not slots:
            break
        parent, key = slots[number % len(slots)]
        value = parent[key]
        match kind:
            case "nudge":
                plain = isinstance(value, int | float) and not isinstance(value, bool)
                parent[key] = value + more[0] if plain else value
            case "odd":
                parent[key] = copy.deepcopy(more[0])  # Two edits may have one list.
            case "remove":
                del parent[key]
            case "double":
                if isinstance(parent, list):
                    parent.insert(key, value)
            case _:
                other, place = slots[more[0] % len(slots)]
                # Only of values that hold nothing: a list must not come to hold itself.
                if not isinstance(value, dict | list) and not isinstance(other[place], dict | list):
                    parent[key], other[place] = other[place], value
    return tree


def draw_array_edit(random: Random) -> Edit:
    """Draw a change of one of several arrays."""
    number, kind = random.randrange(1 << 16), random.choice(
        ["word", "word", "word", "nudge", "fill", "type", "shape", "rows", "remove"])
    match kind:
        case "word" | "fill":
            return [kind, number, random.randrange(1 << 20),
                    random.choice([*_NUMBERS, random.getrandbits(16)])]
        case "nudge":
            return [kind, number, random.randrange(1 << 20), random.choice([-1, 1])]
        case "type":
            return [kind, number, random.choice(_DTYPES)]
        case "shape":
            return [kind, number, random.choice(["flat", "column", "turned", "one"])]
        case "rows":
            return [kind, number, random.randrange(8)]
        case _:
            return [kind, number]


def _reshaped(array: np.ndarray, form: str) -> np.ndarray:
    match form:
        case "flat":
            return array.reshape(-1)
        case "column":
            return array[..., None]
        case "turned":
            return array.T
        case _:
            return array.reshape(-1)[:1].reshape(()) if array.size else array


def apply_to_arrays(arrays: dict[str, np.ndarray], edits: list[Edit]) -> dict[str, np.ndarray]:
    """Return the arrays with the changes, one after the other."""
    out = dict(arrays)
    for kind, number, *more in edits:
        if not out:
            break
        name = sorted(out)[number % len(out)]
        array = out[name].copy()
        match kind:
            case "word" | "nudge" if array.size:
                flat = array.reshape(-1)
                with np.errstate(all="ignore"):
                    part = flat[more[0] % array.size].item()
                    value = more[1] if kind == "word" else part + more[1]
                    flat[more[0] % array.size] = np.array([value]).astype(array.dtype)[0]
            case "fill":
                with np.errstate(all="ignore"):
                    array[...] = np.array([more[1]]).astype(array.dtype)[0]
            case "type":
                with np.errstate(all="ignore"):
                    array = array.astype(more[0])
            case "shape":
                array = _reshaped(array, more[0])
            case "rows":
                array = array[: more[0]] if array.ndim else array
            case "remove":
                del out[name]
                continue
            case _:
                pass
        out[name] = np.ascontiguousarray(array) if array.ndim else array
    return out


def drawn(random: Random, draw: Callable[[Random], Edit], most: int) -> list[Edit]:
    """Draw 1 to `most` edits; few are likelier, since many are refused at once."""
    return [draw(random) for _ in range(min(random.choice([1, 1, 1, 2, 2, 3, most]), most))]
