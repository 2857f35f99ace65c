"""A point of the space: a torus for a board, with what it gives and what it costs."""

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from hw.config import TorusConfig

from ..boards import Board
from ..capacity import Usage, board_estimate, fits
from ..resources import model_errors
from .runs import Result, Run
from .space import Candidate

__all__ = ["GOALS", "Point", "exact_point", "objectives"]


@dataclasses.dataclass(frozen=True)
class Point:
    """A torus for a board.

    Parameters
    ----------
    board
        Name of the board.
    run
        The torus and its net.
    clock_mhz
        Clock of the torus.
    cycles, latency_cycles, energy_nj, utilisation, bound_by
        As of `fpga.explore.runs.Result`.
    bound_cycles
        That the busiest part of the torus needs by itself.
    usage
        Cells of the board, by the resource model.
    lut_error
        How far the LUTs of a torus that the model has not seen are off at most, relative.
    accuracy
        Of the net in its words; None without data.
    config
        The torus; None of a point that is not compiled.
    """

    board: str
    run: Run
    clock_mhz: float
    cycles: float
    latency_cycles: int
    energy_nj: float
    utilisation: float
    bound_by: str
    bound_cycles: int
    usage: tuple[Usage, ...]
    lut_error: float
    accuracy: float | None
    config: TorusConfig | None

    @classmethod
    def of(cls, board: Board, clock_mhz: float, candidate: Candidate, result: Result,
           accuracy: float | None, usage: tuple[Usage, ...], config: TorusConfig | None
           ) -> "Point":
        """Put together what is known of a point."""
        return cls(board.name, candidate.run, clock_mhz, result.cycles, result.latency_cycles,
                   result.energy_nj, result.utilisation, result.bound_by, candidate.cycles, usage,
                   model_errors(board.family).largest, accuracy, config)

    @property
    def rate(self) -> float:
        """Samples a second, if the host keeps up."""
        return 1e6 * self.clock_mhz / self.cycles

    @property
    def latency_us(self) -> float:
        """From the first beat of a run of one sample to its last one, in microseconds."""
        return self.latency_cycles / self.clock_mhz

    def used(self, name: str) -> int:
        """Cells of a kind: "LUT", "FF", "DSP" or "BRAM"."""
        return next(one.used for one in self.usage if one.name == name)

    def as_dict(self) -> dict[str, Any]:
        """What JSON and CSV can write: a row."""
        run = self.run
        return {
            "board": self.board, "layers": run.layers, "torus": f"{run.rows}x{run.cols}",
            "lanes_in": run.lanes_in, "lanes_out": run.lanes_out, "link_words": run.link_words,
            "word_bits": run.bits, "host_bits": run.host_bits, "clock_mhz": self.clock_mhz,
            "samples_per_s": round(self.rate, 1), "cycles": self.cycles,
            "bound_cycles": self.bound_cycles, "bound_by": self.bound_by,
            "utilisation": round(self.utilisation, 4), "latency_cycles": self.latency_cycles,
            "latency_us": round(self.latency_us, 3), "energy_nj": round(self.energy_nj, 3),
            "LUT": self.used("LUT"), "LUT_error": round(self.lut_error, 4),
            "FF": self.used("FF"), "DSP": self.used("DSP"), "BRAM": self.used("BRAM"),
            "accuracy": self.accuracy,
            "hardware_id": None if self.config is None else f"{self.config.hardware_id:016x}",
        }


def exact_point(board: Board, clock_mhz: float, candidate: Candidate, result: Result,
                accuracy: float | None) -> Point | None:
    """Return the point of an exact result; None if its torus does not fit the board."""
    if not result.cycles:
        return None
    config = TorusConfig.from_dict(json.loads(result.config))
    usage = board_estimate(board, config)
    if not fits(board, usage):
        return None
    return Point.of(board, clock_mhz, candidate, result, accuracy, usage, config)


GOALS: Mapping[str, Callable[[Point], float]] = MappingProxyType({
    "samples/s": lambda point: -point.rate,
    "latency": lambda point: point.latency_us,
    "energy": lambda point: point.energy_nj,
    "LUT": lambda point: point.used("LUT"),
})
"""What a point can be best in: less is better."""


def objectives(goal: str, point: Point) -> Sequence[float]:
    """What the front weighs against each other, less is better: the goal first.

    They are samples a second, LUTs, block RAMs and accuracy; latency or energy takes the place of
    samples a second where it is the goal.
    """
    costs = [float(point.used("LUT")), float(point.used("BRAM")),
             0.0 if point.accuracy is None else -point.accuracy]
    if goal == "LUT":
        return [costs[0], -point.rate, *costs[1:]]
    return [GOALS[goal](point), *costs]
