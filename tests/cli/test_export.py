"""`clostorus export`: what it writes, and what it refuses."""

import json

import pytest

from golden import DIGITS_SHAPES, ClosNet, save_model
from sw_driver.c_host.header import library_header
from tests.support.command_line import fail, succeed


def test_a_net_and_the_library_beside_it(artifact, tmp_path):
    header = tmp_path / "c" / "My net.h"
    header.parent.mkdir()
    result = json.loads(succeed("export", "--c", artifact, "-o", header, "--json").output)
    assert (result["net"], result["trains"], result["samples"]) == ("my_net", False, 16)
    assert (tmp_path / "c" / "clostorus.h").read_bytes() == library_header()
    text = header.read_text()
    assert f" * {result['hardware_id']}. Written by" in text
    assert "static const clostorus_net my_net = {" in text
    again = tmp_path / "again.h"
    succeed("export", "--c", artifact, "-o", again, "--name", "my_net", "--quiet")
    assert again.read_text() == text


def test_a_training_goes_on_with_its_batch(tmp_path):
    model = tmp_path / "trained.pt"
    succeed("train", "--device", "golden", "--torus", "1x1", "--epochs", "1", "--batch", "4",
            "--layer", "64,16,8,2,4", "--layer", "16,10,4,2,2", "-o", model)
    result = json.loads(succeed("export", "--c", model, "-o", tmp_path / "a.h", "--json").output)
    assert (result["trains"], result["samples"]) == (True, 4)
    assert "#define A_TRAIN_SAMPLES 4\n" in (tmp_path / "a.h").read_text()
    fail(2, r"samples must be 4, the batch of .*trained\.pt, not 8", "export", "--c", model, "-o",
         tmp_path / "b.h", "--samples", "8")
    assert not (tmp_path / "b.h").exists()


@pytest.mark.parametrize("arguments, message", [
    (("-o", "x.h"), "export needs --c"),
    (("--c", "-o", "x.h", "--name", "2x"), "name must be an identifier of C, .*net_2x would do"),
    (("--c", "-o", "clostorus.h"), "--output and clostorus.h must be different files"),
    (("--c", "-o", "x.h", "--name", "while"), "my_while would do, 'while' does not"),
    (("--c", "-o", "x.c"), "output must end in .h, as a header of C does, not 'x.c'"),
    (("--c", "-o", "/dev/null"), "output must be a file, beside which clostorus.h is written"),
])
def test_refusals(artifact, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    fail(2, message, "export", artifact, *arguments)
    assert list(tmp_path.iterdir()) == []


def test_inputs_are_not_overwritten(artifact, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    own = tmp_path / "clostorus.h"
    own.write_bytes(artifact.read_bytes())
    fail(2, "clostorus.h", "export", "--c", own, "-o", "net.h")
    assert own.read_bytes() == artifact.read_bytes()


def test_a_model_that_no_torus_trained(tmp_path):
    model = tmp_path / "model.pt"
    save_model(model, ClosNet(DIGITS_SHAPES), data="digits")
    fail(2, "must be a compiled model or a model file trained on a torus", "export", "--c", model,
         "-o", tmp_path / "net.h")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.pt"]
