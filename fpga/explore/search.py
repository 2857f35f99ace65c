"""The search as an experiment: accuracy of words, bounds of all points, exact cycles of the best.

The bounds are optimistic: no order of ops takes fewer cycles, and no torus that holds the net fewer
cells. So a point whose bounds are beaten by the exact values of another one is beaten by it. The
search works out exactly what is in the front of exact values and bounds, until all of the front is
exact: then it is the front of the whole space.
"""

import dataclasses
import functools
from collections.abc import Mapping, Sequence

import numpy as np

from golden.experiments.experiment import Experiment, Report
from golden.system.progress import Progress
from sw_driver.compiled import Compiled
from sw_driver.compiler import compile_net
from sw_driver.errors import FitError, ProgramError
from sw_driver.predict.energy import sample_energy

from ..boards import BOARDS, Board
from ..errors import BoardError
from .front import beaten_by, front
from .nets import Nets, judged, parse_layers, quantised
from .points import Point, exact_point, objectives
from .runs import WORDS, Result, Run, base_config
from .space import Candidate, Limits, candidates, cut_like, smallest_usage

__all__ = ["Asked", "Found", "Search", "compiled_run"]


@dataclasses.dataclass(frozen=True)
class Asked:
    """What is searched for.

    Parameters
    ----------
    limits
        The space.
    goal
        Among `fpga.explore.points.GOALS`: what the best points are best in.
    clock_mhz
        Clock of the torus on each board of the space, in their order.
    exact
        Most points whose exact cycles are worked out.
    loss
        Accuracy that words may lose against the float net, where there are data.
    least_rate
        Samples a second that a point must reach; 0 for any.
    """

    limits: Limits
    goal: str
    clock_mhz: tuple[float, ...]
    exact: int = 300
    loss: float = 0.01
    least_rate: float = 0.0


@dataclasses.dataclass(frozen=True)
class Found:
    """What was found for a board.

    Parameters
    ----------
    board
        Its name.
    points
        Size of the space.
    front
        All of exact cycles, those that the goal prefers first.
    others
        Points of exact cycles that are not in the front.
    undecided
        Points that may be in the front, but whose exact cycles were one too many.
    """

    board: str
    points: int
    front: tuple[Point, ...]
    others: tuple[Point, ...]
    undecided: int


class Search(Experiment[Run, Result]):
    """Searches the best torus for one of some nets; see the module.

    Parameters
    ----------
    asked
        What for.
    nets
        Where the nets come from.
    layers
        Of every net, as `fpga.explore.nets.layers_text` writes them; the first is the reference
        whose accuracy counts.
    """

    name = "explore"
    run_type = Run
    result_type = Result
    pictures = ()

    def __init__(self, asked: Asked, nets: Nets, layers: Sequence[str]) -> None:
        self.asked, self.nets, self.layers = asked, nets, tuple(layers)

    @property
    def total(self) -> int:
        """Most runs that there can be."""
        return len(self._words()) + self.asked.exact

    def rank(self, tell: Progress = lambda *_: None) -> int:
        """Bound all points of the space, which `plan` does otherwise; return how many there are.

        Raises
        ------
        BoardError
            No board holds any of the nets.
        """
        asked = self.asked
        for layers in self.layers:
            _space(asked.limits, self.nets.digest, layers, tell)
        found = sum(len(self._space(layers)) for layers in self.layers)
        if not found:
            raise BoardError(self._why_none())
        return found

    def plan(self, results: Mapping[Run, Result]) -> Sequence[Run]:
        """Return the runs of words; when they are made, those of cycles that the front asks for."""
        words = self._words()
        if any(run not in results for run in words):
            return words
        return [*words, *self._searched(results)[0]]

    def measure(self, run: Run) -> Result:
        """Work one run out."""
        if run.kind == WORDS:
            accuracy, in_float = judged(self.nets, run.layers, run.bits, run.rows, run.cols)
            return Result(accuracy=accuracy, float_accuracy=in_float)
        try:
            compiled = compiled_run(self.nets, run)
        except (FitError, ProgramError):
            return Result()
        prediction = compiled.prediction
        return Result(
            cycles=prediction.cycles, latency_cycles=compiled.predict(1),
            energy_nj=sample_energy(compiled).total_nj, utilisation=prediction.utilisation,
            bound_by=prediction.bound_by, config=compiled.config.canonical_json())

    def report(self, results: Mapping[Run, Result]) -> Report:
        """Nothing: `found` has what there is to report."""
        return Report("", {})

    def found(self, results: Mapping[Run, Result]) -> list[Found]:
        """What was found for each board, of the results of all runs of the plan."""
        return self._searched(results)[1]

    def _searched(self, results: Mapping[Run, Result]) -> tuple[list[Run], list[Found]]:
        """Replay the search as far as the results go."""
        points = [point for layers in self.layers for point in self._space(layers)]
        fronts = [_Front(self.asked, board, self._accurate(points, board.name, results))
                  for board in map(BOARDS.get, self.asked.limits.boards) if board is not None]
        planned: dict[Run, None] = {}
        while True:
            wanted = {run: None for one in fronts for run in one.unknown() if run not in planned}
            room = self.asked.exact - len(planned)
            new = list(wanted)[:room]
            planned |= dict.fromkeys(new)
            if not new or any(run not in results for run in new):
                break
            for one in fronts:
                one.learn({run: results[run] for run in new})
        return list(planned), [one.found() for one in fronts]

    def _accurate(self, points: Sequence[Candidate], board: str, results: Mapping[Run, Result]
                  ) -> list[tuple[Candidate, float | None]]:
        """The points of a board whose words keep to the loss, each with its accuracy."""
        mine = [point for point in points if point.board == board]
        if self.nets.data is None:
            return [(point, None) for point in mine]
        kept = []
        for point in mine:
            run = point.run
            found = results[self._words_run(run.layers, run.bits, run.rows, run.cols)]
            reference = results[self._words_run(self.layers[0], run.bits, run.rows, run.cols)]
            if found.accuracy >= reference.float_accuracy - self.asked.loss - 1e-9:
                kept.append((point, found.accuracy))
        return kept

    def _words(self) -> list[Run]:
        """How accurate every net is in words of every width, for every way of cutting sums."""
        if self.nets.data is None:
            return []
        limits = self.asked.limits
        sizes = [(rows, cols) for rows in range(1, limits.most_rows + 1)
                 for cols in range(1, limits.most_cols + 1)]
        return list(dict.fromkeys(
            self._words_run(layers, bits, *size)
            for layers in self.layers for bits in limits.bits for size in sizes))

    def _words_run(self, layers: str, bits: int, rows: int, cols: int) -> Run:
        limits = self.asked.limits
        size = _cut_like(layers, limits.most_rows, limits.most_cols)[rows, cols]
        return Run(WORDS, self.nets.digest, layers, bits, *size)

    def _space(self, layers: str) -> tuple[Candidate, ...]:
        return _space(self.asked.limits, self.nets.digest, layers)

    def _why_none(self) -> str:
        layers, reasons = min(self.layers, key=_weights), list[str]()
        for name in self.asked.limits.boards:
            try:
                used = smallest_usage(BOARDS[name], self.asked.limits, layers)
                over = ", ".join(f"{one.used} of {one.available} {one.name}" for one in used)
            except FitError as error:
                over = str(error)
            reasons.append(f"{name} (one element: {over})")
        return (f"board must be one that holds net {layers}, not {', nor '.join(reasons)}: narrower "
                "words (--word-bits) or fewer weights (--accuracy) take less memory")


def compiled_run(nets: Nets, run: Run) -> Compiled:
    """Compile the net of a run of cycles for its torus.

    Raises
    ------
    FitError, ProgramError
        No torus of this size holds the net.
    """
    net = quantised(nets, run.layers, run.bits, run.rows, run.cols)
    return compile_net(net, base_config(run), grow=True, order="best")


class _Front:
    """The front of a board: of exact values where they are known, else of bounds."""

    def __init__(self, asked: Asked, board: Board,
                 points: list[tuple[Candidate, float | None]]) -> None:
        self._asked, self._board = asked, board
        self._clock_mhz = asked.clock_mhz[asked.limits.boards.index(board.name)]
        self._points = points
        self._exact: dict[int, Point | None] = {}
        self._by_run = {point.run: index for index, (point, _) in enumerate(points)}
        # In rows: no order of ops, no torus that holds the net, beats these values.
        self._values = np.array(
            [self._bound(point, accuracy) for point, accuracy in points] or np.empty((0, 4)))
        self._alive = np.arange(len(points))

    def unknown(self) -> list[Run]:
        """The runs of the front that are not exact, those that the goal prefers first."""
        indices = self._alive[front(self._values[self._alive])]
        wanted = [index for index in indices if index not in self._exact]
        wanted.sort(key=lambda index: tuple(self._values[index]))
        return [self._points[index][0].run for index in wanted]

    def learn(self, results: Mapping[Run, Result]) -> None:
        """Take exact values, and drop all points that they beat."""
        learnt: list[int] = []
        for run, result in results.items():
            if (index := self._by_run.get(run)) is None:
                continue
            candidate, accuracy = self._points[index]
            point = exact_point(self._board, self._clock_mhz, candidate, result, accuracy)
            self._exact[index] = point
            if point is None or point.rate < self._asked.least_rate:
                self._values[index] = np.inf
            else:
                self._values[index] = objectives(self._asked.goal, point)
            learnt.append(index)
        exact = self._values[learnt]
        open_ = [index for index in self._alive if index not in self._exact]
        left = ~beaten_by(self._values[open_], exact[np.isfinite(exact).all(axis=1)])
        keep = {*np.array(open_, np.int64)[left].tolist(), *self._exact}
        self._alive = np.array([index for index in self._alive if int(index) in keep], np.int64)

    def found(self) -> Found:
        """What is known so far."""
        exact = [index for index, point in self._exact.items() if point is not None]
        order = sorted(exact, key=lambda index: tuple(self._values[index]))
        best = {order[place] for place in front(self._values[order])} if order else set()
        points = [(index, self._exact[index]) for index in order]
        return Found(
            self._board.name, len(self._points),
            tuple(point for index, point in points if point is not None and index in best),
            tuple(point for index, point in points if point is not None and index not in best),
            len(self.unknown()))

    def _bound(self, candidate: Candidate, accuracy: float | None) -> Sequence[float]:
        """The values of a point that is as good as its bounds; infinite if it is too slow then."""
        result = Result(cycles=candidate.cycles, latency_cycles=candidate.cycles,
                        energy_nj=candidate.energy_nj)
        point = Point.of(self._board, self._clock_mhz, candidate, result, accuracy,
                         candidate.usage, None)
        values = objectives(self._asked.goal, point)
        return values if point.rate >= self._asked.least_rate else [np.inf] * len(values)


def _weights(layers: str) -> int:
    return sum(shape.parameters for shape in parse_layers(layers))


@functools.lru_cache(maxsize=64)
def _cut_like(layers: str, most_rows: int, most_cols: int
              ) -> Mapping[tuple[int, int], tuple[int, int]]:
    return cut_like(parse_layers(layers), [(rows, cols) for rows in range(1, most_rows + 1)
                                           for cols in range(1, most_cols + 1)])


_SPACES: dict[tuple[Limits, str, str], tuple[Candidate, ...]] = {}


def _space(limits: Limits, net: str, layers: str,
           tell: Progress = lambda *_: None) -> tuple[Candidate, ...]:
    """All points of a net; a space is gone through once."""
    key = limits, net, layers
    if key not in _SPACES:
        _SPACES[key] = tuple(candidates(limits, net, layers, tell))
    return _SPACES[key]
