"""The search as an experiment: accuracy of words, bounds of all points, exact cycles of the best.

The bounds are optimistic: no order of ops takes fewer cycles, and no torus that holds the net fewer
cells. So a point whose bounds are beaten by the exact values of another one is beaten by it. The
search works out exactly what is in the front of exact values and bounds, until all of the front is
exact: then it is the front of the whole space.
"""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

from golden.experiments.experiment import Experiment, Report
from golden.system.progress import Progress
from sw_driver.compiled import Compiled
from sw_driver.compiler import compile_net
from sw_driver.errors import FitError, ProgramError
from sw_driver.predict.energy import sample_energy

from ..boards import BOARDS
from ..errors import BoardError
from .board_front import Asked, BoardFront, Found
from .nets import Nets, judged, parse_layers, quantised
from .runs import WORDS, Result, Run, base_config
from .space import Candidate, candidates, cut_like, smallest_usage

__all__ = ["Search", "compiled_run"]


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
        self._spaces: dict[str, tuple[Candidate, ...]] = {}

    def __getstate__(self) -> dict[str, Any]:
        """What goes to other processes: no space, which `measure` does without."""
        return {**self.__dict__, "_spaces": {}}

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
        found = sum(len(self._space(layers, tell)) for layers in self.layers)
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
        fronts = [BoardFront(self.asked, BOARDS[name], self._accurate(points, name, results))
                  for name in self.asked.limits.boards]
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

    def _space(self, layers: str, tell: Progress = lambda *_: None) -> tuple[Candidate, ...]:
        """All points of a net; a space is gone through once."""
        if layers not in self._spaces:
            self._spaces[layers] = tuple(
                candidates(self.asked.limits, self.nets.digest, layers, tell))
        return self._spaces[layers]

    def _why_none(self) -> str:
        layers, reasons = min(self.layers, key=_weights), list[str]()
        for name in self.asked.limits.boards:
            try:
                used = smallest_usage(BOARDS[name], self.asked.limits, layers)
                over = ", ".join(f"{one.used} of {one.available} {one.name}" for one in used)
            except FitError as error:
                over = str(error)
            reasons.append(f"{name} (one element: {over})")
        return (f"board must be one that holds net {layers}, not {', nor '.join(reasons)}: "
                "narrower words (--word-bits) or fewer weights (--accuracy) take less memory")


def compiled_run(nets: Nets, run: Run) -> Compiled:
    """Compile the net of a run of cycles for its torus.

    Raises
    ------
    FitError, ProgramError
        No torus of this size holds the net.
    """
    net = quantised(nets, run.layers, run.bits, run.rows, run.cols)
    return compile_net(net, base_config(run), grow=True, order="best")


def _weights(layers: str) -> int:
    return sum(shape.parameters for shape in parse_layers(layers))


@functools.lru_cache(maxsize=64)
def _cut_like(layers: str, most_rows: int, most_cols: int
              ) -> Mapping[tuple[int, int], tuple[int, int]]:
    return cut_like(parse_layers(layers), [(rows, cols) for rows in range(1, most_rows + 1)
                                           for cols in range(1, most_cols + 1)])
