"""The space that is searched: every torus of a board that holds the net, and its bounds."""

import dataclasses
import functools
import itertools
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from golden.layers.dense import LayerShape
from golden.system.progress import Progress
from golden.vectors.nets import random_net
from hw.config import HOST_BITS, TorusConfig
from hw.lane_sizes import LANES_IN, LANES_OUT
from hw.link_sizes import LINK_WORDS
from hw.tops import TOPS
from sw_driver.compiler import requantised
from sw_driver.errors import FitError
from sw_driver.plan.fit import Needs, grown, measure
from sw_driver.plan.forward import plan_forward
from sw_driver.plan.images import Images
from sw_driver.plan.mac_lanes import MacLanes
from sw_driver.plan.placement import cut_dense, dense_cuts, place
from sw_driver.plan.plan import Plan
from sw_driver.plan.stages import build_stages
from sw_driver.predict.cycles import bounds
from sw_driver.predict.energy import least_energy

from ..board_design import board_config
from ..boards import BOARDS, Board
from ..capacity import Usage, board_estimate, fits
from ..designs import Design
from ..report import expected_blocks
from .nets import parse_layers
from .runs import CYCLES, Run, base_config

__all__ = ["Candidate", "Limits", "candidates", "cut_like", "smallest_usage"]

_SEED = 0


@dataclasses.dataclass(frozen=True)
class Limits:
    """What is searched.

    Parameters
    ----------
    boards
        Names of boards whose parts the resource model knows.
    bits
        Widths of words, of activations and weights alike.
    most_rows, most_cols
        Of a torus.
    lanes_in, lanes_out, host_bits, link_words
        As of `hw.config.TorusConfig`. Of host widths, those beyond the narrowest one that bounds
        nothing are left out.
    """

    boards: tuple[str, ...]
    bits: tuple[int, ...] = (16,)
    most_rows: int = 16
    most_cols: int = 16
    lanes_in: tuple[int, ...] = LANES_IN
    lanes_out: tuple[int, ...] = LANES_OUT
    host_bits: tuple[int, ...] = HOST_BITS
    link_words: tuple[int, ...] = LINK_WORDS


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A torus for a board, and what it takes at least; nothing is compiled.

    Parameters
    ----------
    board
        Name of the board.
    run
        What would work out the exact cycles.
    usage
        Cells that it takes at least, by the resource model.
    cycles
        That a sample takes at least.
    bound_by
        The part that takes so many.
    energy_nj
        That a sample takes at least.
    """

    board: str
    run: Run
    usage: tuple[Usage, ...]
    cycles: int
    bound_by: str
    energy_nj: float


@dataclasses.dataclass(frozen=True)
class _Placed:
    """A net on a torus of some size and lanes, whatever its words."""

    plan: Plan
    needs: Needs


def candidates(limits: Limits, net: str, layers: str,
               tell: Progress = lambda *_: None) -> list[Candidate]:
    """List every torus of the space that holds a net, once for each board that holds it.

    Cycles are those that the busiest part of the torus needs by itself, and cells those of the
    smallest memories that hold the net: no order of ops takes less.

    Parameters
    ----------
    limits
        The space.
    net
        Digest for the runs.
    layers
        Of the net.
    tell
        Hears of every size of a torus.
    """
    shapes = parse_layers(layers)
    found: list[Candidate] = []
    sizes = list(itertools.product(range(1, limits.most_rows + 1), range(1, limits.most_cols + 1)))
    for done, (rows, cols) in enumerate(sizes):
        tell(f"rank: tori of {rows}x{cols}", done, len(sizes))
        boards = _boards(limits, rows, cols)
        for lanes in _lanes(limits):
            runs = list(_runs(limits, boards, net, layers, rows, cols, lanes))
            if not runs:
                continue
            placed = _place(shapes, rows, cols, lanes)
            for _, same in itertools.groupby(runs, lambda item: (item[1].bits,
                                                                 item[1].link_stages)):
                found += _judged(placed, shapes, list(same))
    tell("rank: tori", len(sizes), len(sizes))
    return found


def smallest_usage(board: Board, limits: Limits, layers: str) -> tuple[Usage, ...]:
    """What one element takes of a board, without lanes and with the memories of a net.

    Raises
    ------
    FitError
        No element holds the net, whatever its memories.
    """
    lanes = min(_lanes(limits), key=dataclasses.astuple)
    run = _run("", layers, min(limits.bits), (1, 1), lanes, min(limits.host_bits))
    placed = _place(parse_layers(layers), 1, 1, lanes)
    return board_estimate(board, _least_config(base_config(run), placed.needs))


def cut_like(shapes: Sequence[LayerShape], sizes: Iterable[tuple[int, int]]
             ) -> dict[tuple[int, int], tuple[int, int]]:
    """Name, for each size of a torus, the first one that cuts the dense layers as it does."""
    first: dict[tuple[tuple[int, ...], ...], tuple[int, int]] = {}
    return {size: first.setdefault(tuple(dense_cuts(shapes, *size)), size) for size in sizes}


def _lanes(limits: Limits) -> Iterator[MacLanes]:
    """All lanes and links: what a link moves at once, a MAC reads at once."""
    for words, sums, moved in itertools.product(limits.lanes_in, limits.lanes_out,
                                                limits.link_words):
        if moved <= words:
            yield MacLanes(words, sums, moved)


def _run(net: str, layers: str, bits: int, size: tuple[int, int], lanes: MacLanes, host_bits: int,
         link_stages: int = 0) -> Run:
    return Run(CYCLES, net, layers, bits, *size, lanes.words, lanes.sums, host_bits, link_stages,
               lanes.moved)


def _boards(limits: Limits, rows: int, cols: int) -> list[tuple[Board, int]]:
    """The boards, and the register slices that a torus of this size gets on each."""
    return [(BOARDS[name], board_config(BOARDS[name], rows, cols).link_stages)
            for name in limits.boards]


def _runs(limits: Limits, boards: Sequence[tuple[Board, int]], net: str, layers: str, rows: int,
          cols: int, lanes: MacLanes) -> Iterator[tuple[Board, Run]]:
    """All tori of this size and these lanes that a board has room for if nothing is in them."""
    for bits in limits.bits:
        for board, link_stages in boards:
            known = net, layers, bits, (rows, cols), lanes
            least = base_config(_run(*known, limits.host_bits[0], link_stages))
            if _has_blocks(board, least) and fits(board, board_estimate(board, least)):
                yield from ((board, _run(*known, host_bits, link_stages))
                            for host_bits in limits.host_bits)


def _has_blocks(board: Board, config: TorusConfig) -> bool:
    """Whether a board has the multipliers and block RAMs of a torus, gateways left out."""
    multipliers, block_rams = expected_blocks(Design("torus", TOPS["torus"], config), board.family)
    has = board.capacity
    return multipliers <= has.multipliers and block_rams <= has.block_rams


def _judged(placed: _Placed, shapes: Sequence[LayerShape],
            runs: Sequence[tuple[Board, Run]]) -> Iterator[Candidate]:
    """Bound the points of one size, lanes and width: by host width, narrow ones first."""
    enough: set[str] = set()
    for board, run in runs:
        if board.name in enough:
            continue
        try:
            config = _least_config(base_config(run), placed.needs)
        except FitError:  # No torus of this size holds the net, whatever its memories.
            return
        parts = bounds(config, placed.plan)
        bound_by = max(parts, key=lambda part: parts[part])
        if not bound_by.startswith("host"):
            enough.add(board.name)
        used = board_estimate(board, config)
        if fits(board, used):
            energy = least_energy(config, shapes, placed.plan).total_nj
            yield Candidate(board.name, run, used, parts[bound_by], bound_by, energy)


def _least_config(base: TorusConfig, needs: Needs) -> TorusConfig:
    """The torus with the memories that a net needs in any order, and no more."""
    return grown(base, dataclasses.replace(needs, act_bits=base.act_bits,
                                           weight_bits=base.weight_bits))


def _place(shapes: Sequence[LayerShape], rows: int, cols: int, lanes: MacLanes) -> _Placed:
    """Place a net; of its words, only what every width needs counts: see `candidates`."""
    net = _any_net(tuple(cut_dense(shapes, rows, cols)))
    layers = place(net.shapes, rows, cols, skips=True, lanes=lanes)
    stages = build_stages(layers, [requantised(layer) for layer in net.layers], net.weight_bits,
                          rows, cols, lanes)
    plan = plan_forward(stages)
    # Sizes alone matter here.
    weights = lanes.count * sum(stage.weight_rows for stage in stages if stage.outputs)
    biases = sum(stage.reps * stage.outputs for stage in stages if stage.biases)
    none = np.int64(0)
    images = Images(np.broadcast_to(none, (rows, cols, weights)),
                    np.broadcast_to(none, (rows, cols, biases)), stages[0].host_words,
                    stages[-1].sources[0, :, -1])
    needs = measure(net, plan, images)
    return _Placed(plan, dataclasses.replace(
        needs, bias_bits=0, min_shift=0, max_shift=0, leaky=0, bounded=0))


@functools.lru_cache(maxsize=64)
def _any_net(shapes: tuple[LayerShape, ...]):
    return random_net(shapes, seed=_SEED)
