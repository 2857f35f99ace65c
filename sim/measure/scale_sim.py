"""Cycles of a systolic array, by the counts of SCALE-Sim 3.0.0.

SCALE-Sim (Samajdar et al., ISPASS 2020) counts the cycles of a matrix product that is cut into
folds, each of which fills an array of A rows and B columns. No memory ever stalls it, and weights
need no loading: the best case of a systolic array.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from enum import Enum

from golden import ClosShape
from golden.layers.dense import LayerShape

__all__ = ["Array", "Dataflow", "Gemm", "best_cycles", "clos_gemms", "clos_training_gemms",
           "cycles", "dense_gemm", "dense_training_gemms"]


class Dataflow(Enum):
    """Which operand stays where it is while the others pass."""

    OUTPUT = "output stationary"
    WEIGHT = "weight stationary"
    INPUT = "input stationary"


@dataclasses.dataclass(frozen=True)
class Gemm:
    """A product of an M x K matrix, the inputs, and a K x N matrix, the weights."""

    m: int
    k: int
    n: int


@dataclasses.dataclass(frozen=True)
class Array:
    """A systolic array of `rows` x `cols` multipliers."""

    rows: int
    cols: int


def cycles(gemm: Gemm, array: Array, dataflow: Dataflow) -> int:
    """Cycles of one product on an array."""
    m, k, n = gemm.m, gemm.k, gemm.n
    on_rows, on_cols, steps = {
        Dataflow.OUTPUT: (m, n, k),
        Dataflow.WEIGHT: (k, n, m),
        Dataflow.INPUT: (k, m, n),
    }[dataflow]
    fill = array.rows + array.cols - 2
    if dataflow is not Dataflow.OUTPUT:
        fill += array.rows  # The operand that stays is brought in first.
    return -(-on_rows // array.rows) * -(-on_cols // array.cols) * (fill + steps) - 1


def best_cycles(gemms: Sequence[Gemm], pes: int) -> tuple[int, Array]:
    """Cycles of products one after the other, on the best array of `pes` multipliers.

    The sides of the array are powers of two, the same for all products; each product has the
    dataflow that is best for it.
    """
    def total(array: Array) -> int:
        return sum(min(cycles(gemm, array, dataflow) for dataflow in Dataflow) for gemm in gemms)

    best = min(_arrays(pes), key=total)
    return total(best), best


def _arrays(pes: int) -> Iterator[Array]:
    rows = 1
    while rows <= pes:
        yield Array(rows, pes // rows)
        rows *= 2


def dense_gemm(shape: LayerShape, batch: int) -> list[Gemm]:
    """A dense layer, or the one that a Clos layer takes the place of."""
    return [Gemm(batch, shape.in_features, shape.out_features)]


def clos_gemms(shape: ClosShape, batch: int) -> list[Gemm]:
    """A Clos layer as the products of its blocks (ClosNets, section II)."""
    _, _, routers_in, routers_mid, routers_out = shape.as_tuple()
    return [
        *(Gemm(batch, end - start, routers_mid) for start, end in shape.input_blocks),
        *(Gemm(batch, routers_in, routers_out) for _ in range(routers_mid)),
        *(Gemm(batch, routers_mid, end - start) for start, end in shape.output_blocks),
    ]


def dense_training_gemms(shape: ClosShape, batch: int) -> list[Gemm]:
    """A training step of the dense layer: Y = X W, dX = dY W^T and dW = X^T dY."""
    return [one for gemm in dense_gemm(shape, batch) for one in _and_backwards(gemm)]


def clos_training_gemms(shape: ClosShape, batch: int) -> list[Gemm]:
    """A training step of a Clos layer, each of its blocks forwards and backwards."""
    return [one for gemm in clos_gemms(shape, batch) for one in _and_backwards(gemm)]


def _and_backwards(gemm: Gemm) -> Iterator[Gemm]:
    m, k, n = gemm.m, gemm.k, gemm.n
    yield from (gemm, Gemm(m, n, k), Gemm(k, m, n))
