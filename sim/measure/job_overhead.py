"""What the engine of jobs costs: `python -m sim.measure.job_overhead`, some 5 minutes on 2 cores.

Jobs that keep a core busy for 10 ms, and for 1 s, are done by two workers of the engine, and by two
bare processes that share them evenly, in turns. A sweep that compares random nets on the RTL with
the golden model is done by one worker and by two. For docs/benchmarks.md; nothing else may run.
"""

if __name__ == "__main__":
    from golden.system.stopping import begin

    begin("sim.measure.job_overhead")  # Before anything slow is imported.

import argparse
import dataclasses
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier

from golden.system.ending import run_program
from golden.system.runner import Runner, in_turn
from sim.measure.markdown import table_lines
from sw_driver.jobs.engine import runner
from sw_driver.system.arguments import LineParser, whole_number

__all__ = ["Busy", "busy", "main", "measured"]

_WORKERS = 2
_SHORT_S, _LONG_S = 0.01, 1.0
_SWEEP_SEED, _SWEEP_JOBS, _SWEEP_NETS = 1, 8, 25
_COLUMNS = ("what", "two bare processes, s", "engine, s", "ratio")
_SWEEP_COLUMNS = ("what", "one worker, s", "two workers, s", "ratio")


@dataclasses.dataclass(frozen=True)
class Busy:
    """A job that keeps a core busy for `seconds` of the processor; jobs differ in their number."""

    number: int
    seconds: float


def busy(job: Busy) -> int:
    """Be busy, and return the number."""
    end_s = time.process_time() + job.seconds
    while time.process_time() < end_s:
        pass
    return job.number


def _bare(jobs: Sequence[Busy]) -> float:
    """Seconds that two processes take for the jobs, half of them each, once both have begun."""
    context = get_context("spawn")
    ready = context.Barrier(_WORKERS + 1)
    parts = [context.Process(target=_be_busy, args=(jobs[part::_WORKERS], ready))
             for part in range(_WORKERS)]
    for part in parts:
        part.start()
    ready.wait()
    begun_s = time.perf_counter()
    for part in parts:
        part.join()
    return time.perf_counter() - begun_s


def _be_busy(jobs: Sequence[Busy], ready: Barrier) -> None:
    ready.wait()
    for job in jobs:
        busy(job)


def _swept(run: Runner, function: Callable[..., object], jobs: Sequence[object]) -> float:
    begun_s = time.perf_counter()
    done = sum(1 for _ in run(function, jobs))
    assert done == len(jobs), "the engine gives a row of each job"
    return time.perf_counter() - begun_s


def measured(count: int, seconds: float, repeats: int, run: Runner) -> tuple[float, float]:
    """Seconds of so many jobs in bare processes and in the engine: the medians of some turns."""
    found: list[tuple[float, float]] = []
    for turn in range(repeats):
        jobs = [Busy(turn * count + number, seconds) for number in range(count)]
        found.append((_bare(jobs), _swept(run, busy, jobs)))
    return (statistics.median(one for one, _ in found),
            statistics.median(other for _, other in found))


def _sweep(repeats: int, run: Runner) -> tuple[float, float]:
    """Seconds of the equality sweep with one worker and with two; models are built before."""
    from sim.fuzz.campaign import Batch, try_batch
    from sim.fuzz.rtl import NETS

    jobs = [Batch("rtl", _SWEEP_SEED, number * NETS, _SWEEP_NETS) for number in range(_SWEEP_JOBS)]
    _swept(run, try_batch, jobs)
    found = [(_swept(in_turn, try_batch, jobs), _swept(run, try_batch, jobs))
             for _ in range(repeats)]
    return (statistics.median(one for one, _ in found),
            statistics.median(other for _, other in found))


def main(arguments: Sequence[str] | None = None) -> int:
    """Print both tables."""
    parser = LineParser(prog="python -m sim.measure.job_overhead", description=__doc__,
                        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", metavar="N", default="3",
                        help="measure so often, and take the medians [default: 3]")
    repeats = whole_number("--repeats", parser.parse_args(arguments).repeats, 1, 100)
    rows: list[list[str]] = []
    with runner(_WORKERS, None, lambda text: print(text, file=sys.stderr, flush=True)) as run:
        _swept(run, busy, [Busy(number, _SHORT_S) for number in range(100)])  # It starts.
        for count, seconds in ((1000, _SHORT_S), (40, _LONG_S)):
            print(f"jobs of {seconds:g} s", file=sys.stderr, flush=True)
            bare, engine = measured(count, seconds, repeats, run)
            rows.append([f"{count:,} jobs of {1000 * seconds:g} ms", f"{bare:.2f}",
                         f"{engine:.2f}", f"{engine / bare:.3f}"])
        print("equality sweep", file=sys.stderr, flush=True)
        one, two = _sweep(repeats, run)
    print("\n".join(table_lines(_COLUMNS, rows)))
    nets = _SWEEP_JOBS * _SWEEP_NETS
    print("\n".join(["", *table_lines(_SWEEP_COLUMNS, [
        [f"{nets} nets on {_SWEEP_JOBS} tori against the golden model", f"{one:.1f}", f"{two:.1f}",
         f"{one / two:.2f}"]])]), flush=True)
    return 0


if __name__ == "__main__":
    run_program("sim.measure.job_overhead", main)
