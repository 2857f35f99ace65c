"""Cascades of random and rotating stages, of any widths."""

import itertools
import numbers
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor

from golden.arguments import items, real_number, whole_number
from golden.errors import TopologyError
from golden.topologies.bipartite import (
    fibonacci_mask,
    long_short_mask,
    random_edge_mask,
    random_regular_mask,
    random_rotating_mask,
    regular_mask,
)
from golden.topologies.topology import Topology, check_elements

__all__ = [
    "fibonacci",
    "long_short",
    "random_edge",
    "random_regular",
    "random_rotating",
    "regular",
]

_Degree = TypeVar("_Degree", int, float)

# In all of these, `widths` are the neurons of every layer, `degrees` the edges of an input of
# every stage, or one number for all stages; a generator seeded with `seed` draws what is random.


def random_edge(widths: Sequence[int], degrees: Sequence[float] | float, seed: int = 0) -> Topology:
    """Every edge of a stage of m outputs with probability degree / m: `random_edge_mask`.

    At low degrees some outputs may be reached by no input: see `Topology.require_reachable`.

    Raises
    ------
    TopologyError
        As all functions here: for fewer than two widths or too many neurons, another number of
        degrees than one or one per stage, a degree that a stage cannot have, or a negative seed.
    """
    generator = _generator(seed)
    return _cascade(
        "random-edge", widths, degrees, seed, lambda n, m, k: random_edge_mask(n, m, k, generator)
    )


def random_rotating(widths: Sequence[int], degrees: Sequence[int] | int, seed: int = 0) -> Topology:
    """One random vector of k ones a stage, rotated: `random_rotating_mask`."""
    generator = _generator(seed)
    return _cascade(
        "random-rotating", widths, degrees, seed,
        lambda n, m, k: random_rotating_mask(n, m, k, generator),
    )  # fmt: skip


def random_regular(widths: Sequence[int], degrees: Sequence[int] | int, seed: int = 0) -> Topology:
    """Every input with k random outputs, a d-regular expander: `random_regular_mask`."""
    generator = _generator(seed)
    return _cascade(
        "random-regular", widths, degrees, seed,
        lambda n, m, k: random_regular_mask(n, m, k, generator),
    )  # fmt: skip


def regular(widths: Sequence[int], degrees: Sequence[int] | int) -> Topology:
    """Every input i with outputs i to i + k - 1: `regular_mask`."""
    return _cascade("regular", widths, degrees, None, regular_mask)


def long_short(widths: Sequence[int], degrees: Sequence[int] | int) -> Topology:
    """Half of the outputs near, half far: `long_short_mask`."""
    return _cascade("long-short", widths, degrees, None, long_short_mask)


def fibonacci(widths: Sequence[int], degrees: Sequence[int] | int) -> Topology:
    """Outputs at the distances of the Fibonacci numbers: `fibonacci_mask`."""
    return _cascade("fibonacci", widths, degrees, None, fibonacci_mask)


def _generator(seed: int) -> torch.Generator:
    number = whole_number("seed", seed, error=TopologyError)
    if not 0 <= number < 1 << 63:
        raise TopologyError(f"seed must be 0 to 2**63 - 1, not {number}")
    return torch.Generator().manual_seed(number)


def _degree(value: Any) -> Any:
    """Return a degree as a number of its own kind: which one a stage takes, its mask checks."""
    if isinstance(value, numbers.Integral):
        return whole_number("degree", value, error=TopologyError)
    return real_number("degree", value, error=TopologyError)


def _cascade(
    kind: str,
    widths: Sequence[int],
    degrees: Sequence[_Degree] | _Degree,
    seed: int | None,
    mask: Callable[[int, int, _Degree], Tensor],
) -> Topology:
    given = [degrees] if isinstance(degrees, numbers.Real) else degrees
    degrees = [_degree(one) for one in items("degrees", given, error=TopologyError)]
    widths = [
        whole_number("widths", width, 1, error=TopologyError)
        for width in items("widths", widths, error=TopologyError)
    ]
    if len(widths) < 2:
        raise TopologyError(f"widths must be those of at least two layers, not {list(widths)}")
    check_elements(sum(n * m for n, m in itertools.pairwise(widths)), len(widths) - 1)
    stages = len(widths) - 1
    if len(degrees) not in (1, stages):
        raise TopologyError(
            f"degrees must be one number, or one for each of the {stages} stages, "
            f"not {len(degrees)} numbers"
        )
    each = list(degrees) * (stages if len(degrees) == 1 else 1)
    text = [kind + ":" + "-".join(map(str, widths)), "-".join(f"{degree:g}" for degree in degrees)]
    text += [] if seed is None else [str(seed)]
    pairs = zip(widths[:-1], widths[1:], each, strict=True)
    return Topology(",".join(text), tuple(mask(n, m, degree) for n, m, degree in pairs))
