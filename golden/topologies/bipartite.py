"""Masks between two layers, random and rotating: Sparse Neural Network Topologies, section 3.

All masks are bool [m, n] for n inputs and m outputs, the transpose of the paper's Adj [n, m]. The
degree k is that of an input: with one exception, every input has exactly k edges. Those of a
rotating mask are `Adj[i][j] = v[(j - i) mod m]` for one vector v of k ones.
"""

import torch
from torch import Tensor

from golden.arguments import check_generator, real_number, whole_number
from golden.errors import TopologyError
from golden.topologies.topology import check_elements

__all__ = [
    "fibonacci_mask",
    "long_short_mask",
    "random_edge_mask",
    "random_regular_mask",
    "random_rotating_mask",
    "regular_mask",
]

_MOST_FIBONACCI = 1 << 13  # The numbers grow to as many bits, and each place is looked for.


def random_edge_mask(n: int, m: int, degree: float, generator: torch.Generator) -> Tensor:
    """Every edge by itself with probability degree / m: section 3.1.1.

    The exception: `degree` is the mean one, above 0 to m, and need not be whole.

    Raises
    ------
    TopologyError
        As all functions here: if n or m is below 1, or `degree` is out of range.
    """
    n, m = _sizes(n, m)
    check_generator(generator)
    degree = real_number("degree", degree, error=TopologyError)
    if not 0 < degree <= m:
        raise TopologyError(f"degree must be above 0 and at most {m}, the outputs, not {degree}")
    return torch.rand(m, n, generator=generator) < degree / m


def random_rotating_mask(n: int, m: int, degree: int, generator: torch.Generator) -> Tensor:
    """One random vector of exactly k ones, rotated: section 3.1.2."""
    n, m, degree = _checked(n, m, degree)
    check_generator(generator)
    return _rotating(n, m, torch.randperm(m, generator=generator)[:degree])


def random_regular_mask(n: int, m: int, degree: int, generator: torch.Generator) -> Tensor:
    """Every input's k outputs drawn by themselves, an expander with high probability: 3.1.3.

    The paper's D = k/m is a slip: D = k. Outputs have k n / m inputs on average only.
    """
    n, m, degree = _checked(n, m, degree)
    check_generator(generator)
    chosen = torch.rand(n, m, generator=generator).topk(degree).indices
    return torch.zeros(n, m, dtype=torch.bool).scatter(1, chosen, True).T.contiguous()


def regular_mask(n: int, m: int, degree: int) -> Tensor:
    """The vector of k ones, then zeros: input i feeds outputs i to i + k - 1 mod m: 3.2.1.

    The paper's i < j < i + k would be k - 1 ones.
    """
    n, m, degree = _checked(n, m, degree)
    return _rotating(n, m, torch.arange(degree))


def long_short_mask(n: int, m: int, degree: int) -> Tensor:
    """Ones in the first floor(k/2) places, the others evenly over those left: section 3.2.2."""
    n, m, degree = _checked(n, m, degree)
    short = degree // 2
    long = degree - short
    far = short + torch.arange(long) * (m - short) // long
    return _rotating(n, m, torch.cat([torch.arange(short), far]))


def fibonacci_mask(n: int, m: int, degree: int) -> Tensor:
    """Ones at 0, 1, 2, 3, 5, 8, ..., as many as k: section 3.2.3.

    The first of the Fibonacci numbers 1, 1, 2, 3, ... stands for place 0. If the k-th one is m or
    more, all are multiplied by m over it and rounded down, mod m; a place that is taken already
    gives way to the next free one. k is at most 8192.
    """
    n, m, degree = _checked(n, m, degree)
    if degree > _MOST_FIBONACCI:
        raise TopologyError(
            f"degree must be at most {_MOST_FIBONACCI} of Fibonacci numbers, not {degree}"
        )
    places, following = [0], [1, 2]
    while len(places) < degree:
        places.append(following[0])
        following = [following[1], sum(following)]
    largest = places[-1]
    if largest >= m:
        taken: set[int] = set()
        for index, place in enumerate(places):
            wanted = place * m // largest % m
            while wanted in taken:
                wanted = (wanted + 1) % m
            taken.add(wanted)
            places[index] = wanted
    return _rotating(n, m, torch.tensor(places))


def _rotating(n: int, m: int, places: Tensor) -> Tensor:
    """Bool [m, n]: edges from i to (i + place) mod m, for int64 places that differ."""
    mask = torch.zeros(m, n, dtype=torch.bool)
    source = torch.arange(n)
    if len(places) <= n:
        for place in places:
            mask[(source + place) % m, source] = True
    else:
        for i in range(n):
            mask[(places + i) % m, i] = True
    return mask


def _sizes(n: object, m: object) -> tuple[int, int]:
    inputs = whole_number("n", n, error=TopologyError)
    outputs = whole_number("m", m, error=TopologyError)
    if inputs < 1 or outputs < 1:
        raise TopologyError(f"both layers must have at least 1 neuron, not {inputs} and {outputs}")
    check_elements(inputs * outputs)
    return inputs, outputs


def _checked(n: object, m: object, degree: object) -> tuple[int, int, int]:
    inputs, outputs = _sizes(n, m)
    edges = whole_number("degree", degree, error=TopologyError)
    if not 1 <= edges <= outputs:
        raise TopologyError(
            f"degree must be 1 to {outputs}, the outputs of the stage, not {edges}"
        )
    return inputs, outputs, edges
