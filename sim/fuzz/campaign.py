"""Campaigns: which inputs are tried next, by jobs of a few, and what came of all."""

import dataclasses
import functools
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from golden.system.runner import Runner
from sim.fuzz.catalogue import TARGETS
from sim.fuzz.isolated import ACCEPTED, CRASHED, REFUSED, outcomes
from sim.fuzz.target import Case
from sw_driver.jobs.store import JobStore

__all__ = ["Batch", "Crash", "Tried", "Total", "crashes", "fuzz", "totals", "try_batch"]

_MOST_KEPT = 5  # Crashes that a job's row says all of.
_JOBS_A_WORKER = 4


@dataclasses.dataclass(frozen=True)
class Batch:
    """A job: some inputs of a target, from the first on, of the campaign with a seed."""

    target: str
    seed: int
    first: int
    count: int

    def __str__(self) -> str:
        return f"{self.target} {self.first} to {self.first + self.count - 1}, seed {self.seed}"


@dataclasses.dataclass(frozen=True)
class Tried:
    """What came of a job.

    Parameters
    ----------
    refused, accepted, crashed
        Inputs.
    found
        Of the first crashes, as JSON: a list of [number of the input, what it was].
    peak_bytes
        That one process came to need beyond what it had before.
    seconds
        That it took.
    """

    refused: int
    accepted: int
    crashed: int
    found: str
    peak_bytes: int
    seconds: float


@dataclasses.dataclass(frozen=True)
class Total:
    """What came of a target; figures as in `Tried`."""

    target: str
    tried: int
    goal: int
    refused: int
    accepted: int
    crashed: int
    peak_bytes: int
    seconds: float


@dataclasses.dataclass(frozen=True)
class Crash:
    """An input that crashed: its number in the campaign, and what it was."""

    target: str
    seed: int
    number: int
    text: str

    def case(self) -> Case:
        """Draw it again."""
        return TARGETS[self.target].case(self.seed, self.number)


@functools.cache
def _warmed(name: str) -> None:
    import torch

    torch.set_num_threads(1)  # A fork of a process whose threads have worked would wait for them.
    TARGETS[name].warm()


def try_batch(batch: Batch) -> Tried:
    """Try the inputs of a job, in a process of their own."""
    _warmed(batch.target)
    begun_s = time.perf_counter()
    target = TARGETS[batch.target]
    cases = [target.case(batch.seed, batch.first + number) for number in range(batch.count)]
    counts, found, peak = {REFUSED: 0, ACCEPTED: 0, CRASHED: 0}, list[tuple[int, str]](), 0
    for number, outcome in enumerate(outcomes(target, cases), batch.first):
        counts[outcome.kind] += 1
        peak = max(peak, outcome.grown)
        if outcome.kind == CRASHED and len(found) < _MOST_KEPT:
            found.append((number, outcome.text))
    return Tried(counts[REFUSED], counts[ACCEPTED], counts[CRASHED], json.dumps(found), peak,
                 round(time.perf_counter() - begun_s, 3))


def fuzz(
    names: Sequence[str],
    seed: int,
    minutes: float,
    store: JobStore[Batch, Tried],
    runner: Runner,
    workers: int = 1,
    tell: Callable[[str, int, int], object] = lambda work, done, total: None,
) -> None:
    """Try inputs for so long, or until the goal of every target is reached.

    Parameters
    ----------
    names
        Of `TARGETS`.
    seed
        Inputs follow from it; those of the store are not tried again.
    minutes
        No job is begun after that.
    store
        Gets what comes of each job.
    runner
        Does the jobs.
    workers
        How many jobs are sent at a time, times a few.
    tell
        Hears how many minutes are over, in hundredths, and what was tried last.
    """
    begun_s = time.monotonic()
    total = max(round(100 * minutes), 1)
    while (over := (time.monotonic() - begun_s) / 60) < minutes:
        count = _JOBS_A_WORKER * workers if workers > 1 else 1
        jobs = _next_jobs(names, seed, store.results, count)
        if not jobs:
            return
        tell(f"fuzz: {jobs[0]}", min(round(100 * over), total - 1), total)
        for batch, tried in runner(try_batch, jobs):
            store.add(batch, tried)


def _next_jobs(
    names: Sequence[str], seed: int, results: Mapping[Batch, Tried], count: int
) -> list[Batch]:
    """Choose jobs that are not done, so that every target gets its share of the time."""
    spent, means = dict.fromkeys(names, 0.0), dict.fromkeys(names, 1.0)
    done: dict[str, set[int]] = {name: set() for name in names}
    for batch, tried in results.items():
        if batch.target in spent and batch.seed == seed:
            spent[batch.target] += tried.seconds / TARGETS[batch.target].weight
            done[batch.target].add(batch.first)
            means[batch.target] = tried.seconds
    left = {name: _left(name, seed, done[name]) for name in names}
    jobs: list[Batch] = []
    while left and len(jobs) < count:
        name = min(left, key=lambda one: spent[one])
        if (batch := next(left[name], None)) is None:
            del left[name]
            continue
        jobs.append(batch)
        spent[name] += means[name] / TARGETS[name].weight
    return jobs


def _left(name: str, seed: int, done: set[int]) -> Iterator[Batch]:
    """Yield the jobs of a target that are not done, in order."""
    size, goal = TARGETS[name].job_inputs, TARGETS[name].goal
    for first in range(0, goal, size):
        if first not in done:
            yield Batch(name, seed, first, min(size, goal - first))


def _of(names: Sequence[str], results: Mapping[Batch, Tried]) -> dict[str, list[Any]]:
    return {name: [(batch, tried) for batch, tried in results.items() if batch.target == name]
            for name in names}


def totals(names: Sequence[str], results: Mapping[Batch, Tried]) -> list[Total]:
    """Sum up what came of each target, over all seeds of a store."""
    found = []
    for name, rows in _of(names, results).items():
        tried = [one for _, one in rows]
        found.append(Total(
            name, sum(batch.count for batch, _ in rows), TARGETS[name].goal,
            sum(one.refused for one in tried), sum(one.accepted for one in tried),
            sum(one.crashed for one in tried), max((one.peak_bytes for one in tried), default=0),
            round(sum(one.seconds for one in tried), 1)))
    return found


def crashes(names: Sequence[str], results: Mapping[Batch, Tried]) -> list[Crash]:
    """List the crashes that rows say all of, one of each kind."""
    found: dict[tuple[str, str], Crash] = {}
    for name, rows in _of(names, results).items():
        for batch, tried in rows:
            for number, text in json.loads(tried.found):
                found.setdefault((name, signature(text)), Crash(name, batch.seed, number, text))
    return list(found.values())


def signature(text: str) -> str:
    """What crashes of one kind have in common: what was raised, and where."""
    return text.partition(":")[0] if " at " not in text else ":".join(text.split(":")[:2])
