"""Experiments: networks within their budget, results that stay, verdicts that figures choose."""

import dataclasses
import math
import subprocess
import sys
import time
from pathlib import Path
from types import MappingProxyType

import pytest
import torch

from golden.errors import DataError, ModelError
from golden.experiments.accuracy_report import accuracy_report
from golden.experiments.accuracy_runs import Result, Run
from golden.experiments.classifiers import (
    KINDS,
    Sizes,
    classifier,
    dense_parameters,
    parameters_of,
)
from golden.experiments.clos_accuracy import ClosAccuracy
from golden.experiments.experiment import Experiment, Report, Settings, execute
from golden.experiments.fitting import fit, score
from golden.experiments.judgement import difference
from golden.experiments.learning_rates import parts, split_of
from golden.experiments.table import ResultTable, read_results, results_csv
from tests.support.datasets import write_files
from tests.support.drawn import description

SIZES = Sizes(inputs=49, hidden=32, classes=10)
RUN = Run("test", "toy", 100, "Clos", 32, 5.5, 0.003, 60, 8, 0)


@dataclasses.dataclass(frozen=True)
class Square:
    number: int


@dataclasses.dataclass(frozen=True)
class Squared:
    square: int
    root: float


class Squares(Experiment[Square, Squared]):
    """Squares of 0, 1, 2; when they are known, that of their sum."""

    name = "squares"
    run_type = Square
    result_type = Squared

    @property
    def total(self):
        return 4

    def __init__(self, fails_at=None):
        self.fails_at, self.measured = fails_at, []

    def plan(self, results):
        runs = [Square(number) for number in range(3)]
        if all(run in results for run in runs):
            runs.append(Square(sum(results[run].square for run in runs)))
        return runs

    def measure(self, run):
        if run.number == self.fails_at:
            raise KeyboardInterrupt
        self.measured.append(run.number)
        return Squared(run.number**2, run.number**0.5)

    def report(self, results):
        return Report(str(len(results)), {})


@pytest.mark.slow
def test_workers_end_with_their_parent(tmp_path):
    """Even if it is killed: none goes on training for nobody."""
    command = [Path(sys.executable).with_name("clostorus"), "experiment", "clos-accuracy", "--out",
               tmp_path, "--quiet"]
    parent = subprocess.Popen(command)
    try:
        deadline = time.monotonic() + 120
        workers = []
        while len(workers) < 2:  # A thread of the parent may have begun them.
            assert time.monotonic() < deadline and parent.poll() is None
            time.sleep(0.2)
            workers = [child for task in Path(f"/proc/{parent.pid}/task").iterdir()
                       for child in (task / "children").read_text().split()]
    finally:
        parent.kill()
        parent.wait()
    deadline = time.monotonic() + 60
    while any(Path(f"/proc/{worker}").exists() for worker in workers):
        assert time.monotonic() < deadline
        time.sleep(0.2)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_c7_networks_fill_their_budget(kind):
    """At most the budget; one step of size (a router, a rank, a degree) more would exceed it."""
    whole = dense_parameters(SIZES)
    for budget in (whole, whole // 3):
        if kind == "dense" and budget < whole:
            continue
        model = classifier(kind, SIZES, budget, seed=3)
        step = {"dense": 1, "narrow": 60, "low-rank": 81, "pruned": 32, "Clos": 49 + 32 + 7 * 4}
        found = parameters_of(model)
        assert found <= budget < found + step[kind] or (kind == "low-rank" and budget == whole)
        assert model(torch.rand(3, 49)).shape == (3, 10)
    again = classifier(kind, SIZES, whole, seed=3)
    other = classifier(kind, SIZES, whole, seed=4)
    first = classifier(kind, SIZES, whole, seed=3).state_dict()
    assert all(torch.equal(value, first[name]) for name, value in again.state_dict().items())
    assert not torch.equal(again[2].weight, other[2].weight)


def test_c7_networks_that_do_not_fit_are_refused():
    with pytest.raises(ModelError, match="kind must be one of dense, .*, not 'wide'"):
        classifier("wide", SIZES, 1000, seed=0)
    for kind, budget in (("dense", 1929), ("narrow", 69), ("low-rank", 442), ("Clos", 470)):
        with pytest.raises(ModelError, match=f"budget {budget} has no room .* {kind} network"):
            classifier(kind, SIZES, budget, seed=0)
    with pytest.raises(ModelError, match="budget 393 .* pruned .* do not reach"):
        classifier("pruned", SIZES, 393, seed=0)


def test_fit_learns_and_repeats():
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(200, 49, generator=generator)
    labels = (x[:, :3].sum(1) > 1.5).long()
    losses, scores = [], []
    for _ in range(2):
        model = classifier("Clos", SIZES, 1000, seed=0)
        losses.append(fit(model, x, labels, rate=0.01, steps=80, batch=50, seed=1))
        scores.append(score(model, x, labels))
    assert losses[0] == losses[1] < 0.5
    assert scores[0] == scores[1] > 0.8


class Kept:
    """Results in memory, in the order in which they came."""

    def __init__(self, results=()):
        self.kept = dict(results)

    @property
    def results(self):
        return MappingProxyType(self.kept)

    def add(self, run, result):
        assert run not in self.kept
        self.kept[run] = result


def backwards(function, jobs):
    return ((job, function(job)) for job in reversed(jobs))


def test_runs_are_made_once_and_come_in_the_order_of_the_plan():
    heard, store = [], Kept()
    whole = execute(Squares(), store, tell=lambda *what: heard.append(what))
    assert whole == store.kept and list(whole) == [Square(0), Square(1), Square(2), Square(5)]
    assert [done for _, done, _ in heard] == [0, 1, 2, 3, 3, 4, 4]
    assert heard[1][0] == "squares: Square(number=0)"
    assert str(RUN) == "toy, test, Clos / 5.5, rate 0.003, #0"

    other = Kept()
    found = execute(Squares(), other, backwards)
    assert list(found.items()) == list(whole.items())
    assert list(other.kept) == [Square(2), Square(1), Square(0), Square(5)]

    begun = Kept()
    with pytest.raises(KeyboardInterrupt):
        execute(Squares(fails_at=2), begun)
    assert list(begun.kept) == [Square(0), Square(1)]
    rest = Squares()
    assert execute(rest, begun) == whole
    assert rest.measured == [2, 5]


def test_rows_of_other_runs_do_not_count():
    store = Kept({Square(77): Squared(5929, 8.774964387392123)})
    assert Square(77) not in execute(Squares(), store) and len(store.kept) == 5


def written(path, results):
    path.write_text(results_csv(Square, Squared, results))
    return path.read_text()


def read(path):
    return read_results(path, Square, Squared)


def test_tables_are_read_back_as_they_were_written(tmp_path):
    path = tmp_path / "runs.csv"
    whole = {**execute(Squares(), Kept()), Square(77): Squared(5929, math.sqrt(77))}
    text = written(path, whole)
    assert text.splitlines()[:3] == ["number,square,root", "0,0,0.0", "1,1,1.0"]
    assert list(read(path).results.items()) == list(whole.items()) and read(path).cut == ""
    assert written(path, {}) == "number,square,root\n" and not read(path).results


@pytest.mark.parametrize("kept", range(-1, -12, -1))
def test_a_last_row_that_is_cut_is_no_row(tmp_path, kept):
    """Half a number is a number, too: 4,2.0 could be 4,2.0567. The run is made again."""
    path = tmp_path / "runs.csv"
    whole = execute(Squares(), Kept())
    path.write_text(written(path, whole)[:kept])
    found = read(path)
    assert found.cut == path.read_text().rpartition("\n")[2]
    assert dict(found.results) == {run: whole[run] for run in list(whole)[:3]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("number,squ", "must have the columns number, square, root, not none; remove it to begin"),
        ("", "must have the columns number, square, root, not none"),
        ("number,square\n1,1\n", "columns number, square, root, not number, square"),
        ("number,square,root\n1,1\n", "line 2 must have 3 values, not 2"),
        ("number,square,root\n1,1,1.0\n2,4,x\n", "line 3: root must be a finite float, not 'x'"),
        ("number,square,root\n1,1,inf\n", "line 2: root must be a finite float, not 'inf'"),
        ("number,square,root\n1,1.5,1\n", "line 2: square must be a finite int, not '1.5'"),
        ("number,square,root\n1,1,1\n1,1,1\n", "line 3: each run must be there once"),
        ("number,square,root\n\xff\n", "must be a CSV file"),
        ('number,square,root\n1,1,"2\n', "must be a CSV file: unexpected end of data"),
    ],
)
def test_tables_that_are_something_else_are_refused(tmp_path, text, message):
    path = tmp_path / "runs.csv"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(DataError, match=message):
        read(path)
    assert path.read_bytes() == text.encode("latin-1")


def test_a_table_is_a_store_that_is_whole_after_every_run(tmp_path):
    path = tmp_path / "runs.csv"
    with pytest.raises(KeyboardInterrupt):
        execute(Squares(fails_at=2), ResultTable(path, Square, Squared))
    assert list(read(path).results) == [Square(0), Square(1)]
    whole = execute(Squares(), ResultTable(path, Square, Squared))
    assert dict(read(path).results) == whole and list(tmp_path.iterdir()) == [path]
    with pytest.raises(DataError, match="runs.csv cannot be written: there is no folder"):
        ResultTable(tmp_path / "none" / "runs.csv", Square, Squared).add(Square(1), Squared(1, 1.0))


def test_table_that_cannot_be_read(tmp_path):
    with pytest.raises(DataError, match="runs.csv cannot be read: No such file"):
        read(tmp_path / "runs.csv")


def test_settings_are_checked():
    with pytest.raises(ModelError, match="seeds must be 1 to 1000, not 0"):
        Settings(seeds=0)
    with pytest.raises(DataError, match="data must name at least one"):
        Settings(data=())


def test_differences_have_welch_intervals():
    """Against SciPy's own; and where it has none."""
    from scipy import stats

    first, second = [0.91, 0.93, 0.92, 0.95], [0.90, 0.905, 0.89]
    found = difference(first, second)
    wanted = stats.ttest_ind(first, second, equal_var=False).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((100 * wanted.low, 100 * wanted.high))
    assert found.points == pytest.approx(100 * (0.9275 - 0.8983333333))
    assert difference([0.9], [0.8, 0.8]).verdict() == "undecided"
    assert difference([0.9, 0.9], [0.8, 0.8]).verdict() == "yes"
    assert difference([0.8, 0.8], [0.9, 0.9]).verdict(9) == "no"
    assert difference([0.8, 0.8], [0.9, 0.9]).verdict(11) == "yes"


def report(tmp_path, clos, others=0.9, rate=0.003, seeds=3):
    """The text for networks of these accuracies, read back from a CSV; dense ones have 0.95."""
    accuracies = {("dense", 1.0): 0.95}
    for reduction, accuracy in clos.items():
        accuracies["pruned", reduction] = others
        accuracies["Clos", reduction] = accuracy
    table = {}
    for (kind, reduction), accuracy in accuracies.items():
        for seed in range(seeds):
            run = dataclasses.replace(RUN, kind=kind, reduction=reduction, rate=rate, seed=seed)
            off = (-0.001, 0.0, 0.001, 0.0)[seed]
            table[run] = Result(int(100000 / reduction), 0.1, accuracy + off)
    (tmp_path / "runs.csv").write_text(results_csv(Run, Result, table))
    rows = read_results(tmp_path / "runs.csv", Run, Result).results.items()
    made = accuracy_report(rows, (0.001, 0.003, 0.01))
    said = description(made.pictures["accuracy.png"])
    bars = "each point: mean of {} seeds; its bar: from the lowest to the highest of them"
    assert said[0] == (bars.format(seeds) if seeds > 1 else "each point: one seed")
    low, high = (94.9, 95.1 if seeds > 2 else 95.0) if seeds > 1 else (94.9, 94.9)
    assert f"toy, dense: 100000: {(low + high) / 2:.2f} ({low:.2f} to {high:.2f})" in said
    return made.text


@pytest.mark.parametrize(
    ("clos", "verdict", "reach"),
    [
        ({5.5: 0.947, 11.0: 0.945, 22.0: 0.92}, "holds", "margin with 5.5 and 11.0 times fewer"),
        ({5.5: 0.93, 11.0: 0.92}, "does not hold", "for no Clos network"),
        ({2.75: 0.948, 5.5: 0.939}, "is not decided", "margin with 2.8 times fewer"),
        ({2.75: 0.94, 5.5: 0.95, 11.0: 0.97, 22.0: 0.96}, "holds", "with 5.5, 11.0 and 22.0 times"),
        ({5.5: 0.96, 22.0: 0.5}, "holds", "margin with 5.5 times fewer"),
    ],
)
def test_c7_verdict_follows_the_table(tmp_path, clos, verdict, reach):
    text = report(tmp_path, clos)
    assert f"fig 3) {verdict}." in text and reach in text
    assert f"{100 * (clos[5.5] - 0.95):+.2f} (" in text
    above, below = (sum(sign * (a - 0.9) > 0 for a in clos.values()) for sign in (1, -1))
    assert f"is above pruned at {above} and below at {below};" in text
    assert "learning rate lies" not in text
    assert text.count("\n|") == 2 + 1 + 2 * len(clos)


def test_c7_verdict_says_what_it_does_not_know(tmp_path):
    one = report(tmp_path, {5.5: 0.96}, seeds=1)
    assert "(mean of 1 seed)" in one and "is not decided" in one and "(one seed)" in one
    edge = report(tmp_path, {5.5: 0.96}, others=0.96, rate=0.01)
    assert "those tried, or beyond: dense at 0.01, pruned at 0.01, Clos at 0.01." in edge
    assert "is above pruned at 0 and below at 0;" in edge


def test_c7_rates_are_chosen_by_kind_on_validation(monkeypatch):
    experiment = ClosAccuracy(Settings(seeds=2))
    choices = experiment.plan({})
    assert {run.purpose for run in choices} == {"choice"}
    assert len(choices) == len(KINDS) * len(experiment.rates) == 20
    # Kinds like different rates; of two equal ones the smaller is taken.
    best = dict(zip(KINDS, (*experiment.rates, experiment.rates[0]), strict=True))
    results = {
        run: Result(1, 0.0, 0.9 if run.rate in (best[run.kind], 0.03) else 0.8) for run in choices
    }
    plan = experiment.plan(results)
    tests = [run for run in plan if run.purpose == "test"]
    assert len(plan) == experiment.total == 20 + 2 * 17
    assert {(run.kind, run.rate) for run in tests} == set(best.items())
    split = split_of("mnist10k")
    (x, _), (held, _) = parts(split, "choice")
    assert (len(x), len(held)) == (6400, 1600)
    assert len(torch.unique(torch.cat([x, held]), dim=0)) == len(
        torch.unique(torch.as_tensor(split.train_x), dim=0)
    )
    (x, _), (test, _) = parts(split, "test")
    assert (len(x), len(test)) == (8000, 2000)


def test_c7_data_that_does_not_do_is_refused(tmp_path):
    with pytest.raises(DataError, match="data must have different names, not mnist10k twice"):
        ClosAccuracy(Settings(("mnist10k", "mnist10k")))
    with pytest.raises(DataError, match="apt-get install dataset-fashion-mnist"):
        ClosAccuracy(Settings(("no-such-folder",)))
    with pytest.raises(DataError, match="data must have larger samples .*: budget .* has no room"):
        ClosAccuracy(Settings((str(write_files(tmp_path)),)))
