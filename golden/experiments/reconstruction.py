"""Reconstruction of random matrices: NeuroFabric, V, VII and the poster (N7, N8, N11, N19-N26)."""

from collections.abc import Mapping, Sequence

from golden.analysis.constraints import jacobian_rank
from golden.analysis.reconstruction import reconstruct
from golden.clos.shape import ClosShape
from golden.experiments.experiment import Experiment, Report, Settings
from golden.experiments.reconstruction_report import reconstruction_report
from golden.experiments.reconstruction_runs import ReconstructionResult, ReconstructionRun
from golden.topologies import Topology, nested_clos, parse_topology, with_diagonal, with_skip

__all__ = ["Reconstruction"]

_FAMILIES = {
    "low rank": [f"low-rank:64,64,{rank}" for rank in (5, 10, 17)],
    "Clos, 3 stages": [f"clos:64,64,8,{paths},8" for paths in (3, 7, 11)],
    "Clos, 4 stages": [f"clos:64,64,8,{paths},8 > radix:8,4-2" for paths in (3, 8, 12)],
    "Clos, 5 stages": [f"clos:64,64,8,{paths},8 > clos:8,8,2,2,2" for paths in (3, 8, 13)],
    "butterfly": [f"butterfly:64,{layers}" for layers in (6, 11, 17)],
    "hypercube": [f"hypercube:64,{layers}" for layers in (2, 3, 5)],
    "torus": [f"torus:8,8,{layers}" for layers in (3, 5, 7)],
    "parallel butterfly, d = 6": [f"parallel-butterfly:64,6,{count}" for count in (1, 2, 3)],
    "parallel butterfly, d = 11": [f"parallel-butterfly:64,11,{count}" for count in (1, 2)],
}  # fmt: skip
_QUICK = {
    "low rank": ["low-rank:8,8,2", "low-rank:8,8,3"],
    "Clos, 3 stages": ["clos:8,8,2,2,2", "clos:8,8,2,3,2"],
    "Clos, 4 stages": ["clos:8,8,2,2,2 > radix:2,2-2", "clos:8,8,2,3,2 > radix:2,2-2"],
    "butterfly": ["butterfly:8,3", "butterfly:8,4"],
    "hypercube": ["hypercube:8,1", "hypercube:8,2"],
    "torus": ["torus:4,2,1", "torus:4,2,2"],
    "parallel butterfly, d = 3": ["parallel-butterfly:8,3,1", "parallel-butterfly:8,3,2"],
}
_LARGEST_JACOBIAN = 10_000_000  # Elements: what `jacobian_rank` takes.
_SKIP = "+skip+diagonal"


class Reconstruction(Experiment[ReconstructionRun, ReconstructionResult]):
    """How well topologies fit random matrices of 64 x 64 (N7, N8, N11, N19 to N21, N26).

    Every topology is fitted to several Gaussian matrices at once: plain by L2 and by L1, and with
    skip edges and the diagonal layer by L2. Beside it stands the rank of its Jacobian, where that
    has at most 10^7 elements. No dataset is read.
    """

    name = "reconstruction"
    run_type = ReconstructionRun
    result_type = ReconstructionResult
    pictures = ("reconstruction.png",)

    def __init__(self, settings: Settings) -> None:
        """Quick: matrices of 8 x 8, 40 steps, one of each."""
        self.seeds = settings.seeds or (1 if settings.quick else 5)
        self._families = _QUICK if settings.quick else _FAMILIES
        self._iterations = 40 if settings.quick else 500

    @property
    def total(self) -> int:
        """Number of runs."""
        return len(self.plan({}))

    def plan(
        self, results: Mapping[ReconstructionRun, ReconstructionResult]
    ) -> Sequence[ReconstructionRun]:
        """Return all runs: every topology with either loss."""
        return [
            ReconstructionRun(family, text + option, loss, self._iterations, self.seeds)
            for family, texts in self._families.items() for text in texts
            for option, loss in (("", "l2"), (_SKIP, "l2"), ("", "l1"))]

    def measure(self, run: ReconstructionRun) -> ReconstructionResult:
        """Fit a topology to so many matrices; the rank is counted once, for the plain one."""
        topology = _topology(run.topology)
        found = reconstruct(topology, run.loss, run.iterations, range(run.seeds))
        size = topology.parameters * topology.in_features * topology.out_features
        counted = run.loss == "l2" and run.bare and size <= _LARGEST_JACOBIAN
        return ReconstructionResult(
            topology.parameters, topology.depth,
            jacobian_rank(topology).rank if counted else 0,
            " ".join(f"{float(error):.6g}" for error in found.errors),
            " ".join(str(int(count)) for count in found.exact))

    def report(self, results: Mapping[ReconstructionRun, ReconstructionResult]) -> Report:
        """Judge the topologies: `reconstruction_report`."""
        return reconstruction_report(list(results.items()), self.pictures[0])


def _topology(text: str) -> Topology:
    """Make a topology; "A > B" has copies of B in the place of the middle routers of A."""
    bare = text.removesuffix(_SKIP)
    outer, _, inner = bare.partition(" > ")
    found = parse_topology(outer)
    if inner:
        sizes = map(int, outer.partition(":")[2].split(","))
        found = nested_clos(ClosShape(*sizes), parse_topology(inner))
    return found if bare == text else with_diagonal(with_skip(found))
