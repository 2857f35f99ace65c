"""A campaign: bits that flip, by jobs of a few of one kind of place, and what came of all."""

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any, cast

from golden.system.extras import needs
from golden.system.runner import Runner
from sw_driver.jobs.store import JobStore

from .bench import OUTCOMES, the_bench
from .sites import KINDS, LEVELS
from .training_bench import PREFIX, the_training_bench
from .training_sites import TRAINING_KINDS

__all__ = ["Batch", "Came", "Total", "flip_bits", "run_campaign", "totals"]

JOB_FLIPS = 100
_MOST_TOLD = 5


@dataclasses.dataclass(frozen=True)
class Batch:
    """A job: some flips of a kind of place, from the first on, of the campaign with a seed."""

    kind: str
    checks: int
    seed: int
    first: int
    count: int

    def __str__(self) -> str:
        return (f"{self.kind} {self.first} to {self.first + self.count - 1}, checks {self.checks}, "
                f"seed {self.seed}")


@dataclasses.dataclass(frozen=True)
class Came:
    """What came of a job: flips by what `sim.faults.bench.OUTCOMES` says.

    Parameters
    ----------
    masked, flagged, detected, silent, hang
        Flips.
    told
        Of the first that were silent or hung, as JSON: a list of what was flipped and when.
    """

    masked: int
    flagged: int
    detected: int
    silent: int
    hang: int
    told: str


@dataclasses.dataclass(frozen=True)
class Total:
    """What came of all flips of a kind of place; figures as in `Came`."""

    kind: str
    checks: int
    masked: int
    flagged: int
    detected: int
    silent: int
    hang: int

    @property
    def flips(self) -> int:
        """All of them."""
        return self.masked + self.flagged + self.live

    @property
    def live(self) -> int:
        """Flips after which outputs are wrong or do not come."""
        return self.detected + self.silent + self.hang

    @property
    def most_silent(self) -> float:
        """Upper end of the 95 % interval of Clopper and Pearson of the silent among the live."""
        if self.silent == self.live:
            return 1.0
        with needs("experiments"):
            from scipy import stats  # pyright: ignore[reportMissingTypeStubs]

        found = cast(Any, stats).beta.ppf(0.975, self.silent + 1, self.live - self.silent)
        return float(found)


def flip_bits(batch: Batch) -> Came:
    """Run the flips of a job, one after the other; each follows from its number alone."""
    trains = batch.kind.startswith(PREFIX)
    bench = (the_training_bench if trains else the_bench)(batch.checks)
    kind = batch.kind.removeprefix(PREFIX)
    counts: dict[str, int] = dict.fromkeys(OUTCOMES, 0)
    told: list[str] = []
    for number in range(batch.first, batch.first + batch.count):
        flip = bench.flip(kind, Random(f"{batch.kind}/{batch.seed}/{number}"))
        counts[flip.outcome] += 1
        if flip.outcome in ("silent", "hang") and len(told) < _MOST_TOLD:
            told.append(f"{flip.where}, cycle {flip.cycle}: {flip.outcome}")
    return Came(**counts, told=json.dumps(told))


def run_campaign(
    kinds: Sequence[str],
    checks: Sequence[int],
    seed: int,
    flips: int,
    store: JobStore[Batch, Came],
    runner: Runner,
    tell: Callable[[str, int, int], object] = lambda work, done, total: None,
) -> list[Total]:
    """Flip so many bits of each kind of place, but for those that a store has already.

    Parameters
    ----------
    kinds
        Of `sim.faults.sites.KINDS`, or with `PREFIX` of `TRAINING_KINDS`.
    checks
        Some of `sim.faults.sites.LEVELS`.
    seed
        Places, bits and cycles follow from it.
    flips
        Of each kind.
    store
        Gets what comes of each job.
    runner
        Does the jobs.
    tell
        Hears how many flips are done.

    Returns what came of all of them.
    """
    jobs = [Batch(kind, on, seed, first, min(JOB_FLIPS, flips - first))
            for on in checks for kind in kinds for first in range(0, flips, JOB_FLIPS)]
    done = sum(batch.count for batch in jobs if batch in store.results)
    total = sum(batch.count for batch in jobs)
    tell("flip bits", done, total)
    for batch, came in runner(flip_bits, [job for job in jobs if job not in store.results]):
        store.add(batch, came)
        done += batch.count
        tell("flip bits", done, total)
    return totals({job: store.results[job] for job in jobs})


def totals(results: Mapping[Batch, Came]) -> list[Total]:
    """Sum up what came of each kind of place, for each number of checks."""
    found: list[Total] = []
    for on in LEVELS:
        for kind in (*KINDS, *(PREFIX + kind for kind in TRAINING_KINDS)):
            rows = [came for batch, came in results.items()
                    if (batch.kind, batch.checks) == (kind, on)]
            if rows:
                found.append(Total(kind, on, *(
                    sum(getattr(came, name) for came in rows) for name in OUTCOMES)))
    return found
