"""Orders in which the stages of successive samples follow each other: software pipelines.

The steady state repeats one permutation of the stages for ever. If stage k + 1 comes before stage k
in it, stage k + 1 works on the sample before. Every permutation is legal: the words that a stage
makes are read before the same stage makes the next ones, so one region per word is enough.

A stage may also start an extra turn later, and so work on one sample further back. The words that
it reads then need a second region, since those of the next sample come before it has read them.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence

__all__ = [
    "ExtraTurns",
    "Order",
    "best_extra_turns",
    "best_order",
    "delays",
    "instances",
    "no_extra_turns",
    "program_order",
]

Order = tuple[int, ...]
ExtraTurns = tuple[int, ...]
"""For each stage, the turns, 0 or 1, that it starts later than its place in the order asks for."""

# Within this part of the bound, an order is as good as any: the search is over.
_GOOD_ENOUGH = 1 / 500
_LEAST_TRIALS = 3


def program_order(stages: int) -> Order:
    """Return the order in which a sample passes all stages before the next one comes."""
    return tuple(range(stages))


def no_extra_turns(stages: int) -> ExtraTurns:
    """Return the extra turns of a pipeline in which one region per word is enough."""
    return (0,) * stages


def delays(order: Order, extra: ExtraTurns = ()) -> list[int]:
    """Return, for each stage, how many turns after the first stage it works on the same sample."""
    position = {stage: index for index, stage in enumerate(order)}
    delay = [0]
    for stage in range(1, len(order)):
        later = extra[stage] if extra else 0
        delay.append(delay[-1] + (position[stage] < position[stage - 1]) + later)
    return delay


def instances(order: Order, samples: int, extra: ExtraTurns = ()) -> Iterator[tuple[int, int]]:
    """Go through every (stage, sample) of a run, in the common order that all queues follow."""
    delay = delays(order, extra)
    for turn in range(samples + max(delay)):
        for stage in order:
            if 0 <= turn - delay[stage] < samples:
                yield stage, turn - delay[stage]


def best_order(
    stages: int,
    cost: Callable[[Order], float | None],
    bound: float = 0.0,
    go_on: Callable[[], bool] = lambda: True,
) -> Order:
    """Search for the order of least cost.

    The search starts from the best of some regular orders, and moves one stage at a time as long as
    that helps. It ends early when the cost of an order is within 0.2 % of `bound`.

    Parameters
    ----------
    stages
        Number of stages.
    cost
        Gives the cost of an order; None for an order that cannot be used.
    bound
        A cost that no order can beat.
    go_on
        Says whether another order may be tried. It is asked when a few orders have been tried in
        any case, and before each further one.
    """
    known: dict[Order, tuple[float, int]] = {}

    def tried(order: Order) -> tuple[float, int]:
        """Return the cost of an order and then its depth, as its shallowest rotation."""
        order = _shallowest(order)
        if order not in known:
            found = cost(order)
            known[order] = (float("inf") if found is None else found, max(delays(order)))
        return known[order]

    def over() -> bool:
        if min(known.values())[0] <= bound * (1 + _GOOD_ENOUGH):
            return True
        return len(known) >= _LEAST_TRIALS and not go_on()

    def first_better(orders: Iterable[Order]) -> Order | None:
        for order in orders:
            if over():
                return None
            if tried(order) < tried(best):
                return order
        return None

    best = program_order(stages)
    for order in _regular_orders(stages):
        best = min(best, order, key=tried)
        if over():
            break
    while better := first_better(_moves(best)):
        best = better
    return min(known, key=lambda order: (*known[order], order))


def best_extra_turns(
    order: Order,
    cost: Callable[[Order, ExtraTurns], float | None],
    reached: float,
    bound: float = 0.0,
    go_on: Callable[[], bool] = lambda: True,
) -> tuple[Order, ExtraTurns]:
    """Search for a deeper pipeline that costs less than the best one without extra turns.

    The search gives one stage an extra turn, or takes it away, as long as that helps; where it does
    not, it moves one stage in the order of a pipeline that has extra turns.

    Parameters
    ----------
    order
        The best order without extra turns.
    cost
        Gives the cost of an order with extra turns; None if they cannot be used.
    reached
        What `order` costs without extra turns.
    bound, go_on
        As in `best_order`.

    Returns
    -------
    tuple of (Order, ExtraTurns)
        The pipeline of least cost: `order` without extra turns, unless another one costs less.
    """
    best = order, no_extra_turns(len(order))
    least, known = reached, {best}

    def over() -> bool:
        return least <= bound * (1 + _GOOD_ENOUGH) or not go_on()

    def near(order: Order, extra: ExtraTurns) -> Iterator[tuple[Order, ExtraTurns]]:
        for stage in range(1, len(order)):
            yield order, (*extra[:stage], 1 - extra[stage], *extra[stage + 1 :])
        for moved in _moves(order) if any(extra) else ():
            yield _shallowest(moved), extra

    improved = True
    while improved:
        improved = False
        for pipeline in near(*best):
            if over():
                return best
            if pipeline in known:
                continue
            known.add(pipeline)
            found = cost(*pipeline)
            if found is not None and found < least:
                best, least, improved = pipeline, found, True
                break
    return best


def _shallowest(order: Order) -> Order:
    """Return the rotation of an order whose pipeline is shallowest; all have one steady state."""
    turns = [order[index:] + order[:index] for index in range(len(order))]
    return min(turns, key=lambda turn: (max(delays(turn)), turn))


def _regular_orders(stages: int) -> Iterator[Order]:
    """Go through orders in which samples are some stages apart, later stages first in a turn."""
    plain = program_order(stages)
    for depth in range(2, stages + 1):
        # Stage k of one sample is beside stage k + gap of the sample before.
        gap = -(-stages // depth)
        columns = [plain[start::gap] for start in range(gap)]
        yield tuple(stage for column in columns for stage in reversed(column))


def _moves(order: Sequence[int]) -> Iterator[Order]:
    """Go through all orders that differ in the place of one stage."""
    for source, target in itertools.permutations(range(len(order)), 2):
        rest = [*order[:source], *order[source + 1 :]]
        yield (*rest[:target], order[source], *rest[target:])
