"""Values that hardly any argument may have."""

import math

import numpy as np
import torch
from torch import nn

ODD = {
    "None": None,
    "text": "absurd",
    "empty text": "",
    "bytes": b"8",
    "True": True,
    "-1": -1,
    "0": 0,
    "1.5": 1.5,
    "-0.5": -0.5,
    "nan": math.nan,
    "inf": math.inf,
    "huge": 10**30,
    "-huge": -(10**30),
    "complex": 1j,
    "empty tuple": (),
    "list of texts": ["a", "b", "c"],
    "nested list": [[1, 2], [3]],
    "dict": {"a": 1},
    "object": object(),
    "type": int,
    "module": nn.Identity(),
    "bool tensor": torch.ones(2, 2, dtype=torch.bool),
    "nan tensor": torch.full((2, 2), math.nan),
    "scalar tensor": torch.tensor(1.0),
    "empty tensor": torch.zeros(0, 4),
    "int tensor": torch.ones(3, dtype=torch.int64),
    "complex tensor": torch.ones(2, 2, dtype=torch.complex64),
    "meta tensor": torch.ones(2, 2, device="meta"),
    "array": np.ones((2, 2)),
    "array of objects": np.array([None, "x"], dtype=object),
    "datetime64": np.datetime64("2020-01-01"),
}
