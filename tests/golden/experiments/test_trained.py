"""Experiments that train: their plans, and verdicts that made figures choose."""

import pytest
import torch

from golden.errors import DataError
from golden.experiments.connectivity import Connectivity
from golden.experiments.constructions import Constructions
from golden.experiments.deep_sparse import DeepSparse
from golden.experiments.dropout import Dropout
from golden.experiments.experiment import Settings
from golden.experiments.incremental import Incremental
from golden.experiments.mobilenet import MobileNet
from golden.experiments.recurrent import Recurrent
from golden.experiments.sparse_conv import SparseConv
from golden.experiments.trained import TrainingRun
from tests.support.datasets import write_files
from tests.support.experiments import FULL, made, report_of

KINDS = (Connectivity, Constructions, DeepSparse, Dropout, Incremental, MobileNet, Recurrent,
         SparseConv)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_plans_choose_a_rate_for_every_group(kind):
    """The rate of the best choice, and for equal ones the smallest; every case with every seed."""
    experiment = kind(FULL)
    choices = experiment.plan({})
    assert {run.purpose for run in choices} == {"choice"}
    best = experiment.effort.rates[-1]
    results = made(experiment, lambda run: 0.9 if run.rate == best else 0.8)
    tests = [run for run in results if run.purpose == "test"]
    assert {run.rate for run in tests} == {best}
    assert len(tests) == len(experiment.cases) * experiment.seeds and experiment.seeds == 5
    equal = made(experiment, lambda _: 0.5)
    assert {run.rate for run in equal if run.purpose == "test"} == {experiment.effort.rates[0]}
    assert str(tests[0]).startswith("digits, test, ")
    assert len(kind(Settings(("digits",), quick=True)).cases) <= len(experiment.cases)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_networks_take_samples_and_repeat(kind):
    """The same seed gives the same weights, and another seed others."""
    experiment = kind(FULL)
    split = experiment.split("digits")
    for case in experiment.cases[:: max(len(experiment.cases) // 3, 1)]:
        first, again, other = (
            experiment.network(experiment.run_type("test", "digits", 9, 0.1, 1, 1, seed, *case),
                               split).eval() for seed in (0, 0, 1))
        x = torch.as_tensor(split.train_x[:2])
        assert first(x).shape == (2, 10)
        assert torch.equal(first(x), again(x)) and not torch.equal(first(x), other(x))


@pytest.mark.parametrize("kind", [MobileNet, Recurrent, SparseConv], ids=lambda kind: kind.name)
def test_data_must_be_square_images_of_enough_samples(kind, tmp_path):
    with pytest.raises(DataError, match="data must have at least 10 training samples, not 6"):
        kind(Settings((str(write_files(tmp_path)),)))


def test_a_run_says_what_it_is():
    run = TrainingRun("test", "digits", 9, 0.01, 5, 8, 3)
    assert run.case == () and str(run) == "digits, test, , rate 0.01, #3"


@pytest.mark.parametrize("slope, within, pooled, equal", [
    (0.01, 0.01, "holds", "holds"), (0.0, -0.01, "does not hold", "does not hold")])
def test_t12_correlations_follow_the_figures(slope, within, pooled, equal):
    """Accuracy by the degree and, within a degree, by the seed; connectivity likewise."""
    text = report_of(
        Connectivity, lambda run: 0.5 + slope * run.degree + within * run.seed,
        connectivity=lambda run: run.degree + run.seed / 10, gap=lambda run: float(run.seed))
    assert f"that the two correlate (T12) {pooled}, and" in text or slope == 0
    assert f"beyond what more connections explain {equal}." in text


@pytest.mark.parametrize("dense, fibonacci, cliff, best", [
    (0.9, 0.95, "holds", "holds"), (0.95, 0.85, "does not hold", "does not hold")])
def test_t9_t10_constructions_follow_the_figures(dense, fibonacci, cliff, best):
    accuracy = {"dense": dense, "fibonacci": fibonacci, "regular": 0.92}
    text = report_of(Constructions, lambda run: accuracy.get(run.construction, 0.9),
                     deviation=lambda run: 1 / run.degree)
    assert f"point lost by each) {cliff}." in text
    assert f"that Fibonacci is above all others (T10) {best}" in text
    assert "regular is above the rest holds" in text
    assert "weights shrink as the degree grows (T13) holds" in text


@pytest.mark.parametrize("gain, helps, independent", [
    ({1.0: 0.01, 0.3: 0.01}, "holds", "holds"),
    ({1.0: 0.0, 0.3: -0.02}, "does not hold", "does not hold")])
def test_t11_dropout_follows_the_figures(gain, helps, independent):
    text = report_of(Dropout, lambda run: 0.9 + gain[run.density] * (run.dropout != "none"))
    assert f"dropout helps the sparse net (T11) {helps}" in text
    assert f"within 0.5 points, {independent}" in text


@pytest.mark.parametrize("plain, sparsest, fails, suffers", [
    (0.1, 0.5, "holds", "holds"), (0.9, 0.9, "does not hold", "does not hold")])
def test_n6_deep_sparse_follows_the_figures(plain, sparsest, fails, suffers):
    def accuracy(run):
        if run.initialisation == "xavier":
            return plain
        return sparsest if run.density < 1 / 100 else 0.9

    text = report_of(DeepSparse, accuracy, connected=1.0)
    assert f"completely fails (N6; less than 20 %) {fails}" in text
    assert f"that such nets suffer (N6; at least 5 points) {suffers}" in text
    assert ("such nets learn (N5) holds" in text) == (plain < 0.5)


@pytest.mark.parametrize("end, recovery, catches, fast", [
    (0.9, 5.0, "holds", "holds"), (0.8, 25.0, "does not hold", "does not hold")])
def test_s6_growth_follows_the_figures(end, recovery, catches, fast):
    text = report_of(
        Incremental, lambda run: 0.9 if run.new_values == "full" else end, growths=7,
        dip=lambda run: 0.01 * (run.new_values == "initial"),
        recovery_steps=lambda run: recovery * run.period_steps / 25)
    assert f"at most 1 point lower) {catches}" in text
    assert f"in half a period) {fast}" in text
    assert "makes accuracy drop sharply holds" in text


@pytest.mark.parametrize("sparse, better, match, worse", [
    (0.9, "holds", "holds", "does not hold"), (0.7, "does not hold", "does not hold", "holds")])
def test_s9_s10_s13_sparse_convolutions_follow_the_figures(sparse, better, match, worse):
    accuracy = {"full": 0.9, "narrow": 0.8, "sparse": sparse}
    text = report_of(
        SparseConv, lambda run: accuracy[run.kind],
        multiply_adds=lambda run: int(1000 * run.fraction * (0.9 if run.kind == "sparse" else 1)))
    assert f"few are left (S9, S11; below 0.3) {better}" in text
    assert f"(S13; within 1 point) {match}" in text
    assert f"worse per multiply-add (S10) {worse}" in text


@pytest.mark.parametrize("clos, verdict", [(0.9, "holds"), (0.7, "does not hold")])
def test_n24_recurrent_follows_the_figures(clos, verdict):
    text = report_of(Recurrent, lambda run: 0.9 if run.reduction == 1 else clos)
    assert f"LSTM and GRU without loss (N24) {verdict}" in text


@pytest.mark.parametrize("clos, raises, loses", [
    (0.95, "holds", "holds"), (0.8, "does not hold", "does not hold")])
def test_n23_mobilenet_follows_the_figures(clos, raises, loses):
    text = report_of(MobileNet, lambda run: 0.9 if run.reduction == 1 else clos, pointwise=100)
    assert f"raise the accuracy (N23) {raises}; that none loses more than 1 point {loses}." in text
