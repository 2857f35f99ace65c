"""What every analysis that trains is given: how long, and the seeds of its starts."""

from collections.abc import Sequence

from golden.arguments import items, seed_number, whole_number
from golden.errors import AnalysisError

__all__ = ["check_starts"]


def check_starts(iterations: int, seeds: Sequence[int]) -> tuple[int, list[int]]:
    """Return iterations and seeds as plain numbers.

    Raises
    ------
    AnalysisError
        If `iterations` is below 1, there is no seed, or one of them is none.
    """
    iterations = whole_number("iterations", iterations, error=AnalysisError)
    seeds = [
        seed_number(seed, error=AnalysisError)
        for seed in items("seeds", seeds, error=AnalysisError)
    ]
    if iterations < 1 or not seeds:
        raise AnalysisError(
            f"iterations must be at least 1 and seeds at least one, not {iterations}, {len(seeds)}"
        )
    return iterations, seeds
