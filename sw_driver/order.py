"""In which order the stages of successive samples follow each other: software pipelines.

The steady state repeats one permutation of the stages for ever. Wherever stage k + 1 comes before
stage k in it, it works on the sample before. Every permutation is legal: the words that a stage
makes are read before the same stage makes the next ones, so one region per word is enough.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence

__all__ = ["Order", "best_order", "delays", "instances", "program_order"]

Order = tuple[int, ...]
_EXHAUSTIVE_STAGES = 6  # (6 - 1)! = 120 orders.
_MOST_TRIALS = 250
_MOST_WORK = 8000  # Trials times repetitions a sample: a second or two.


def program_order(stages: int) -> Order:
    """Sample after sample: the stages as they are."""
    return tuple(range(stages))


def delays(order: Order) -> list[int]:
    """How many turns of the pipeline after its first stage each stage works on a sample."""
    position = {stage: index for index, stage in enumerate(order)}
    delay = [0]
    for stage in range(1, len(order)):
        delay.append(delay[-1] + (position[stage] < position[stage - 1]))
    return delay


def instances(order: Order, samples: int) -> Iterator[tuple[int, int]]:
    """Every (stage, sample) of a run, in the common order that all queues follow."""
    delay = delays(order)
    for turn in range(samples + max(delay)):
        for stage in order:
            if 0 <= turn - delay[stage] < samples:
                yield stage, turn - delay[stage]


def best_order(
    stages: int,
    cost: Callable[[Order], float | None],
    bound: float = 0.0,
    reps: int = 0,
) -> Order:
    """Search for the order of least cost.

    All orders are tried when they are few; else the search starts from the best of some regular
    ones, and moves one stage at a time as long as that helps. It is deterministic and tries at most
    some hundred orders.

    Parameters
    ----------
    stages
        How many there are.
    cost
        Of an order; None if it cannot be used.
    bound
        A cost that no order can beat: once it is reached, the search among many is over.
    reps
        Repetitions of all stages a sample: the more, the longer a cost takes, so the fewer are
        tried.
    """
    known: dict[Order, tuple[float, int]] = {}

    def tried(order: Order) -> tuple[float, int]:
        """Cost, and of equal ones the depth of the pipeline, of the shallowest rotation."""
        order = _shallowest(order)
        if order not in known:
            found = cost(order)
            known[order] = (float("inf") if found is None else found, max(delays(order)))
        return known[order]

    if stages <= _EXHAUSTIVE_STAGES:
        for rest in itertools.permutations(range(1, stages)):
            tried((0, *rest))
    else:
        trials = min(_MOST_TRIALS, _MOST_WORK // max(reps, 1))
        _descend(min(_regular_orders(stages), key=tried), tried, bound, trials)
    return min(known, key=lambda order: (*known[order], order))


def _shallowest(order: Order) -> Order:
    """Of the rotations of an order, which have the same steady state, the shallowest pipeline."""
    turns = [order[index:] + order[:index] for index in range(len(order))]
    return min(turns, key=lambda turn: (max(delays(turn)), turn))


def _regular_orders(stages: int) -> Iterator[Order]:
    """Samples interleaved 1, 2, 3, ... stages apart: later stages first within each turn."""
    plain = tuple(range(stages))
    yield plain
    for depth in range(2, stages):
        # Stage k of one sample beside stage k + gap of the one before.
        gap = -(-stages // depth)
        columns = [plain[start::gap] for start in range(gap)]
        yield tuple(stage for column in columns for stage in reversed(column))


def _descend(
    best: Order, tried: Callable[[Order], tuple[float, int]], bound: float, trials: int
) -> None:
    """Take the first move of one stage that helps, until none does or the trials are used up."""
    improved = True
    while improved:
        improved = False
        for order in _moves(best):
            if trials <= 0 or tried(best)[0] <= bound:
                return
            trials -= 1
            if tried(order) < tried(best):
                best, improved = order, True
                break


def _moves(order: Sequence[int]) -> Iterator[Order]:
    """All orders in which one stage has gone elsewhere."""
    for source, target in itertools.permutations(range(len(order)), 2):
        rest = [*order[:source], *order[source + 1 :]]
        yield (*rest[:target], order[source], *rest[target:])
