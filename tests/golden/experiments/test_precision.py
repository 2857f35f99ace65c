"""The experiment `precision`: its runs, and verdicts that figures choose."""

import pytest

from golden.errors import DataError
from golden.experiments.experiment import Settings, execute
from golden.experiments.precision import Precision
from golden.experiments.precision_report import precision_report
from golden.experiments.precision_runs import FLOAT, Result, Run
from golden.experiments.table import ResultTable
from tests.support.datasets import write_files
from tests.support.drawn import description

SEEDS = 5


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A quick run."""
    folder = tmp_path_factory.mktemp("precision")
    experiment = Precision(Settings(quick=True))
    return experiment, execute(experiment, ResultTable(folder / "runs.csv", Run, Result))


def test_c14_every_run_is_made(made):
    experiment, results = made
    assert len(results) == experiment.total == 2 * (1 + 5)
    tests = {(run.kind, run.rounding, run.master_bits) for run in results if run.purpose == "test"}
    assert tests == {(kind, rounding, bits) for kind in ("dense", "Clos")
                     for rounding, bits in ((FLOAT, 0), ("stochastic", 24), ("nearest", 24),
                                            ("stochastic", 10), ("nearest", 10))}
    report = experiment.report(results)
    assert "one seed" in report.text and set(report.pictures) == set(experiment.pictures)


def test_c14_a_run_gives_the_same_again(made):
    experiment, results = made
    run = next(run for run in results if run.rounding == "stochastic")
    assert experiment.measure(run) == results[run]


def rows(clos_loss: float, nearest_loss: float):
    """Accuracies in which seeds differ much, and what is compared does so by exact amounts."""
    for kind in ("dense", "Clos"):
        for rounding, bits in ((FLOAT, 0), ("stochastic", 8), ("nearest", 8)):
            for seed in range(SEEDS):
                loss = 0.0 if rounding == FLOAT else clos_loss * (kind == "Clos")
                loss += nearest_loss * (rounding == "nearest")
                run = Run("test", "toy", 100, kind, 8, rounding, bits, bits, 0.01, 1, seed)
                yield run, Result(10, 0.8 + 0.03 * seed - loss - 1e-4 * (seed % 2) * bits)


@pytest.mark.parametrize("clos, nearest, verdict, enough, above", [
    (0.0, 0.0, "holds", "8 with stochastic rounding; 8 with", "above nearest with no width"),
    (0.05, 0.0, "does not hold", "no width with stochastic rounding; no", "nearest with no width"),
    (0.0, 0.04, "holds", "8 with stochastic rounding; no width", "above nearest with 8 bits"),
])
def test_c14_verdicts_follow_the_figures(clos, nearest, verdict, enough, above):
    """Seed by seed: what seeds differ by among each other does not count."""
    report = precision_report(list(rows(clos, nearest)))
    assert f"orthogonal to quantisation) {verdict} over all widths" in report.text
    about_clos = report.text[report.text.index("Clos reaches"):]
    assert enough in about_clos and above in about_clos
    drawn = description(report.pictures["precision.png"])
    assert any(line.startswith("toy, Clos, stochastic: 8: ") for line in drawn)


def test_c14_few_samples_are_refused(tmp_path):
    source = str(write_files(tmp_path))
    for quick, least in ((False, 10), (True, 200)):
        message = f"at least {least} training samples, not 6 as {source}"
        with pytest.raises(DataError, match=message):
            Precision(Settings((source,), quick=quick))
