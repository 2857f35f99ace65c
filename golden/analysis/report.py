"""All analyses of one topology at once, as values that a table or a picture shows."""

import dataclasses
from collections.abc import Callable

from torch import Tensor

from golden.analysis.colouring import exact_colouring, greedy_colouring
from golden.analysis.connectivity import (
    bandwidth,
    depth_to_full_connectivity,
    independent_paths,
    live_edges,
    path_counts,
)
from golden.analysis.constraints import jacobian_rank, matching_bound
from golden.analysis.controllability import train_controllability
from golden.analysis.reconstruction import reconstruct
from golden.analysis.spectral import algebraic_connectivity, network_connectivity, spectral_gap
from golden.arguments import instance
from golden.errors import AnalysisError
from golden.system.progress import Progress
from golden.topologies import Topology

__all__ = ["LABELS", "Analysis", "Training", "analyse", "text_of"]

Value = int | float | None

LABELS = {
    "parameters": "trained edges",
    "constant_edges": "constant edges",
    "density": "density",
    "depth": "depth",
    "live_edges": "live edges",
    "full_depth": "depth to full connectivity",
    "joined_pairs": "joined pairs",
    "fewest_paths": "fewest paths of a pair",
    "most_paths": "most paths of a pair",
    "bandwidth": "bandwidth (narrowest layer)",
    "independent_paths": "independent paths (rank of W)",
    "matching": "elements set at most, by matching",
    "colouring": "elements set, by colouring: found",
    "colouring_exact": "elements set, by colouring: most",
    "rank": "elements set at most, by Jacobian rank",
    "efficiency": "rank / trained edges",
    "control_total": "controlled ratios",
    "control_mean": "K, mean",
    "control_spread": "K, spread",
    "algebraic_connectivity": "algebraic connectivity, worst stage",
    "spectral_gap": "spectral gap, worst stage",
    "network_connectivity": "algebraic connectivity, all stages",
    "l2_error": "L2 training: mean error^2",
    "l2_spread": "L2 training: spread over starts",
    "l1_error": "L1 training: mean |error|",
    "l1_exact": "L1 training: exact elements",
}
"""Every value's name and what a table calls it; all counts are of edges, neurons, paths, pairs."""


@dataclasses.dataclass(frozen=True)
class Training:
    """How much the analyses train: steps of Adam, and starts that results are averaged over."""

    control_steps: int = 60
    fit_steps: int = 1000
    starts: int = 2
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse fewer than one of anything, and seeds that PyTorch does not take."""
        if not 0 <= self.seed < (1 << 63) - self.starts:
            raise AnalysisError(f"seed must be at least 0 and below 2**63, not {self.seed}")
        for field in ("control_steps", "fit_steps", "starts"):
            if getattr(self, field) < 1:
                raise AnalysisError(f"{field} must be at least 1, not {getattr(self, field)}")


@dataclasses.dataclass(frozen=True, eq=False)
class Analysis:
    """What was found about one topology.

    Parameters
    ----------
    topology
        What was analysed.
    values
        By the names of `LABELS`; a depth that is never reached is None. Names whose analysis was
        not asked for, or not possible, are missing.
    skipped
        Name of each analysis that was not possible, and why.
    paths
        Paths of every pair, int64 [O, I]; None if they are too many.
    k_matrix
        [O, I], the mean over the starts; None without training.
    """

    topology: Topology
    values: dict[str, Value]
    skipped: dict[str, str]
    paths: Tensor | None
    k_matrix: Tensor | None


def analyse(
    topology: Topology,
    training: Training | None = None,
    tell: Progress = lambda work, done, total: None,
) -> Analysis:
    """Run every analysis that the topology's size allows; with `training`, those that train too.

    `tell` hears of the work that begins: its name, how many parts are done, and of how many.
    """
    topology = instance("topology", topology, Topology, error=AnalysisError)
    kept: dict[str, Tensor] = {}
    parts: list[tuple[str, Callable[[], dict[str, Value]]]] = [
        ("connectivity", lambda: _connectivity(topology)),
        ("paths", lambda: _paths(topology, kept)),
        ("matching", lambda: {"matching": matching_bound(topology)}),
        ("rank", lambda: _rank(topology)),
        ("colouring", lambda: {"colouring": len(greedy_colouring(topology, starts=1))}),
        ("exact colouring", lambda: {"colouring_exact": exact_colouring(topology)}),
        ("spectra", lambda: _spectra(topology)),
    ]
    if training is not None:
        parts += [
            ("control", lambda: _control(topology, training, kept)),
            ("reconstruction", lambda: _reconstruction(topology, training)),
        ]
    values, skipped = _counts(topology), dict[str, str]()
    for done, (name, run) in enumerate(parts):
        tell(f"{topology.name}: {name}", done, len(parts))
        try:
            values |= run()
        except AnalysisError as error:
            skipped[name] = str(error)
    tell(f"{topology.name}: done", len(parts), len(parts))
    return Analysis(topology, values, skipped, kept.get("paths"), kept.get("k"))


def text_of(value: Value) -> str:
    """Write a value for a table."""
    if value is None:
        return "never"
    return str(value) if isinstance(value, int) else f"{value:.4g}"


def _counts(topology: Topology) -> dict[str, Value]:
    return {
        "parameters": topology.parameters,
        "constant_edges": topology.edges - topology.parameters,
        "density": topology.density,
        "depth": topology.depth,
    }


def _connectivity(topology: Topology) -> dict[str, Value]:
    return {
        "live_edges": sum(int(stage.sum()) for stage in live_edges(topology)),
        "full_depth": depth_to_full_connectivity(topology),
        "bandwidth": bandwidth(topology),
        "independent_paths": independent_paths(topology),
    }


def _paths(topology: Topology, kept: dict[str, Tensor]) -> dict[str, Value]:
    counts = kept["paths"] = path_counts(topology)
    return {
        "joined_pairs": int((counts > 0).sum()),
        "fewest_paths": int(counts.min()),
        "most_paths": int(counts.max()),
    }


def _rank(topology: Topology) -> dict[str, Value]:
    found = jacobian_rank(topology)
    return {"rank": found.rank, "efficiency": found.efficiency}


def _spectra(topology: Topology) -> dict[str, Value]:
    return {
        "algebraic_connectivity": min(map(algebraic_connectivity, topology.adjacency)),
        "spectral_gap": min(map(spectral_gap, topology.adjacency)),
        "network_connectivity": network_connectivity(topology),
    }


def _control(
    topology: Topology, training: Training, kept: dict[str, Tensor]
) -> dict[str, Value]:
    seeds = range(training.seed, training.seed + training.starts)
    found = train_controllability(topology, training.control_steps, seeds)
    kept["k"] = found.k_matrices.mean(0)
    return {
        "control_total": float(found.totals.mean()),
        "control_mean": found.mean,
        "control_spread": found.spread,
    }


def _reconstruction(topology: Topology, training: Training) -> dict[str, Value]:
    seeds = range(training.seed, training.seed + training.starts)
    squared = reconstruct(topology, "l2", training.fit_steps, seeds)
    absolute = reconstruct(topology, "l1", training.fit_steps, seeds)
    return {
        "l2_error": float(squared.errors.mean()),
        "l2_spread": float(squared.errors.std(correction=0)),
        "l1_error": float(absolute.errors.mean()),
        "l1_exact": float(absolute.exact.double().mean()),
    }
