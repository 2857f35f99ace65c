"""`clostorus compile`: what bounds a net, what fixed point costs it, and bad input."""

import json
import re

import pytest
import torch

from golden import ClosNet, ClosShape, save_model
from sw_driver import load_artifact
from tests.support.command_line import fail, succeed
from tests.support.golden_models import rewrite


def test_compile_says_what_bounds_it(model, tmp_path):
    result = succeed("compile", model, "--torus", "2x2", "-o", tmp_path / "m.ctz")
    prediction = load_artifact(tmp_path / "m.ctz").prediction
    part = prediction.bound_by
    assert part in ("MAC", "op fetch")
    share = f"the {part}: {prediction.bounds[part]} of {prediction.cycles:g} cycles"
    assert re.search(rf"largest bound +{share} \(\d+\.\d %\)", result.stdout)
    assert "cycles per sample, predicted" in result.stdout


def test_compile_says_when_the_host_bounds_it(tmp_path):
    save_model(tmp_path / "wide.pt", ClosNet([ClosShape(784, 10, 28, 1, 2)]))
    options = ("--data", "mnist10k", "--torus", "7x4", "--host-bits", 32)
    result = succeed("compile", tmp_path / "wide.pt", *options, "-o", tmp_path / "m.ctz")
    bound = r"largest bound +the host input, not the MACs: \d+ of \d+ cycles"
    assert re.search(bound, result.stdout)


def test_compile_options_reach_the_torus(model, tmp_path):
    path = tmp_path / "m.ctz"
    options = ("--word-bits", 12, "--weight-bits", 9, "--host-bits", 128, "--order", "program")
    succeed("compile", model, "--torus", "1x3", *options, "--bake", "-o", path)
    found = load_artifact(path)
    config = found.config
    assert (config.rows, config.cols) == (1, 3)
    assert (config.act_bits, config.weight_bits, config.host_bits) == (12, 9, 128)
    assert found.order == tuple(range(len(found.stages)))
    assert found.baked


def test_compile_with_lanes(model, tmp_path):
    """The torus, its id and what is said of it have the lanes; padding is shown, also by info."""
    path = tmp_path / "m.ctz"
    options = ("--torus", "2x2", "--lanes-in", 2, "--lanes-out", 4)
    result = succeed("compile", model, *options, "-o", path)
    config = load_artifact(path).config
    assert (config.lanes_in, config.lanes_out) == (2, 4)
    shown = succeed("info", path).stdout
    for text in (result.stdout, shown):
        assert re.search(r"multipliers of a PE +2 words x 4 sums a cycle", text)
        assert re.search(r"padding of the lanes +\d+\.\d % of their products", text)
    succeed("verify", path)
    again = json.loads(succeed("info", path, "--json").stdout)
    assert again["torus"]["lanes_out"] == 4 and 0 < again["lane_padding"] < 1


def test_compile_with_two_words_a_link(model, tmp_path):
    """Like lanes; info also says which words are there only to make pairs."""
    path = tmp_path / "m.ctz"
    options = ("--torus", "3x1", "--lanes-in", 2, "--link-words", 2, "--quiet")
    succeed("compile", model, *options, "-o", path)
    assert load_artifact(path).config.link_words == 2
    shown = succeed("info", path).stdout
    assert re.search(r"words a link moves at once +2", shown)
    added, moved = map(int, re.search(
        r"padding of the links +(\d+) of (\d+) words that a row and a column gather",
        shown).groups())
    again = json.loads(succeed("info", path, "--json").stdout)
    assert again["torus"]["link_words"] == 2
    assert 0 < again["link_padding_words"] == added < moved
    succeed("verify", path)


def test_compile_with_checks(model, tmp_path):
    """The artifact, its torus and a board have them; a torus that is found does not."""
    path, of_board, verilog = (tmp_path / name for name in ("m.ctz", "board.ctz", "m.v"))
    succeed("compile", model, "--torus", "1x2", "--checks", 1, "--quiet", "-o", path)
    assert load_artifact(path).config.checks == 1
    assert json.loads(succeed("info", path, "--json").stdout)["torus"]["checks"] == 1
    assert re.search("checks +a parity beside each word", succeed("info", path).stdout)
    succeed("verify", path)
    fail(2, "checks must be left out where the torus is found", "compile", model, "--torus", "auto",
         "--checks", 1, "--board", "ulx3s-85f", "-o", tmp_path / "no.ctz")
    assert not (tmp_path / "no.ctz").exists()
    succeed("compile", model, "--torus", "1x2", "--checks", 1, "--board", "ulx3s-85f", "--quiet",
            "-o", of_board)
    assert load_artifact(of_board).config.checks == 1
    succeed("verilog", "--config-from", path, "--top", "board", "-o", verilog, "--quiet")
    assert "faults" in verilog.read_text()


@pytest.mark.slow
def test_run_with_checks(model, tmp_path):
    path = tmp_path / "m.ctz"
    succeed("compile", model, "--torus", "1x2", "--checks", 1, "--quiet", "-o", path)
    shown = json.loads(succeed("run", path, "--device", "sim", "--samples", 4, "--json").stdout)
    without = json.loads(succeed("run", path, "--device", "golden", "--samples", 4,
                                 "--json").stdout)
    assert shown["classes"] == without["classes"] and shown["samples"] == 4


def test_compile_writes_the_same_bytes(model, artifact, tmp_path):
    succeed("compile", model, "--torus", "2x2", "-o", tmp_path / "m.ctz")
    assert (tmp_path / "m.ctz").read_bytes() == artifact.read_bytes()


def test_compile_exports(model, tmp_path):
    arguments = ("--torus", "2x2", "--export", tmp_path / "out", "--json")
    result = succeed("compile", model, *arguments, "-o", tmp_path / "m.ctz")
    exported = json.loads(result.stdout)["exported"]
    assert set(exported) == {str(path) for path in (tmp_path / "out").iterdir()}


def test_compile_bad_input(model, tmp_path):
    def refuse(message, *options, source=model, torus="2x2", output=tmp_path / "m.ctz"):
        fail(2, message, "compile", source, "--torus", torus, *options, "-o", output)
        assert not output.exists()

    refuse("--torus must be ROWSxCOLUMNS, for instance 4x4, not '22'", torus="22")
    refuse("rows must be 1 to 64, not 0", torus="0x2")
    refuse("--word-bits must be 4 to 18, not 19", "--word-bits", 19)
    refuse("--weight-bits must be 4 to 18, not 3", "--weight-bits", 3)
    refuse("--host-bits must be one of", "--host-bits", 48)
    refuse("--lanes-in must be 1 to 2, not 4", "--lanes-in", 4)
    refuse("--lanes-out must be one of 1, 2, 4, 8, not 6", "--lanes-out", 6)
    refuse("--lanes-out must be 1 to 8, not 1000", "--lanes-out", 10**30)
    refuse("--link-words must be 1 where lanes_in is 1, not 2", "--link-words", 2)
    refuse("--link-words must be 1 or 2, not 3", "--link-words", 3, "--lanes-in", 2)
    refuse("torus 2x2 does not fit .*64 of 28 DSP", "--lanes-in", 2, "--lanes-out", 8, "--board",
           "ulx3s-25f", torus="2x2")
    refuse("--order must be one of best, program, not 'x'", "--order", "x")
    refuse(r"samples of 64 values, the inputs of .*, but mnist10k training split has 784",
           "--data", "mnist10k")
    save_model(tmp_path / "no_data.pt", ClosNet([ClosShape(64, 10, 8, 2, 5)]))
    refuse("--data must name the samples that set the scales: .*no_data.pt does not say which",
           source=tmp_path / "no_data.pt")
    refuse("there is no folder", output=tmp_path / "none" / "m.ctz")
    (tmp_path / "file").write_text("")
    refuse("cannot be written", "--export", tmp_path / "file" / "out")
    refuse("--samples needs --export: they are those of its testbench", "--samples", 3)
    refuse("--samples must be at most 1437, those of digits, not 1438", "--samples", 1438,
           "--export", tmp_path / "out")
    refuse("cannot be read", source=tmp_path / "none.pt")
    (tmp_path / "cut.pt").write_bytes(model.read_bytes()[:1000])
    refuse("truncated", source=tmp_path / "cut.pt")
    rewrite(model, tmp_path / "nan.pt",
            lambda content: content["state_dict"]["layers.0.bias"].fill_(torch.nan))
    refuse("must be finite", source=tmp_path / "nan.pt")


def test_the_data_of_a_file_are_its_default(tmp_path):
    layers = ("--layer", "784,10,28,2,2", "--layer", "10,10,5,2,5")
    succeed("train", *layers, "--data", "mnist10k", "--epochs", 1, "-o", tmp_path / "m.pt")
    result = succeed("compile", tmp_path / "m.pt", "--torus", "2x2", "-o", tmp_path / "m.ctz")
    assert re.search("scales from +mnist10k training split, 8000 samples", result.stdout)
    assert load_artifact(tmp_path / "m.ctz").data == "mnist10k"
    result = succeed("run", tmp_path / "m.ctz", "--samples", 20)
    assert "20 samples of mnist10k test split" in result.stdout
    succeed("train", "--resume", "--epochs", 2, "-o", tmp_path / "m.pt")


def test_what_fixed_point_costs_is_said(model, tmp_path):
    compile_for = ("compile", model, "--torus", "2x2", "-o", tmp_path / "m.ctz")
    result = succeed(*compile_for)
    for row in ("output error, largest +0.0", "output error, mean +0.0", "same class as in float"):
        assert re.search(row, result.stdout)
    assert re.search("saturated, layer 1 +nothing", result.stdout)
    assert re.search(r"error, layer 0 +mean 0\.0\S+ %, largest \S+ % of its range", result.stdout)
    assert result.stderr == ""
    found = json.loads(succeed(*compile_for, "--json").stdout)["fixed_point"]
    assert found["layer_errors"][1] == {name: found[name] for name in ("span", "largest", "mean")}
    assert found["data"] == "digits training split" and found["samples"] == 1437
    assert found["largest"] < 1e-3 * found["span"] and found["agreement"] > 0.995


@pytest.mark.filterwarnings("always::golden.GoldenWarning")
def test_words_that_are_too_narrow_are_warned_of(model, tmp_path):
    result = succeed("compile", model, "--torus", "2x2", "--word-bits", 4, "-o", tmp_path / "m.ctz")
    assert re.fullmatch(
        "clostorus: warning: fixed point changes what the model computes: on digits training split "
        ".* % of the samples change their class.*wider words .--word-bits, now 4; .*\n",
        result.stderr,
    )
