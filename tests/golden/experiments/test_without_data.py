"""Experiments without data: controllability and reconstruction, by made figures."""

import base64

import pytest

from golden.errors import TopologyError
from golden.experiments.controllability import Controllability, ControllabilityResult
from golden.experiments.judgement import Interval, all_of, difference, mean_of, rank_correlation
from golden.experiments.reconstruction import Reconstruction
from golden.experiments.reconstruction_runs import ReconstructionResult
from golden.topologies import nested_clos, parse_topology
from tests.support.experiments import FULL

MATRIX = base64.b64encode(bytes(range(64))).decode()


@pytest.mark.parametrize("means, verdict", [
    ({"hypercube": 0.9, "clos": 0.95, "butterfly": 0.5, "torus": 0.6}, "holds"),
    ({"hypercube": 0.9, "clos": 0.5, "butterfly": 0.55, "torus": 0.6}, "does not hold")])
def test_n16_verdicts_follow_the_figures(means, verdict):
    deviations = {"hypercube": 0.3, "clos": 0.1, "butterfly": 0.1, "torus": 0.3}
    experiment = Controllability(FULL)
    results = {}
    for run in experiment.plan({}):
        kind, off = run.topologies.partition(":")[0], run.seed / 1000
        met = "skip even constant_depth full_bandwidth" if kind == "parallel-butterfly" else "skip"
        results[run] = (
            ControllabilityResult(means[kind] + off, deviations[kind] + off, 56.0, 64, MATRIX, "")
            if run.purpose == "control" else ControllabilityResult(0.0, 0.0, 0.0, 0, "", met))
    text = experiment.report(results).text
    assert len(results) == experiment.total == 26
    assert f"all verdicts of fig 5 are right (N16) {verdict}" in text
    assert "within 1 % (N14, N15), holds" in text
    assert "parallel butterfly alone does (N22) holds" in text


def made_errors(best):
    """Errors by family: falling with the edges, but for the deepest; `best` has the smallest."""
    experiment = Reconstruction(FULL)
    results, places = {}, {}
    for run in experiment.plan({}):
        family = places.setdefault(run.family, [])
        bare = run.topology.removesuffix("+skip+diagonal")
        family += [] if bare in family else [bare]
        place = family.index(bare)
        error = 0.5 if run.family.startswith(best) else 0.6
        error -= 0.01 * (not run.bare)
        if run.family in ("butterfly", "hypercube", "torus"):
            error += 0.02 * place
        values = " ".join(f"{error + seed / 10000:.6g}" for seed in range(run.seeds))
        results[run] = ReconstructionResult(1000 + 100 * place, 3, 100, values, "90 91 92 93 94")
    assert len(results) == experiment.total
    return experiment.report(results).text


def test_n8_n19_n26_verdicts_follow_the_figures():
    text = made_errors("Clos, 3")
    assert "get worse past some depth (N8) holds" in text
    assert "that Clos, 3 stages wins eventually (N8) holds" in text
    assert "that they improve both (N19) holds" in text
    assert "for chance (N7, N11), holds" in text
    assert "that Clos, 3 stages wins eventually (N8) does not hold" in made_errors("butterfly")


def test_n26_nested_clos_has_the_edges_of_its_parts():
    """Five stages of a recursive Clos network: every pair has Rm times the inner paths."""
    inner = parse_topology("clos:4,4,2,3,2")
    whole = nested_clos((8, 8, 4, 2, 4), inner)
    assert whole.depth == 5 and whole.parameters == 2 * (8 + 8 + inner.parameters)
    paths = whole.masks[0].double()
    for mask in whole.masks[1:]:
        paths = mask.double() @ paths
    assert paths.min() == paths.max() == 2 * 3
    with pytest.raises(TopologyError, match="inner must have 4 inputs and 4 outputs, .* not 2"):
        nested_clos((8, 8, 4, 2, 4), parse_topology("radix:2,2-2"))


def test_intervals_judge():
    assert [all_of(found) for found in (["yes"], ["yes", "undecided"], ["undecided", "no"])] == [
        "yes", "undecided", "no"]
    assert difference([0.9, 0.9], [0.89, 0.89]).within(2) == "yes"
    assert difference([0.9, 0.9], [0.8, 0.8]).within(2) == "no"
    assert difference([0.9], [0.9]).within(2) == "undecided"
    assert mean_of([2.0, 2.0]) == Interval(2.0, 2.0, 2.0)
    rising = rank_correlation(list(range(9)), [x**3 for x in range(9)])
    assert rising.value == pytest.approx(1) and rising.verdict() == "yes"
    assert rank_correlation(list(range(9)), list(range(9, 0, -1))).verdict() == "no"
    flat = rank_correlation([1.0] * 5, list(range(5)))
    assert flat.value == 0 and flat.verdict() == "undecided"
