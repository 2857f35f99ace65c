"""Boards on the command line: `clostorus build` and `plan`, and what is compiled for a board."""

import json
import os
import re
from types import SimpleNamespace

import pytest

from fpga.board_design import board_config
from fpga.boards import BOARDS
from fpga.errors import BoardError
from sw_driver.files.artifact import load_artifact
from sw_driver.train.saved import trained_config
from tests.support.command_line import fail, succeed


def test_the_command_line(tmp_path):
    fail(2, "board must be one of ulx3s-85f, .*, not 'de10'", "build", "--board", "de10")
    fail(2, "fold needs --bake", "build", "--board", "icebreaker", "--fold")
    fail(2, "torus 9x9 does not fit icebreaker", "build", "--board", "icebreaker", "--torus", "9x9",
         "--out", tmp_path / "out")
    fail(2, "train is for --torus", "build", "--board", "icebreaker", "--train", "--bake",
         tmp_path / "net.ctz")
    assert not list(tmp_path.iterdir())
    plan_of = succeed("plan", "--board", "icebreaker", "--json").stdout
    assert json.loads(plan_of)["weights_that_fit"] == 4096


def board_id(name, torus, *options):
    """The hardware id of what `clostorus build` would build."""
    asked = []

    def built(board, config, *_, **__):
        asked.append(config)
        raise BoardError("far enough")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fpga.board_build.build", built)
        fail(2, "far enough", "build", "--board", name, *torus, *options)
    config, = asked
    return config.hardware_id


def test_the_command_line_says_which_seed_it_is(flow, tmp_path):
    flow["fmax_mhz"] = 20.0
    options = ("build", "--board", "icebreaker", "--out", tmp_path / "out", "--seed", 3)
    assert re.search(r"^seed +3 *$", succeed(*options).stdout, re.M)
    both = succeed(*options, "--tries", 2, "--workers", 1).stdout
    assert re.search(r"^seed +3, the fastest of 2 *$", both, re.M)


@pytest.mark.slow
@pytest.mark.filterwarnings("always::golden.GoldenWarning")  # Eight bits are few.
def test_what_is_compiled_for_a_board_runs_on_its_bitstream(tmp_path):
    """Three ways to a bitstream and its net: the same hardware, as the command line makes it."""
    model, artifact = tmp_path / "model.pt", tmp_path / "model.ctz"
    layers = ("--layer", "64,10,4,4,2")
    succeed("train", *layers, "--epochs", 1, "--quiet", "-o", model)
    for name, size in (("icebreaker", "1x1"), ("ulx3s-85f", "2x2"), ("ecpix5-85f", "1x1")):
        succeed("compile", model, "--board", name, "--torus", size, "--quiet", "-o", artifact)
        assert load_artifact(artifact).config.hardware_id == board_id(name, ("--torus", size))
    fail(2, "--weight-bits and --host-bits must not be given with", "compile", model,
         "--board", "icebreaker", "--torus", "1x1", "--word-bits", 8, "-o", artifact)
    succeed("compile", model, "--torus", "2x1", "--host-bits", 32, "--quiet", "-o", artifact)
    assert load_artifact(artifact).config.hardware_id == board_id(
        "ulx3s-85f", (), "--config-from", artifact)
    trained = tmp_path / "trained.pt"
    succeed("train", *layers, "--device", "golden", "--torus", "1x1", "--epochs", 1, "--quiet",
            "-o", trained)
    assert trained_config(trained).hardware_id == board_id(
        "ulx3s-85f", (), "--config-from", trained)
    stated = json.loads(succeed("verilog", "--config-from", trained, "--json", "-o",
                                tmp_path / "torus.v").stdout)
    assert stated["hardware_id"] == f"{trained_config(trained).hardware_id:016x}"
    fail(2, "must be a compiled model or a model file trained on a torus", "build", "--board",
         "ulx3s-85f", "--config-from", model)
    fail(2, "--bake and --config-from both name", "build", "--board", "ulx3s-85f", "--config-from",
         artifact, "--bake", artifact)


def test_a_torus_that_trains_is_not_folded(tmp_path, monkeypatch):
    config = board_config(BOARDS["ulx3s-85f"], 1, 1, train=True)
    images = SimpleNamespace(weights=None, biases=None)
    monkeypatch.setattr("sw_driver.files.archive.check_archive", lambda path: None)
    monkeypatch.setattr("sw_driver.files.artifact.load_artifact", lambda path: SimpleNamespace(
        config=config, executable=SimpleNamespace(images=images)))
    fail(2, "fold needs a torus that does not train", "build", "--board", "ulx3s-85f", "--bake",
         tmp_path / "net.ctz", "--fold", "--out", tmp_path / "out")
    assert not os.listdir(tmp_path)
