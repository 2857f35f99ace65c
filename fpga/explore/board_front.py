"""The front of one board while it is searched: bounds give way to exact values."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from ..boards import Board
from .front import beaten_by, front
from .points import Point, exact_point, objectives
from .runs import Result, Run
from .space import Candidate, Limits

__all__ = ["Asked", "BoardFront", "Found"]


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


class BoardFront:
    """The front of a board: of exact values where they are known, else of bounds.

    Parameters
    ----------
    asked
        What is searched for.
    board
        The board.
    points
        All points of the board, each with the accuracy of its words; None without data.
    """

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
