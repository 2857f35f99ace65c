"""Topologies of interconnection networks: Clos, butterflies, hypercube, torus, low rank, radix.

The definitions are those that give the edge counts of NeuroFabric, fig 5. All raise TopologyError
for more elements than `check_elements` allows, besides what they name.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from golden.arguments import items, whole_number
from golden.clos.shape import ClosShape
from golden.errors import TopologyError
from golden.topologies.topology import Topology, check_elements

__all__ = ["butterfly", "clos", "hypercube", "low_rank", "parallel_butterfly", "radix", "torus"]


def clos(shape: ClosShape) -> Topology:
    """Three stages of small dense routers: ClosNets, section II.

    Layer 1 holds output m of input router r at r Rm + m, layer 2 output o of middle router m at
    o Rm + m: the order of `ClosLinear.stages`. Rm (I + O + Ri Ro) edges, Rm paths for every pair.
    """
    shape = ClosShape.of(shape)
    ri, rm, ro = shape.input_routers, shape.middle_routers, shape.output_routers
    check_elements(rm * (ri * shape.in_features + ri * rm * ro + ro * shape.out_features))
    first = torch.zeros(ri, rm, shape.in_features, dtype=torch.bool)
    for router, (start, stop) in enumerate(shape.input_blocks):
        first[router, :, start:stop] = True
    middle = torch.eye(rm, dtype=torch.bool)[None, :, None].expand(ro, rm, ri, rm)
    last = torch.zeros(shape.out_features, ro, rm, dtype=torch.bool)
    for router, (start, stop) in enumerate(shape.output_blocks):
        last[start:stop, router] = True
    masks = first.flatten(0, 1), middle.reshape(ro * rm, ri * rm), last.flatten(1)
    return Topology("clos:" + ",".join(str(number) for number in shape.as_tuple()), masks)


def butterfly(n: int, layers: int) -> Topology:
    """Two edges a neuron: stage l joins i to itself and to i XOR 2^(l mod log2 n).

    2 n `layers` edges: NeuroFabric, fig 5.

    Raises
    ------
    TopologyError
        If n is no power of two from 2, or `layers` is below 1.
    """
    bits, layers = _power_of_two(n), _at_least("layers", layers, 1)
    n = 1 << bits
    check_elements(n * n * layers, layers)
    masks = tuple(_links(n, [lambda i: i, _flip(layer % bits)]) for layer in range(layers))
    return Topology(f"butterfly:{n},{layers}", masks)


def parallel_butterfly(n: int, layers: int, parallel: int) -> Topology:
    """Butterflies side by side that share their inputs and sum their outputs.

    NeuroFabric, section VII-E and fig 9b. The first masks stand one above the other, the middle
    ones form a block diagonal, the last ones stand side by side.

    Raises
    ------
    TopologyError
        As `butterfly`; if `parallel` is below 1, or above 1 with fewer than 2 layers, where
        the butterflies' edges would be the same ones.
    """
    parallel = _at_least("parallel", parallel, 1)
    layers = _at_least("layers", layers, 1 if parallel == 1 else 2)
    n = 1 << _power_of_two(n)
    single = butterfly(n, layers).masks
    check_elements(n * n * (2 * parallel + max(layers - 2, 0) * parallel**2), layers)
    name = f"parallel-butterfly:{n},{layers},{parallel}"
    if parallel == 1:
        return Topology(name, single)
    apart = torch.eye(parallel, dtype=torch.bool)
    middle = [torch.kron(apart, mask) for mask in single[1:-1]]
    return Topology(name, (single[0].repeat(parallel, 1), *middle, single[-1].repeat(1, parallel)))


def hypercube(n: int, layers: int) -> Topology:
    """Every stage joins i to itself and to its log2 n neighbours, which differ in one bit.

    n (1 + log2 n) `layers` edges: NeuroFabric, fig 5.

    Raises
    ------
    TopologyError
        If n is no power of two from 2, or `layers` is below 1.
    """
    bits, layers = _power_of_two(n), _at_least("layers", layers, 1)
    n = 1 << bits
    check_elements(n * n * layers, layers)
    mask = _links(n, [lambda i: i, *(_flip(bit) for bit in range(bits))])
    return Topology(f"hypercube:{n},{layers}", (mask,) * layers)


def torus(rows: int, cols: int, layers: int) -> Topology:
    """Every stage joins a node to itself and to its four neighbours, around the edges.

    5 rows cols `layers` edges (NeuroFabric, fig 5); fewer where a side is shorter than 3, since
    neighbours then coincide. Node (r, c) is neuron r cols + c.

    Raises
    ------
    TopologyError
        If a number is below 1, or there are fewer than two nodes.
    """
    rows, cols = _at_least("rows", rows, 1), _at_least("cols", cols, 1)
    layers = _at_least("layers", layers, 1)
    if rows * cols < 2:
        raise TopologyError("rows times cols must be at least 2, not 1")
    check_elements((rows * cols) ** 2 * layers, layers)

    def step(down: int, right: int) -> Callable[[Tensor], Tensor]:
        return lambda i: (i // cols + down) % rows * cols + (i % cols + right) % cols

    steps = [step(*by) for by in ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1))]
    return Topology(f"torus:{rows},{cols},{layers}", (_links(rows * cols, steps),) * layers)


def low_rank(in_features: int, out_features: int, rank: int) -> Topology:
    """Two dense stages with `rank` neurons between: (I + O) rank edges.

    Raises
    ------
    TopologyError
        If a number is below 1.
    """
    in_features = _at_least("in_features", in_features, 1)
    out_features = _at_least("out_features", out_features, 1)
    rank = _at_least("rank", rank, 1)
    check_elements((in_features + out_features) * rank)
    masks = (
        torch.ones(rank, in_features, dtype=torch.bool),
        torch.ones(out_features, rank, dtype=torch.bool),
    )
    return Topology(f"low-rank:{in_features},{out_features},{rank}", masks)


def radix(n: int, radices: Sequence[int]) -> Topology:
    """Mixed radix: stage l joins i to (i + j s) mod n for j below radix l, s the stride.

    RadiX-Net, which NeuroFabric cites. The stride is the product of the radices before l, and
    starts again at 1 when that product reaches n; then all pairs have equally many paths.

    Raises
    ------
    TopologyError
        If n is below 2, there is no radix, one is below 2, or a running product does not divide n.
    """
    n, bases = _at_least("n", n, 2), items("radices", radices, error=TopologyError)
    if not bases:
        raise TopologyError("radices must hold at least one number, not none")
    radices = [_at_least(f"radix {stage}", base, 2) for stage, base in enumerate(bases)]
    check_elements(n * n * len(radices), len(radices))
    stride, masks = 1, list[Tensor]()
    for stage, base in enumerate(radices):
        if n % (stride * base):
            raise TopologyError(
                f"radix {stage} times the radices before it must divide n = {n}, but "
                f"{base} x {stride} = {base * stride} does not"
            )
        masks.append(_links(n, [_ahead(j * stride, n) for j in range(base)]))
        stride = 1 if stride * base == n else stride * base
    return Topology(f"radix:{n},{'-'.join(map(str, radices))}", tuple(masks))


def _links(n: int, targets: Sequence[Callable[[Tensor], Tensor]]) -> Tensor:
    """Bool [n, n]: an edge from every i to each of its targets."""
    source = torch.arange(n)
    mask = torch.zeros(n, n, dtype=torch.bool)
    for target in targets:
        mask[target(source), source] = True
    return mask


def _flip(bit: int) -> Callable[[Tensor], Tensor]:
    return lambda i: i ^ (1 << bit)


def _ahead(distance: int, n: int) -> Callable[[Tensor], Tensor]:
    return lambda i: (i + distance) % n


def _power_of_two(n: int) -> int:
    """Return log2 n."""
    n = whole_number("n", n, error=TopologyError)
    if n < 2 or n & (n - 1):
        raise TopologyError(f"n must be a power of two of at least 2, not {n}")
    return n.bit_length() - 1


def _at_least(field: str, value: object, least: int) -> int:
    return whole_number(field, value, least, error=TopologyError)
