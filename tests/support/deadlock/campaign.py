"""The campaign of broken programs: jobs of some programs each, and what came of all."""

import dataclasses
import itertools
import json
import time
from collections import Counter
from random import Random

from tests.support.deadlock import rtl
from tests.support.deadlock.breaks import broken
from tests.support.deadlock.cases import CASES, sound
from tests.support.deadlock.untimed import ENDED, run_untimed
from tests.support.deadlock.verdicts import ACCEPTED, UNPACKED, WAITS, verdict

__all__ = ["Batch", "Came", "SEVERAL", "batches", "campaign", "outcomes", "try_batch", "wrong"]

_UNTIMED_PROGRAMS, _RTL_PROGRAMS = 100, 200
_UNTIMED, _RTL = "untimed", "RTL"
SEVERAL = "two or three of these"


@dataclasses.dataclass(frozen=True)
class Batch:
    """A job: programs of one sound program, broken with the numbers from the first on.

    `where` is "untimed", where all of them are run, or "RTL", where those that are accepted are.
    """

    where: str
    case: int
    first: int
    count: int


@dataclasses.dataclass(frozen=True)
class Came:
    """What came of a job.

    Parameters
    ----------
    outcomes
        JSON: a list of [kind of break, verdict, what became of it, how many].
    wrong
        JSON: numbers of the programs that passed the check of waits and did not end.
    seconds
        That it took.
    """

    outcomes: str
    wrong: str
    seconds: float


def program_of(case, number):
    """Break a sound program again: the sound one, and what was made of it."""
    one = sound(case)
    return one, broken(one, Random(f"{case}/{number}"))


def try_batch(batch):
    """Try the programs of a job."""
    begun_s = time.perf_counter()
    found, bad = Counter(), []
    for number in range(batch.first, batch.first + batch.count):
        one, made = program_of(batch.case, number)
        said, program = verdict(one, made)
        if said == UNPACKED or batch.where == _RTL and said != ACCEPTED:
            became = "not run"
        elif batch.where == _RTL:
            became = rtl.run_rtl(one.config, program, made.host, number)
        else:
            became = run_untimed(one.config, made.queues, made.host, number)
        kind = made.kinds[0] if len(made.kinds) == 1 else SEVERAL
        found[kind, said, became] += 1
        if said == ACCEPTED and became != ENDED or said not in (WAITS, UNPACKED) and (
                became.startswith("locks")):
            bad.append(number)
    rows = [[*key, count] for key, count in sorted(found.items())]
    return Came(json.dumps(rows), json.dumps(bad), round(time.perf_counter() - begun_s, 3))


def batches(where):
    """Go through the jobs without end: each round takes some programs of every case."""
    cases, count = (range(CASES), _UNTIMED_PROGRAMS) if where == _UNTIMED else (
        rtl.CASES, _RTL_PROGRAMS)
    for turn in itertools.count():
        for case in cases:
            yield Batch(where, case, turn * count, count)


def campaign(where, goal, minutes, store, runner, workers=1, tell=lambda work, done, total: None):
    """Go on until so many programs were tried (RTL: run), or so many minutes are over."""
    begun_s = time.monotonic()
    jobs = (job for job in batches(where) if job not in store.results)
    while (done := tried(where, store.results)) < goal:
        over = (time.monotonic() - begun_s) / 60
        if over >= minutes:
            return
        tell(f"{where}: broken programs", done, goal)
        for job, came in runner(try_batch, list(itertools.islice(jobs, 2 * workers))):
            store.add(job, came)


def tried(where, results):
    """Count the programs tried; on the RTL those that were run."""
    return sum(count for (_, _, became), count in outcomes(where, results).items()
               if where == _UNTIMED or became != "not run")


def outcomes(where, results):
    """Sum up: (kind of break, verdict, what became of it) -> how many."""
    found = Counter()
    for batch, came in results.items():
        if batch.where == where:
            for *key, count in json.loads(came.outcomes):
                found[tuple(key)] += count
    return found


def wrong(results):
    """List (where, case, number) of all programs that show the check to be wrong."""
    return [(batch.where, batch.case, number) for batch, came in results.items()
            for number in json.loads(came.wrong)]
