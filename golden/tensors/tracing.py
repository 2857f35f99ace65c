"""Whether PyTorch runs a layer, or records it to run it later on other inputs.

A layer that is compiled, exported or traced is computed in one form for every number of samples:
what was chosen for the example's would be recorded with the graph, and hold for no other.
"""

import warnings

import torch
from torch import Tensor, fx

__all__ = ["is_exporting", "own_size", "records_sizes", "serves_any_batch"]


def records_sizes(x: object) -> bool:
    """Say whether sizes of `x` are recorded, so that no condition may ask for them.

    So they are in `torch.fx.symbolic_trace`, where `x` is a proxy, and in `torch.jit.trace`.
    """
    tracing = torch.jit.is_tracing()  # pyright: ignore[reportPrivateImportUsage]
    return tracing or isinstance(x, fx.Proxy)


def serves_any_batch(x: Tensor, dimension: int = 0) -> bool:
    """Say whether what is computed on `x` [N, ...] is recorded, for another N than this one.

    Besides `records_sizes`, that is so in `torch.compile` and `torch.export`, and wherever N, the
    size of this dimension, is a symbol.
    """
    return (
        records_sizes(x)
        or torch.compiler.is_compiling()
        or not isinstance(x.shape[dimension], int)  # pyright: ignore[reportUnnecessaryIsInstance]
    )


def is_exporting() -> bool:
    """Say whether `torch.export` records; before PyTorch 2.7, also whether `torch.compile` does."""
    said = getattr(torch.compiler, "is_exporting", torch.compiler.is_compiling)
    return bool(said())


def own_size(size: int) -> int:
    """Return a size of a layer's own tensors as a number, for it is the same in every run.

    `torch.jit.trace` makes a tensor of it otherwise, and warns of conditions that ask for it.
    """
    if not torch.jit.is_tracing():  # pyright: ignore[reportPrivateImportUsage]
        return size
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return int(size)
