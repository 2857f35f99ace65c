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
    (("-o", "x.h"), "export needs either --c or --testbench"),
    (("--c", "--testbench", "-o", "x"), "export needs either --c or --testbench"),
    (("--testbench", "-o", "x", "--name", "n"), "name needs --c: a testbench has none"),
    (("--c", "-o", "x.h", "--data", "digits"), "need --testbench: a header in C has no samples"),
    (("--testbench", "-o", "/dev/null"), "/dev/null cannot be written"),
    (("--testbench", "-o", "x", "--samples", "1438"),
     "samples must be at most 1437, those of digits, not 1438"),
    (("--testbench", "-o", "x", "--data", "mnist10k"), "data must be samples of 64 values"),

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


def test_a_testbench_is_what_compile_exports(made, tmp_path):
    """Of the same samples, byte by byte; --bake is kept in the artifact."""
    for name, options in (("plain", ()), ("baked", ("--bake",))):
        folder, artifact = tmp_path / name, tmp_path / f"{name}.ctz"
        succeed("compile", made / "model.pt", "--torus", "2x2", *options, "-o", artifact,
                "--export", folder, "--samples", 2)
        again = tmp_path / f"{name} again"
        result = json.loads(succeed("export", "--testbench", artifact, "-o", again, "--samples", 2,
                                    "--json").output)
        assert set(result["exported"]) == {str(path) for path in again.iterdir()}
        assert result["baked"] is (name == "baked")
        assert {path.name for path in folder.iterdir()} == {path.name for path in again.iterdir()}
        for path in folder.iterdir():
            assert (again / path.name).read_bytes() == path.read_bytes(), path.name


def test_a_testbench_of_a_training(tmp_path):
    """In whole batches, from where the training stands."""
    model, folder = tmp_path / "trained.pt", tmp_path / "lesson"
    succeed("train", "--device", "golden", "--torus", "1x1", "--epochs", "1", "--batch", "4",
            "--layer", "64,16,8,2,4", "--layer", "16,10,4,2,2", "-o", model)
    fail(2, "samples must be a multiple of 4, a batch, not 6", "export", "--testbench", model,
         "-o", folder, "--samples", 6)
    assert not folder.exists()
    succeed("export", "--testbench", model, "-o", folder, "--samples", 8)
    said = (folder / "host_script.mem").read_text()
    assert said.count("the program that trains on samples ") == 2
    assert said.endswith("// the weights, biases and random generators of all PEs\n")
    assert json.loads((folder / "io.json").read_text())["trains"]


def test_files_of_others_are_not_replaced(artifact, model, tmp_path):
    mine = tmp_path / "tb.v"
    mine.write_text("module tb; endmodule")
    message = "tb.v must not be replaced, since no io.json beside it says that clostorus wrote it"
    fail(2, message, "export", "--testbench", artifact, "-o", tmp_path)
    fail(2, message, "compile", model, "--torus", "1x1", "-o", tmp_path / "m.ctz", "--export",
         tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["tb.v"]
    assert mine.read_text() == "module tb; endmodule"


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
