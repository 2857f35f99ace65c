"""K matrices and the decision table: NeuroFabric, VI-B, VI-C, VII-B and VII-E (N14-N16, N22)."""

import base64
import dataclasses
import statistics
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from golden.analysis.constraints import jacobian_rank
from golden.analysis.controllability import train_controllability
from golden.analysis.requirements import Requirements, requirements
from golden.experiments.experiment import Experiment, Report, Settings
from golden.experiments.judgement import all_of, difference, mean_of
from golden.experiments.pictures import matrices_png
from golden.experiments.wording import HOLDS, of_seeds, points, table
from golden.topologies import parse_topology

__all__ = ["Controllability", "ControllabilityResult", "ControllabilityRun"]

_CONTROL, _REQUIREMENTS = "control", "requirements"
_FIGURE_5 = ("hypercube:32,6", "clos:32,32,8,9,8", "butterfly:32,18", "torus:8,4,7")
_QUICK = ("hypercube:8,3", "clos:8,8,2,3,2", "butterfly:8,4", "torus:4,2,3")
_FAMILIES = {
    "parallel butterfly":
        "parallel-butterfly:16,5,1 parallel-butterfly:16,5,2 parallel-butterfly:16,5,3",
    "Clos": "clos:16,16,4,2,4 clos:16,16,4,3,4 clos:16,16,4,4,4",
    "butterfly": "butterfly:16,4 butterfly:16,5 butterfly:16,7",
    "hypercube": "hypercube:16,4 hypercube:16,5",
    "torus": "torus:4,4,4 torus:4,4,5",
    "low rank": "low-rank:16,16,4 low-rank:16,16,6",
}  # fmt: skip
_FIELDS = [field.name for field in dataclasses.fields(Requirements)]
_VERDICTS = {"hypercube": ("high", "high"), "clos": ("high", "low"), "butterfly": ("low", "low"),
             "torus": ("low", "high")}  # fmt: skip
"""Mean and variance of K in NeuroFabric, section VII-B, by kind."""


@dataclasses.dataclass(frozen=True)
class ControllabilityRun:
    """Topologies that are judged.

    Parameters
    ----------
    purpose
        "control": one topology's K matrix is trained; "requirements": a family is judged.
    topologies
        As `parse_topology` reads them, with spaces between.
    iterations, seed
        Of the training; 0 for a family.
    """

    purpose: str
    topologies: str
    iterations: int
    seed: int

    def __str__(self) -> str:
        """Write what tells runs apart."""
        return f"{self.purpose} of {self.topologies}, #{self.seed}"


@dataclasses.dataclass(frozen=True)
class ControllabilityResult:
    """What came of a run.

    Parameters
    ----------
    mean, deviation
        Of the elements of K; 0 for a family.
    controlled, rank
        Ratios that all outputs control together, and the rank of the Jacobian; 0 for a family.
    k_matrix
        K, of n by n: a byte for each element, 255 for 1, by rows, in base64; "" for a family.
    met
        Requirements that a family meets, joined by spaces.
    """

    mean: float
    deviation: float
    controlled: float
    rank: int
    k_matrix: str
    met: str


class Controllability(Experiment[ControllabilityRun, ControllabilityResult]):
    """Which ratios topologies control, and which requirements they meet (N14 to N16, N22).

    The K matrices of fig 5 are trained from several starts, and families of topologies at growing
    budgets are judged by the four requirements. No dataset is read. One training takes about 4 s
    of one core; of 16 inputs, which would be cheaper, a torus of 4 x 4 is a hypercube.
    """

    name = "controllability"
    run_type = ControllabilityRun
    result_type = ControllabilityResult
    pictures = ("controllability.png",)

    def __init__(self, settings: Settings) -> None:
        """Quick: small topologies, 20 steps and one start."""
        self.seeds = settings.seeds or (1 if settings.quick else 5)
        self._topologies = _QUICK if settings.quick else _FIGURE_5
        self._iterations = 20 if settings.quick else 100

    @property
    def total(self) -> int:
        """Number of runs."""
        return len(self.plan({}))

    def plan(
        self, results: Mapping[ControllabilityRun, ControllabilityResult]
    ) -> Sequence[ControllabilityRun]:
        """Return all runs: every topology from every start, then every family."""
        starts = [ControllabilityRun(_CONTROL, text, self._iterations, seed)
                  for text in self._topologies for seed in range(self.seeds)]  # fmt: skip
        return starts + [ControllabilityRun(_REQUIREMENTS, texts, 0, 0)
                         for texts in _FAMILIES.values()]  # fmt: skip

    def measure(self, run: ControllabilityRun) -> ControllabilityResult:
        """Train a K matrix, or judge a family."""
        topologies = [parse_topology(text) for text in run.topologies.split()]
        if run.purpose == _REQUIREMENTS:
            found = dataclasses.asdict(requirements(topologies))
            return ControllabilityResult(
                0.0, 0.0, 0.0, 0, "", " ".join(name for name, met in found.items() if met))
        control = train_controllability(topologies[0], run.iterations, (run.seed,))
        matrix = control.k_matrices[0].clamp(0, 1)
        words = (255 * matrix).round().byte().numpy().tobytes()
        return ControllabilityResult(
            control.mean, control.spread, float(control.totals), jacobian_rank(topologies[0]).rank,
            base64.b64encode(words).decode(), "")

    def report(self, results: Mapping[ControllabilityRun, ControllabilityResult]) -> Report:
        """Judge the verdicts of fig 5 and the decision table."""
        control: dict[str, list[ControllabilityResult]] = {}
        families: dict[str, str] = {}
        for run, result in results.items():
            if run.purpose == _CONTROL:
                control.setdefault(run.topologies, []).append(result)
            else:
                families[run.topologies] = result.met
        names = {texts: name for name, texts in _FAMILIES.items()}
        met = {names[texts]: set(found.split()) for texts, found in families.items()}
        text = "\n\n".join([_figure(control), _control_table(control), _decision(met), table(
            ("kind, at growing budgets", *(name.replace("_", " ") for name in _FIELDS)),
            [(kind, *("yes" if name in found else "no" for name in _FIELDS))
             for kind, found in met.items()], texts=1 + len(_FIELDS))])
        picture = matrices_png(
            {name: _matrix(found[0].k_matrix) for name, found in control.items()},
            "K[output, input]: ratios that are controlled; the first start of each")
        return Report(text + "\n", {self.pictures[0]: picture})


_Control = Mapping[str, Sequence[ControllabilityResult]]


def _matrix(text: str) -> npt.NDArray[np.float64]:
    words = np.frombuffer(base64.b64decode(text), np.uint8)
    side = round(len(words) ** 0.5)
    return words.reshape(side, side) / 255


def _figure(control: _Control) -> str:
    """N16: every topology that is called high against every one that is called low."""
    parts: list[str] = []
    verdicts: dict[str, str] = {}
    for part, (label, field) in enumerate((("mean", "mean"), ("variance", "deviation"))):
        values = {name: [getattr(one, field) for one in found] for name, found in control.items()}
        groups = {level: [name for name in values if _VERDICTS[name.partition(":")[0]][part]
                          == level] for level in ("high", "low")}  # fmt: skip
        found = {(high, low): difference(values[high], values[low])
                 for high in groups["high"] for low in groups["low"]}  # fmt: skip
        verdicts[label] = all_of(one.verdict() for one in found.values())
        nearest = min(found, key=lambda pair: found[pair].points)
        high, low = (" and ".join(groups[level]) for level in ("high", "low"))
        parts.append(
            f"The paper calls the {label} of K high for {high}, and low for {low}. The nearest two "
            f"of them, {nearest[0]} and {nearest[1]}, differ by {points(found[nearest])} hundredths"
            f"{'' if part == 0 else ' of the standard deviation'}: the claim "
            f"{HOLDS[verdicts[label]]}.")
    seeds = of_seeds(len(next(iter(control.values()))))
    whole = all_of(verdicts.values())
    near = all(abs(statistics.mean(one.controlled for one in found) / (found[0].rank - side) - 1)
               < 0.01 for found in control.values() for side in (_side(found[0]),))  # fmt: skip
    return (
        f"**K matrices of fig 5** ({seeds}): {' '.join(parts)} That all verdicts of fig 5 are "
        f"right (N16) {HOLDS[whole]}. That the outputs of every topology "
        "together control as many ratios as the rank of the Jacobian less one magnitude an output, "
        "within 1 % (N14, N15), "
        f"{'holds' if near else 'does not hold'}."
    )


def _side(result: ControllabilityResult) -> int:
    return len(_matrix(result.k_matrix))


def _control_table(control: _Control) -> str:
    return table(
        ("topology", "mean of K (95 % reach of starts)", "deviation of K (likewise)",
         "ratios controlled", "rank"),
        [(name, _mean(found, "mean"), _mean(found, "deviation"),
          f"{statistics.mean(one.controlled for one in found):.0f}", found[0].rank)
         for name, found in control.items()])


def _mean(found: Sequence[ControllabilityResult], field: str) -> str:
    values = [getattr(one, field) for one in found]
    whole = mean_of(values)
    if len(values) < 2:
        return f"{whole.value:.3f} (one seed)"
    return f"{whole.value:.3f} ({whole.low:.3f} to {whole.high:.3f})"


def _decision(met: Mapping[str, set[str]]) -> str:
    """N22: only the parallel butterfly meets all."""
    every = [kind for kind, found in met.items() if len(found) == len(_FIELDS)]
    holds = every == ["parallel butterfly"]
    return (
        f"**Decision table**: {', '.join(every) or 'no kind'} meets all four requirements; that "
        f"the parallel butterfly alone does (N22) {'holds' if holds else 'does not hold'}."
    )
