"""Edits are data: JSON keeps them, and they mean something wherever they are applied."""

import json
from random import Random

import numpy as np
import pytest

from sim.fuzz.edits import (
    apply_to_arrays,
    apply_to_bytes,
    apply_to_tree,
    draw_array_edit,
    draw_byte_edit,
    draw_tree_edit,
    drawn,
)

DATA = bytes(range(200))
TREE = {"a": [1, 2, {"b": 0.5}], "c": "text", "d": {"e": None}}
ARRAYS = {"x": np.arange(12).reshape(3, 4), "y": np.ones(5, np.float32), "z": np.array(3)}


@pytest.mark.parametrize("data", [b"", b"a", DATA])
def test_bytes(data):
    random = Random(1)
    changed = 0
    for _ in range(2000):
        edits = drawn(random, draw_byte_edit, 4)
        assert json.loads(json.dumps(edits)) == edits
        found = apply_to_bytes(data, edits)
        assert found == apply_to_bytes(data, edits)
        changed += found != data
    assert changed > 1500 or not data


def test_each_kind_of_change_of_bytes():
    assert apply_to_bytes(b"abc", [["flip", 1, 0]]) == b"acc"
    assert apply_to_bytes(b"abc", [["set", 4, 65]]) == b"aAc"
    assert apply_to_bytes(b"abcd", [["int", 1, 2, 256, "<"]]) == b"a\0\1d"
    assert apply_to_bytes(b"abc", [["cut", -1]]) == b"ab"
    assert apply_to_bytes(b"abc", [["insert", 1, "4142"]]) == b"aABbc"
    assert apply_to_bytes(b"abc", [["drop", 1, 1]]) == b"ac"
    assert apply_to_bytes(b"abc", [["copy", 1, 0, 2]]) == b"bcabc"


def test_trees():
    random = Random(1)
    for _ in range(2000):
        edits = drawn(random, draw_tree_edit, 4)
        found = apply_to_tree(json.loads(json.dumps(TREE)), edits)
        json.dumps(found)  # Nothing holds itself.
    assert apply_to_tree({"a": 1}, [["nudge", 0, 2]]) == {"a": 3}
    assert apply_to_tree({"a": 1}, [["remove", 0], ["odd", 7, 1]]) == {}
    assert apply_to_tree({"a": 1, "b": 2}, [["swap", 0, 1]]) == {"a": 2, "b": 1}
    assert apply_to_tree([5, 6], [["double", 1]]) == [5, 6, 6]


def test_arrays():
    random = Random(1)
    kinds = set()
    for _ in range(2000):
        edits = drawn(random, draw_array_edit, 4)
        kinds |= {edit[0] for edit in edits}
        for array in apply_to_arrays(ARRAYS, edits).values():
            assert isinstance(array, np.ndarray) and array.dtype.kind in "biuf"
    assert kinds == {"word", "nudge", "fill", "type", "shape", "rows", "remove"}
    assert ARRAYS["x"].tolist() == np.arange(12).reshape(3, 4).tolist()
