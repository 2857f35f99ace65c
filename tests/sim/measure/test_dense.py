"""The tables of dense layers: what utilisation means, which nets are compared, and one run."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from golden.layers.dense import DenseShape
from hw.config import TorusConfig
from sim.errors import SimError
from sim.measure import dense, dense_rivals, dense_runs
from sim.measure.dense import layer_utilisation, verdict
from sim.measure.dense_rivals import NETS, Rival, measure_rivals, shapes_of
from sim.measure.results import Bench
from sw_driver.cli import app

PAIR = (DenseShape(256, 256), DenseShape(256, 10))
RAN = {"cycles": 1000.0, "predicted": 1000.0, "padding": 0.0, "mac": {"working": 1.0},
       "words_compared": 80, "host_bits_needed": 32}


@pytest.mark.parametrize(("shapes", "pes", "cycles", "expected"), [
    ((DenseShape(8, 6),), 4, 12, 1.0),
    ((DenseShape(8, 6),), 4, 16, 0.75),
    # 48 products before, 12 cycles of 4 PEs at least: 5 cycles are left for 12 products.
    ((DenseShape(8, 6), DenseShape(6, 2)), 4, 17, 0.6),
    (PAIR, 16, 4300, 160 / 204),
])
def test_all_that_is_lost_is_lost_by_the_last_layer(shapes, pes, cycles, expected):
    assert layer_utilisation(shapes, pes, cycles) == pytest.approx(expected)


def test_an_aim_is_met_or_missed(monkeypatch, tmp_path):
    assert verdict(0.7, 0.7) == "met" and verdict(0.699, 0.7) == "**missed**"
    monkeypatch.setattr(dense, "run_net", lambda *_: RAN)
    # 640 products on 16 PEs take 40 cycles.
    cases = [dense._Case((DenseShape(32, 20),), 4, aim) for aim in (0.03, 0.5)]
    text, values = dense._utilisation(Bench(tmp_path), cases)
    assert [value["utilisation"] for value in values] == [0.04, 0.04]
    rows = [line for line in text.splitlines() if line.startswith("| (32, 20)")]
    assert " | 4.0 % | 3 % | met | " in rows[0] and " | 4.0 % | 50 % | **missed** | " in rows[1]


@pytest.mark.parametrize("rival", NETS, ids=lambda rival: f"{rival.kind}, {rival.reduction}")
def test_a_net_has_the_layers_of_its_model_and_a_measured_accuracy(rival):
    model = dense_rivals._model(rival)
    shapes = shapes_of(model)
    parameters = sum(one.numel() for one in model.parameters())
    # 256 biases of the layer before the ReLU, whatever its kind, and 10 of the outputs.
    assert sum(shape.parameters for shape in shapes) + 266 == parameters
    assert (shapes[0].in_features, shapes[-1].as_tuple()) == (784, (256, 10))
    assert 90 < float(dense_rivals._accuracy(rival.kind, parameters)) < 97


def test_a_net_without_a_measured_accuracy_is_named(monkeypatch, tmp_path):
    page = tmp_path / "papers.md"
    page.write_text("| Clos | 35562 | 5.7 | 0.01 | 12.34 |\n"
                    "**mnist10k**\n| Clos | 8778 | 23.2 | 0.01 | 9 |")
    monkeypatch.setattr(dense_rivals, "_PAPERS", page)
    assert dense_rivals._accuracy("Clos", 8778) == "9"
    with pytest.raises(SimError, match=r"papers.md must have a row of Clos with 35562 parameters"):
        dense_rivals._accuracy("Clos", 35562)


def test_times_faster_are_those_of_the_dense_net(monkeypatch, tmp_path):
    def run(bench, shapes, config):
        return RAN | {"cycles": float(sum(shape.parameters for shape in shapes))}

    monkeypatch.setattr(dense_rivals, "run_net", run)
    text, values = measure_rivals(Bench(tmp_path))
    clos = next(value for value in values if value["net"] == Rival("Clos", 22))
    assert clos["utilisation"] == 1 / 16
    row, = (line for line in text.splitlines() if line.startswith("| Clos: (784, 256, 28, 4, 16)"))
    assert row.split(" | ")[1:6] == ["8778", "23.2", "95.07 %", "8512", "23.9"]


def test_a_part_holds_a_net_or_not(monkeypatch, tmp_path):
    """The torus of the build holds the smallest Clos net; the dense one fits in words of 8 bits."""
    monkeypatch.setattr(dense_rivals, "run_net", lambda *_: RAN)
    monkeypatch.setattr(dense_rivals, "NETS", (NETS[0], NETS[3]))
    text, values = dense_rivals.measure_parts(Bench(tmp_path))
    found = [(value["bits"], value["fits_built"], value["fits_part"]) for value in values]
    assert found == [(16, False, False), (16, True, True), (8, False, True)]
    assert "does not fit |" in text and text.count(" * |") == 1


def test_a_wrong_word_is_noticed(monkeypatch):
    class Device:
        """Answers with the words that it is made to answer."""

        words = np.zeros((8, 5), np.int64)

        def __init__(self, *, engine):
            assert engine == "verilator"

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def load(self, compiled):
            pass

        def infer_words(self, x):
            return self.words

        def steady_cycles(self, samples):
            return 9.0

    monkeypatch.setattr(dense_runs, "SimDevice", Device)
    torus = TorusConfig(rows=2, cols=2)
    net = dense_runs.drawn_net([DenseShape(6, 5)], torus)
    with pytest.raises(SimError, match=r"words of \(6, 5\) on the RTL must be those of the golden"):
        dense_runs._run([DenseShape(6, 5)], torus)
    x = dense_runs.random_words(net, 8, seed=1)
    Device.words = net.forward_words(x).numpy()
    assert dense_runs._run([DenseShape(6, 5)], torus)["words_compared"] == 40


@pytest.mark.slow
@pytest.mark.usefixtures("toolchain")
def test_the_quick_table_is_measured_on_the_rtl(tmp_path):
    result = CliRunner().invoke(app, ["bench", "dense", "--quick", "--json", "--results",
                                      str(tmp_path)])
    assert result.exit_code == 0, result.stderr
    case, = json.loads(result.stdout)["tables"]["dense"]["utilisation"]
    assert case["cycles"] == case["predicted"] and case["words_compared"] == 80
    assert 0.3 < case["utilisation"] < 1
