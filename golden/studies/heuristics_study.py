"""Heuristics against the rank of the Jacobian: `python -m golden.studies.heuristics_study`.

Draws small random graphs, judges each with and without skip connections, and prints how often each
heuristic is how far from the rank.
"""

if __name__ == "__main__":
    from golden.system.stopping import begin

    begin("golden.studies.heuristics_study")  # Before anything slow is imported.

import argparse
import collections
import itertools

import torch

from golden.analysis.colouring import exact_colouring, greedy_colouring
from golden.analysis.constraints import jacobian_rank, matching_bound
from golden.errors import AnalysisError
from golden.system.ending import run_program
from golden.topologies import Topology, with_skip

__all__ = ["compare", "main"]


def compare(graphs: int, seed: int) -> dict[str, collections.Counter[int]]:
    """Return for each comparison how often each difference, in elements of W, occurred.

    Graphs have 2 or 3 stages of 2 to 4 neurons, each edge with probability 0.6. Those whose best
    colouring takes too long are left out.
    """
    generator = torch.Generator().manual_seed(seed)

    def draw(low: int, high: int) -> int:
        return int(torch.randint(low, high + 1, (), generator=generator))

    found: dict[str, collections.Counter[int]] = collections.defaultdict(collections.Counter)
    for _ in range(graphs):
        widths = [draw(2, 4) for _ in range(draw(3, 4))]
        plain = Topology(
            "drawn",
            tuple(
                torch.rand(m, n, generator=generator) < 0.6 for n, m in itertools.pairwise(widths)
            ),
        )
        for topology in plain, with_skip(plain):
            try:
                most = exact_colouring(topology)
            except AnalysisError:
                continue
            rank = jacobian_rank(topology).rank
            found["matching - rank"][matching_bound(topology) - rank] += 1
            found["best colouring - rank"][most - rank] += 1
            drawn = len(greedy_colouring(topology, starts=2))
            found["best colouring - greedy colouring"][most - drawn] += 1
    return found


def main() -> None:
    """Print the counts, one line a comparison."""
    parser = argparse.ArgumentParser(
        prog="python -m golden.studies.heuristics_study", description=__doc__
    )
    parser.add_argument("--graphs", type=int, default=120, help="how many graphs to draw")
    parser.add_argument("--seed", type=int, default=0, help="of the graphs")
    options = parser.parse_args()
    for name, counts in compare(options.graphs, options.seed).items():
        parts = [f"{difference}: {counts[difference]} times" for difference in sorted(counts)]
        print(f"{name} = {', '.join(parts)}")


if __name__ == "__main__":
    run_program("golden.studies.heuristics_study", main)
