"""The random bits of training: a 32-bit Galois LFSR in every processing element (PE).

A step is linear over GF(2), so a jump of any length is too: `states_after` makes the states of many
PEs at many steps from a few tables instead of step by step.
"""

import functools
import hashlib

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from golden.arguments import tensor, whole_number
from golden.errors import ModelError, ShapeError

__all__ = ["LFSR_BITS", "TAPS", "advance", "seed_state", "seed_states", "states_after", "step"]

LFSR_BITS = 32
TAPS = 0x80200003
"""x**32 + x**22 + x**2 + x + 1, which makes the period 2**32 - 1."""

_MOST_PES = 1 << 20
_MOST_STATES = 1 << 28

_BYTES = LFSR_BITS // 8

_Words = npt.NDArray[np.uint32]


def step(state: int) -> int:
    """Return the state after `state`, both 32 bits wide."""
    return (state >> 1) ^ (TAPS if state & 1 else 0)


def seed_state(seed: int, row: int, col: int) -> int:
    """Return the first state of the PE at (row, col), never 0, the state that an LFSR never leaves.

    The first 4 bytes, little-endian, of the SHA-256 of "seed,row,col"; while they are 0, of
    "seed,row,col,1", "seed,row,col,2" and so on.
    """
    seed = whole_number("seed", seed, error=ModelError)
    row = whole_number("row", row, 0, error=ModelError)
    col = whole_number("col", col, 0, error=ModelError)
    text = f"{seed},{row},{col}"
    state, tries = _first_word(text), 0
    while state == 0:
        tries += 1
        state = _first_word(f"{text},{tries}")
    return state


def seed_states(seed: int, rows: int, cols: int) -> Tensor:
    """Return the first states [rows * cols] int64 of a torus; PE number = row * cols + col.

    Raises
    ------
    ModelError
        If the seed is no whole number, or there are not 1 to 2^20 PEs.
    """
    rows = whole_number("rows", rows, 1, _MOST_PES, error=ModelError)
    cols = whole_number("cols", cols, 1, _MOST_PES // rows, error=ModelError)
    return torch.tensor([seed_state(seed, row, col) for row in range(rows) for col in range(cols)])


def states_after(states: Tensor, steps: int) -> Tensor:
    """Return the states [steps + 1, PEs] int64 after 0, 1, ... `steps` steps from `states` [PEs].

    The sequence doubles: all that is known, jumped by its own length, is what follows. That is 4
    table look-ups a state.
    """
    _check(states, steps)
    if (steps + 1) * len(states) > _MOST_STATES:
        raise ModelError(
            f"steps must be fewer than {_MOST_STATES} states of all PEs, not {steps} of "
            f"{len(states)} PEs"
        )
    found = _to_words(states)[None]
    jump = 0
    while len(found) <= steps:
        wanted = min(len(found), steps + 1 - len(found))
        found = np.concatenate([found, _apply(_jump_tables(jump), found[:wanted])])
        jump += 1
    return _to_tensor(found)


def advance(states: Tensor, steps: int) -> Tensor:
    """Return the states [PEs] int64 after `steps` steps from `states` [PEs]."""
    _check(states, steps)
    words = _to_words(states)
    jump = 0
    while steps >> jump:
        if steps >> jump & 1:
            words = _apply(_jump_tables(jump), words)
        jump += 1
    return _to_tensor(words)


def _first_word(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:_BYTES], "little")


def _check(states: Tensor, steps: int) -> None:
    states = tensor("states", states)
    if states.ndim != 1 or states.dtype != torch.int64:
        raise ShapeError(
            f"LFSR states must be int64 [PEs], not {states.dtype} {list(states.shape)}"
        )
    whole_number("steps", steps, 0, error=ModelError)


def _to_words(states: Tensor) -> _Words:
    return states.numpy().astype("<u4")


def _to_tensor(words: _Words) -> Tensor:
    return torch.as_tensor(words.astype(np.int64))


@functools.cache
def _jump_tables(jump: int) -> tuple[_Words, ...]:
    """Return what 2**jump steps make of each byte of a state, the others being 0: 4 times [256]."""
    if jump == 0:
        return tuple(
            np.array([step(value << 8 * byte) for value in range(256)], dtype="<u4")
            for byte in range(_BYTES)
        )
    half = _jump_tables(jump - 1)
    return tuple(_apply(half, table) for table in half)


def _apply(tables: tuple[_Words, ...], words: _Words) -> _Words:
    octets = np.ascontiguousarray(words).view(np.uint8).reshape(*words.shape, _BYTES)
    result = tables[0].take(octets[..., 0])
    for byte in range(1, _BYTES):
        result ^= tables[byte].take(octets[..., byte])
    return result
