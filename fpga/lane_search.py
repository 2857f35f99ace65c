"""The torus on which a net runs fastest, of those that a board holds: its shape and its lanes.

The search goes by bounds that no torus of a shape can beat, and asks the exact cycle model about
those shapes alone whose bounds are lowest: see `propose`.
"""

import dataclasses
import heapq
import itertools
from collections.abc import Iterator, Sequence

from golden import QuantisedNet
from golden.layers.dense import DenseShape, LayerShape
from golden.system.progress import Progress
from golden.vectors.nets import random_net
from hw.config import HOST_BITS, ConfigError, TorusConfig
from hw.lane_sizes import LANES_IN, LANES_OUT
from sw_driver.compiler import compile_net, place_net
from sw_driver.errors import FitError
from sw_driver.plan.fit import grown
from sw_driver.plan.mac_lanes import MacLanes
from sw_driver.plan.placement import cut_dense
from sw_driver.predict.cycles import bounds, narrowest_host_bits

from .board_design import board_config, least_memories
from .boards import Board
from .capacity import Usage, board_estimate, fits
from .errors import BoardError
from .proposal import Proposal, Tried, excess_of, named
from .resources import is_measured

__all__ = ["least_config", "propose"]

_MOST_ROWS = _MOST_COLS = 16
_MOST_EXACT = 8  # Tori that the exact model is asked about.
_MOST_PLACED = 200  # Tori that the net is placed on.
_EQUAL = 0.05  # A torus that takes so much longer is as good, if it is smaller.


@dataclasses.dataclass(frozen=True, eq=False)
class _Candidate:
    """A torus of the search, with the least cycles that are known of it."""

    config: TorusConfig
    bound: float
    luts: int
    placed: bool


def least_config(board: Board, rows: int, cols: int, lanes_in: int, lanes_out: int,
                 **fields: int) -> TorusConfig:
    """The torus of a size on a board with `least_memories`; `fields` are others of it."""
    return dataclasses.replace(
        board_config(board, rows, cols), lanes_in=lanes_in, lanes_out=lanes_out,
        **least_memories(lanes_in, lanes_out), **fields)


def propose(board: Board, shapes: Sequence[LayerShape], *, torus: tuple[int, int] | None = None,
            lanes: tuple[int, int] | None = None, link_words: int = 1,
            tell: Progress = lambda *_: None, **widths: int) -> Proposal:
    """Find the torus on which a sample of a net takes the fewest cycles.

    Of the tori that fit the board by the resource model, those with the lowest closed bounds are
    tried with the exact cycle model; of those that are fastest within 5 %, the smallest is taken.
    The host stream is as wide as it must be to hold nothing up. Weights are random, since cycles do
    not depend on them.

    Parameters
    ----------
    board
        Which one.
    shapes
        The layers of the net.
    torus
        Rows and columns; all are tried if None.
    lanes
        `lanes_in` and `lanes_out`; all are tried if None.
    link_words
        Words that a link moves at once. With 2, all lanes are those with `lanes_in` of 2.
    tell
        Told of each torus that the exact model is asked about.
    widths
        `act_bits` and `weight_bits`, if not those of the board's torus.

    Raises
    ------
    BoardError
        The model knows nothing of the board's family, or no such torus fits the board.
    """
    if not is_measured(board.family, link_words):
        raise BoardError(
            f"lanes auto needs a board whose part the resource model knows, not {board.name}: "
            "give --torus, --lanes-in and --lanes-out")
    base, most = board_config(board, 1, 1), board.family.dsp_bits
    words = {"act_bits": base.act_bits, "weight_bits": base.weight_bits} | widths
    for name, bits in words.items():
        if bits > most:
            raise BoardError(f"{name} must be at most {most} where the lanes of {board.name} are "
                             f"found, the bits of its multipliers, not {bits}")
    search = _Search(board, shapes, widths, torus, lanes, link_words)
    return search.run(tell)


class _Search:
    def __init__(self, board: Board, shapes: Sequence[LayerShape], widths: dict[str, int],
                 torus: tuple[int, int] | None, lanes: tuple[int, int] | None,
                 link_words: int) -> None:
        self._board, self._shapes, self._moved = board, shapes, link_words
        self._fields = {**widths, "link_words": link_words}
        random_net(shapes, seed=0)  # It refuses layers that are no chain.
        self._sizes = [torus] if torus else list(itertools.product(
            range(1, _MOST_ROWS + 1), range(1, _MOST_COLS + 1)))
        self._lanes = [lanes] if lanes else list(itertools.product(
            [words for words in LANES_IN if words >= link_words], LANES_OUT))
        self._nets: dict[tuple[int, int], QuantisedNet] = {}
        self._has_dense = any(isinstance(shape, DenseShape) for shape in shapes)
        # What does not fit the board, with its bound.
        self._too_large: list[tuple[float, TorusConfig, tuple[Usage, ...]]] = []
        self._reason: Exception | None = None

    def run(self, tell: Progress) -> Proposal:
        waiting = [(one.bound, one.luts, number, one)
                   for number, one in enumerate(self._candidates())]
        heapq.heapify(waiting)
        tried: list[Tried] = []
        placed, numbers = 0, itertools.count(len(waiting))
        while waiting and len(tried) < _MOST_EXACT:
            bound, _, _, one = heapq.heappop(waiting)
            if tried and bound >= min(found.cycles for found in tried):
                break
            if one.placed:
                tell("plan: exact cycles", len(tried), _MOST_EXACT)
                tried += self._exact(one)
            elif placed < _MOST_PLACED:
                placed += 1
                for found in self._placed(one):
                    heapq.heappush(waiting, (found.bound, found.luts, next(numbers), found))
        tell("plan: exact cycles", _MOST_EXACT, _MOST_EXACT)
        if not tried:
            raise self._nothing()
        tried.sort(key=lambda one: (one.cycles, one.luts))
        best = min((one for one in tried if one.cycles <= tried[0].cycles * (1 + _EQUAL)),
                   key=lambda one: (one.luts, one.cycles))
        config = best.config
        least = least_config(self._board, config.rows, config.cols, config.lanes_in,
                             config.lanes_out, host_bits=config.host_bits, **self._fields)
        return Proposal(best, least, tuple(tried), self._why(best))

    def _candidates(self) -> Iterator[_Candidate]:
        """All tori of this board, by bounds that need no placement."""
        weights = sum(shape.parameters for shape in self._shapes)
        words = self._shapes[0].in_features, self._shapes[-1].out_features
        for (rows, cols), (lanes_in, lanes_out) in itertools.product(self._sizes, self._lanes):
            multipliers = rows * cols * lanes_in * lanes_out
            moved = rows * self._moved
            bound = max(weights / multipliers, *(-(-count // moved) for count in words))
            try:
                config = least_config(self._board, rows, cols, lanes_in, lanes_out, **self._fields)
            except ConfigError as error:
                self._reason = error
                continue
            yield from self._if_it_fits(config, bound, placed=False)

    def _placed(self, one: _Candidate) -> Iterator[_Candidate]:
        """The torus with the memories that the net needs, by the bounds of its placement."""
        config = one.config
        try:
            _, plan, _, needs = place_net(
                self._net(config), config.rows, config.cols, skips=True,
                lanes=MacLanes.of(config))
            host_bits = narrowest_host_bits(config, plan) or max(HOST_BITS)
            config = grown(dataclasses.replace(config, host_bits=host_bits), needs)
        except (FitError, ConfigError) as error:
            self._reason = error
            return
        yield from self._if_it_fits(config, max(bounds(config, plan).values()), placed=True)

    def _exact(self, one: _Candidate) -> Iterator[Tried]:
        try:
            compiled = compile_net(self._net(one.config), one.config, grow=True, order="best")
        except FitError as error:
            self._reason = error
            return
        used = board_estimate(self._board, compiled.config)
        prediction = compiled.prediction
        if not fits(self._board, used):
            self._too_large.append((prediction.cycles, compiled.config, used))
            return
        yield Tried(compiled.config, prediction.cycles, prediction.bound_by,
                    prediction.utilisation, used)

    def _if_it_fits(self, config: TorusConfig, bound: float, *,
                    placed: bool) -> Iterator[_Candidate]:
        used = board_estimate(self._board, config)
        if fits(self._board, used):
            luts = next(one.used for one in used if one.name == "LUT")
            yield _Candidate(config, bound, luts, placed)
        else:
            self._too_large.append((bound, config, used))

    def _net(self, config: TorusConfig) -> QuantisedNet:
        size = config.rows, config.cols
        if size not in self._nets:
            cut = cut_dense(self._shapes, *size) if self._has_dense else self._shapes
            self._nets[size] = random_net(
                cut, seed=0, act_bits=config.act_bits, weight_bits=config.weight_bits)
        return self._nets[size]

    def _nothing(self) -> BoardError:
        """Why there is no torus at all."""
        board = self._board
        if not self._too_large:
            return BoardError(f"no torus of those asked for can have this net: {self._reason}")
        config, used = self._nearest(self._too_large)
        return BoardError(
            f"board {board.name} holds no torus for this net: the smallest excess has "
            f"{named(config)}, which needs an estimated {excess_of(board, used)}")

    def _why(self, best: Tried) -> str:
        bound = ("MAC-bound" if best.bound_by == "MAC" else f"bound by the {best.bound_by}")
        said = (f"{named(best.config)} takes {best.cycles:g} cycles a sample, {bound}, with "
                f"{best.utilisation:.0%} of the multipliers' time in products of the net")
        faster = [one for one in self._too_large if one[0] < best.cycles * (1 - _EQUAL)]
        if not faster:
            return f"{said}; none of the other tori has a lower bound"
        config, used = self._nearest(faster)
        return (f"{said}; the nearest torus that might be faster, {named(config)}, needs an "
                f"estimated {excess_of(self._board, used)}")

    def _nearest(self, among: Sequence[tuple[float, TorusConfig, tuple[Usage, ...]]],
                 ) -> tuple[TorusConfig, tuple[Usage, ...]]:
        """The torus that exceeds the part by the least."""
        def excess(used: tuple[Usage, ...]) -> float:
            return max(one.used / one.available for one in used)

        _, config, used = min(among, key=lambda one: (excess(one[2]), one[0]))
        return config, used
