"""Time of an epoch against batch size, beside the roofline and the torus: ClosNets, fig 1 (C8)."""

import dataclasses
import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import nn

from golden import ClosLinear, ClosNet, ClosShape, TrainingWidths, propose_format
from golden.analysis.cost import EpochCost, epoch_cost
from golden.experiments.experiment import Experiment, Report, Settings
from golden.experiments.judgement import Interval, mean_of
from golden.experiments.pictures import Point, curves_png
from golden.experiments.wording import HOLDS, spread, table
from golden.training.losses import mean_squared_error
from golden.training.trainer import one_thread
from sw_driver.compiler import compile
from sw_driver.predict.training_cycles import predict_training_steady

__all__ = ["MemoryWall", "MemoryWallResult", "MemoryWallRun"]

_BANDWIDTH, _PEAK, _DENSE, _CLOS, _TORUS = "bandwidth", "peak", "dense", "Clos", "torus"
_REDUCTION = 5.5
_SAMPLES = 50_000
"""Training samples of CIFAR-10, with which the paper counts an epoch."""
_STREAMED = 1 << 26
_SQUARE = 1024
_BYTES_PER_WEIGHT = 20
"""Forward and update read each weight, update writes it, and its gradient is written and read."""
_USES_PER_WEIGHT = 2.0
"""Products of a weight for a sample at least: forward, and for its gradient."""
_TRIES = 3
_STEEP, _FLAT = 0.75, 0.25


@dataclasses.dataclass(frozen=True)
class MemoryWallRun:
    """What is timed.

    Parameters
    ----------
    kind
        "bandwidth" or "peak" of this machine, a training step of a "dense" or a "Clos" layer, or
        one of a Clos layer on a "torus".
    width
        Inputs and outputs of the layer; 0 for a machine.
    batch
        Samples of a step; 1 on a torus.
    torus, clock_mhz
        Its size, and the clock that its cycles are counted with; "" and 0 elsewhere.
    repeat
        Number of the measurement.
    """

    kind: str
    width: int
    batch: int
    torus: str
    clock_mhz: float
    repeat: int

    def __str__(self) -> str:
        """Write what tells runs apart."""
        return f"{self.kind} {self.torus}, batch {self.batch}, #{self.repeat}"


@dataclasses.dataclass(frozen=True)
class MemoryWallResult:
    """What came of a run.

    Parameters
    ----------
    seconds
        Processor time of one thread, the least of three; on a torus, cycles at the clock.
    work
        Bytes that were read, multiply-adds, or weights of the layer.
    """

    seconds: float
    work: int


class MemoryWall(Experiment[MemoryWallRun, MemoryWallResult]):
    """Whether small batches wait for memory (C8).

    A training step of a layer of 2048 x 2048, dense or Clos with 5.5 times fewer weights, is timed
    with growing batches, beside the roofline of this machine's bandwidth and peak, and beside a
    torus that trains, whose cycles the cycle model counts. No dataset is read. Times differ from
    run to run, and are those of one thread, so that other work disturbs them little.
    """

    name = "memory-wall"
    run_type = MemoryWallRun
    result_type = MemoryWallResult
    pictures = ("memory-wall.png",)

    def __init__(self, settings: Settings) -> None:
        """Quick: a layer of 256 x 256, three batches and one repeat."""
        quick = settings.quick
        self.repeats = settings.seeds or (1 if quick else 5)
        self._width, self._torus = (256, "4x4") if quick else (2048, "16x16")
        self._batches = (1, 4, 64) if quick else (1, 4, 16, 64, 256, 512)
        self._clock_mhz = 100.0

    @property
    def total(self) -> int:
        """Number of runs."""
        return len(self.plan({}))

    def plan(
        self, results: Mapping[MemoryWallRun, MemoryWallResult]
    ) -> Sequence[MemoryWallRun]:
        """Return all runs; a torus, whose cycles are exact, comes once."""
        machine = [MemoryWallRun(kind, 0, 0, "", 0.0, repeat)
                   for kind in (_BANDWIDTH, _PEAK) for repeat in range(self.repeats)]  # fmt: skip
        steps = [MemoryWallRun(kind, self._width, batch, "", 0.0, repeat)
                 for kind in (_DENSE, _CLOS) for batch in self._batches
                 for repeat in range(self.repeats)]  # fmt: skip
        return [*machine, *steps,
                MemoryWallRun(_TORUS, self._width, 1, self._torus, self._clock_mhz, 0)]  # fmt: skip

    def measure(self, run: MemoryWallRun) -> MemoryWallResult:
        """Time a step, or count its cycles."""
        if run.kind == _TORUS:
            return _torus_step(run)
        with one_thread():
            step, work = _work(run)
            step()
            return MemoryWallResult(min(_thread_seconds(step) for _ in range(_TRIES)), work)

    def report(self, results: Mapping[MemoryWallRun, MemoryWallResult]) -> Report:
        """Say where the time falls as 1 / batch and where it is flat, and how the torus stands."""
        found = _Found(results)
        panel = {kind: [spread(batch, found.epochs[kind, batch], 1.0) for batch in found.batches]
                 for kind in (_DENSE, _CLOS)}  # fmt: skip
        panel |= {f"{kind}, roofline": [
            Point(batch, seconds, seconds, seconds) for batch in found.batches
            for seconds in [found.roofline(kind, batch).seconds]] for kind in (_DENSE, _CLOS)}
        panel["Clos on a torus"] = [Point(batch, *[found.torus] * 3) for batch in found.batches]
        picture = curves_png(
            {f"an epoch of {_SAMPLES} samples": panel}, "samples of a step", "seconds",
            f"each point: mean of {self.repeats} measurements, with the least and the most",
            scales="log-log")
        return Report(f"{_paragraph(found)}\n\n{_table(found)}\n", {self.pictures[0]: picture})


class _Found:
    """Results in the form that a report asks for; times are those of epochs."""

    def __init__(self, results: Mapping[MemoryWallRun, MemoryWallResult]) -> None:
        self.epochs: dict[tuple[str, int], list[float]] = {}
        self.weights: dict[str, int] = {}
        rates: dict[str, list[float]] = {}
        for run, result in results.items():
            if run.kind == _TORUS:
                self.torus, self.torus_run = result.seconds * _SAMPLES, run
            elif run.width:
                self.weights[run.kind] = result.work
                self.epochs.setdefault((run.kind, run.batch), []).append(
                    result.seconds * math.ceil(_SAMPLES / run.batch))
            else:
                rates.setdefault(run.kind, []).append(result.work / result.seconds)
        self.bandwidth, self.peak = max(rates[_BANDWIDTH]), max(rates[_PEAK])
        self.batches = sorted({batch for _, batch in self.epochs})

    def roofline(self, kind: str, batch: int) -> EpochCost:
        """The least time of an epoch on this machine."""
        return epoch_cost(
            self.weights[kind], _SAMPLES, batch, bytes_per_second=self.bandwidth,
            operations_per_second=self.peak, bytes_per_weight=_BYTES_PER_WEIGHT,
            uses_per_weight=_USES_PER_WEIGHT)

    def slope(self, kind: str, first: int, second: int) -> Interval:
        """By which power of the batch the time falls between two batches."""
        scale = math.log(second / first)
        return mean_of([
            math.log(before / after) / scale for before, after in zip(
                self.epochs[kind, first], self.epochs[kind, second], strict=True)])


def _work(run: MemoryWallRun) -> tuple[Callable[[], object], int]:
    """What is timed, and how much it is."""
    if run.kind == _BANDWIDTH:
        streamed = torch.ones(_STREAMED)
        return streamed.sum, streamed.numel() * streamed.element_size()
    if run.kind == _PEAK:
        square = torch.ones(_SQUARE, _SQUARE)
        return (lambda: square @ square), _SQUARE**3
    width = run.width
    layer = (nn.Linear(width, width, bias=False) if run.kind == _DENSE
             else ClosLinear.of_shape(_shape(width), bias=False))  # fmt: skip
    optimiser = torch.optim.SGD(layer.parameters(), lr=1e-3)
    x, target = torch.ones(run.batch, width), torch.zeros(run.batch, width)

    def step() -> None:
        optimiser.zero_grad()
        nn.functional.mse_loss(layer(x), target).backward()  # pyright: ignore[reportUnknownMemberType]
        optimiser.step()  # pyright: ignore[reportUnknownMemberType]

    return step, sum(one.numel() for one in layer.parameters())


def _shape(width: int) -> ClosShape:
    return ClosShape.from_budget(width, width, reduction=_REDUCTION)


def _thread_seconds(step: Callable[[], object]) -> float:
    begun = time.thread_time()
    step()
    return time.thread_time() - begun


def _torus_step(run: MemoryWallRun) -> MemoryWallResult:
    """Count the cycles of a sample, in the steady state of a torus that trains on each."""
    shape = _shape(run.width)
    generator = torch.Generator().manual_seed(0)
    net = ClosNet([shape], generator=generator)
    x, targets = (torch.rand((8, run.width), generator=generator) for _ in range(2))
    form = propose_format(
        net, x, targets, mean_squared_error, 0.01, widths=TrainingWidths(velocity_bits=0))
    found = predict_training_steady(compile(form, run.torus))
    return MemoryWallResult(found.cycles / (run.clock_mhz * 1e6), shape.parameters)


def _paragraph(found: _Found) -> str:
    first, last = found.batches[:2], found.batches[-2:]
    steep, flat = found.slope(_DENSE, *first), found.slope(_DENSE, *last)
    falls = steep.verdict(_STEEP)
    level = {"yes": "no", "no": "yes", "undecided": "undecided"}[flat.verdict(_FLAT)]
    bound = [batch for batch in found.batches if found.roofline(_DENSE, batch).memory_bound]
    ratios = [statistics.mean(found.epochs[_DENSE, batch]) /
              statistics.mean(found.epochs[_CLOS, batch])
              for batch in (found.batches[0], found.batches[-1])]  # fmt: skip
    beside = [statistics.mean(found.epochs[_CLOS, batch]) / found.torus
              for batch in (found.batches[0], found.batches[-1])]  # fmt: skip
    run = found.torus_run
    return (
        f"**{run.width} x {run.width}, one thread** (reads {found.bandwidth / 1e9:.1f} GB/s, "
        f"{found.peak / 1e9:.1f} G multiply-adds a second): from {first[0]} to {first[1]} samples "
        f"a step, the time of a dense epoch falls with the power {steep} of the batch; that it "
        f"falls about as 1 / batch there (C8; power above {_STEEP:g}) {HOLDS[falls]}. From "
        f"{last[0]} to {last[1]} samples the power is {flat}; that it is flat for large batches "
        f"(C8; power below {_FLAT:g}) {HOLDS[level]}. By the roofline an epoch is bound by memory "
        f"up to {max(bound, default=0)} samples a step. Clos with "
        f"{found.weights[_DENSE] / found.weights[_CLOS]:.1f} times fewer weights takes "
        f"{ratios[0]:.1f} times less time with {found.batches[0]} sample a step and "
        f"{ratios[1]:.1f} times less with {found.batches[-1]}. A torus of {run.torus} at "
        f"{run.clock_mhz:g} MHz, which updates its weights after every sample, takes "
        f"{found.torus:.1f} s for the Clos epoch: one thread takes {beside[0]:.2f} times as long "
        f"with {found.batches[0]} sample a step, and {beside[1]:.2f} times with "
        f"{found.batches[-1]}."
    )


def _table(found: _Found) -> str:
    header = ("samples of a step", "dense, s", "dense, roofline, s", "Clos, s",
              "Clos, roofline, s", "Clos on a torus, s")  # fmt: skip
    return table(header, [
        (batch, *(f"{value:.3g}" for kind in (_DENSE, _CLOS) for value in (
            statistics.mean(found.epochs[kind, batch]), found.roofline(kind, batch).seconds)),
         f"{found.torus:.3g}") for batch in found.batches], texts=0)
