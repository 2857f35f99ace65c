"""The examples of conversion, on few samples: each trains, saves weights and writes its page."""

import dataclasses
import os
import sys

import pytest
import torch

from golden.convert import rebuild
from golden.errors import GoldenError
from golden.studies import conversions
from golden.studies.conversion_models import MODELS, digits

os.environ["HF_HUB_OFFLINE"] = "1"
pytest.importorskip("transformers")


@pytest.fixture(autouse=True)
def short_fits(monkeypatch):
    for name, example in MODELS.items():
        specs = {pattern: dataclasses.replace(spec, sweeps=1)
                 for pattern, spec in example.specs.items()}
        monkeypatch.setitem(MODELS, name, dataclasses.replace(example, specs=specs))


@pytest.mark.filterwarnings("ignore:inputs hold .* samples for")
@pytest.mark.parametrize("name", MODELS)
def test_each_model_is_converted_and_trained(name):
    outcome = conversions.study(name, epochs=1, samples=64)
    report = outcome.report
    assert report.reduction > 2 and all(layer.error is not None for layer in report.replaced)
    assert all(layer.output_error < 1 for layer in report.replaced)
    assert {layer.becomes.split(",")[0] for layer in report.replaced} <= {
        "ClosLinear", "ClosConv2d"}  # fmt: skip
    assert 0 <= min(outcome.dense, outcome.converted, outcome.tuned, outcome.dense_longer)
    rebuild(MODELS[name].make(), report.record)
    if name == "mobilenet":
        assert any("depthwise" in layer.reason for layer in report.layers)
    if name == "gpt":
        assert all(layer.kind == "Conv1D" for layer in report.replaced)
        assert outcome.measure == "right next words"


def test_a_text_is_an_image_of_few_pixels():
    held = digits(MODELS["bert"], 5)
    assert held.train_x.shape == (5, 16) and held.train_x.dtype == torch.int64
    assert int(held.train_x.min()) >= 0 and int(held.train_x.max()) <= 16
    words = digits(MODELS["gpt"], 5)
    assert words.train_y.equal(words.train_x[:, 1:])


def run(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["conversions", *arguments])
    conversions.main()


def test_the_tables_are_put_between_the_marks_of_a_page(monkeypatch, capsys, tmp_path):
    page = tmp_path / "page.md"
    text = "# A\n<!-- begin conversion vit -->\nold\n<!-- end conversion vit -->\nrest\n"
    page.write_text(text)
    threads = torch.get_num_threads()
    run(monkeypatch, "vit", "--epochs", "1", "--samples", "40", "--page", str(page))
    torch.set_num_threads(threads)
    printed = capsys.readouterr().out
    assert page.read_text() == text.replace("old\n", printed)
    assert "| vit.layers.*.mlp.fc1 (2 times) | Linear | ClosLinear" in " ".join(printed.split())


def test_a_page_without_marks_is_refused_before_anything_is_trained(monkeypatch, tmp_path):
    monkeypatch.setattr(conversions, "study", lambda *_, **__: pytest.fail("it was run"))
    page = tmp_path / "page.md"
    with pytest.raises(GoldenError, match="--page .*page.md cannot be read"):
        run(monkeypatch, "vit", "--page", str(page))
    page.write_text("<!-- end conversion vit -->\n<!-- begin conversion vit -->\n")
    with pytest.raises(GoldenError, match="must have the lines <!-- begin conversion vit -->"):
        run(monkeypatch, "vit", "--page", str(page))


@pytest.mark.parametrize("arguments", [["lstm"], [], ["vit", "--epochs", "0"], ["vit", "-x"]])
def test_wrong_lines_end_with_the_usage(monkeypatch, capsys, arguments):
    with pytest.raises(SystemExit) as caught:
        run(monkeypatch, *arguments)
    assert caught.value.code == 2 and "usage:" in capsys.readouterr().err


def test_without_the_library_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(GoldenError, match="transformers must be installed for these models"):
        conversions.study("bert")
