"""`--torus auto` and `--lanes auto`: of plan, compile and build, down to what is refused."""

import json

import pytest

from fpga.errors import BoardError
from sw_driver.files.artifact import load_artifact
from tests.support.command_line import fail, succeed

LAYERS = ("--layer", "64,10,4,4,2")
BOARD = ("--board", "ulx3s-25f")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("best") / "model.pt"
    succeed("train", *LAYERS, "--epochs", 1, "--quiet", "-o", path)
    return path


def planned(*options):
    return json.loads(succeed("plan", *BOARD, "--json", *options).stdout)


def test_plan_compile_and_build_find_the_same_torus(model, tmp_path, monkeypatch):
    said = planned(*LAYERS, "--torus", "2x2", "--lanes", "auto")
    best = said["best"]
    assert best == min(said["tried"], key=lambda one: one["cycles"]) or (
        best["cells"]["LUT"]["used"] < said["tried"][0]["cells"]["LUT"]["used"])
    assert "takes" in said["reason"] and "cycles a sample" in said["reason"]
    assert planned("--net", model, "--torus", "2x2", "--lanes", "auto")["best"] == best

    artifact = tmp_path / "model.ctz"
    compiled = json.loads(succeed("compile", model, *BOARD, "--torus", "2x2", "--lanes", "auto",
                                  "--json", "-o", artifact).stdout)
    assert compiled["proposal"]["best"] == best
    config = load_artifact(artifact).config
    for name in ("rows", "cols", "lanes_in", "lanes_out", "host_bits", "weight_words"):
        assert getattr(config, name) == best["torus"][name]
    assert config.row_weights > 1

    one = tmp_path / "one.ctz"
    succeed("compile", model, "--torus", "1x1", "--quiet", "-o", one)
    asked = []

    def built(board, config, folder, *, write_more, **_):
        folder.mkdir()
        write_more(folder)
        asked.append(config)
        raise BoardError("far enough")

    monkeypatch.setattr("fpga.board_build.build", built)
    fail(2, "far enough", "build", *BOARD, "--config-from", one, "--torus", "2x2", "--lanes",
         "auto", "--quiet", "--out", tmp_path / "out")
    again = load_artifact(tmp_path / "out" / "model.ctz")
    assert again.config == asked[0] and again.config.hardware_id == config.hardware_id
    assert again.data == "digits"


def test_a_board_has_lanes_by_number(model, tmp_path, monkeypatch):
    asked = []

    def built(board, config, *_, **__):
        asked.append(config)
        raise BoardError("far enough")

    monkeypatch.setattr("fpga.board_build.build", built)
    lanes = ("--torus", "1x2", "--lanes-in", 2, "--lanes-out", 2)
    fail(2, "far enough", "build", *BOARD, *lanes)
    artifact = tmp_path / "model.ctz"
    succeed("compile", model, *BOARD, *lanes, "--quiet", "-o", artifact)
    assert load_artifact(artifact).config == asked[0]
    assert (asked[0].lanes_in, asked[0].lanes_out) == (2, 2)


def test_the_largest_torus_with_lanes():
    said = planned("--lanes-in", 2, "--lanes-out", 2)
    assert (said["torus"]["lanes_in"], said["torus"]["lanes_out"]) == (2, 2)
    assert said["cells"]["DSP"]["used"] <= 28


def test_the_torus_is_found_among_those_whose_links_move_two_words(model, tmp_path):
    options = ("--torus", "2x2", "--lanes", "auto", "--link-words", 2)
    best = planned(*LAYERS, *options)["best"]["torus"]
    assert (best["lanes_in"], best["link_words"]) == (2, 2)
    artifact = tmp_path / "model.ctz"
    succeed("compile", model, *BOARD, *options, "--quiet", "-o", artifact)
    config = load_artifact(artifact).config
    assert (config.lanes_out, config.link_words) == (best["lanes_out"], 2)
    assert planned("--lanes-in", 2, "--link-words", 2)["torus"]["link_words"] == 2


@pytest.mark.parametrize("message, line", [
    ("--lanes must be auto, not '2x2': lanes-in and lanes-out are for numbers",
     ("plan", *BOARD, "--lanes", "2x2")),
    ("--lanes auto and .*lanes-in or .*lanes-out must not be given together",
     ("plan", *BOARD, *LAYERS, "--lanes", "auto", "--lanes-in", 2)),
    ("--torus, --lanes and --word-bits need a net", ("plan", *BOARD, "--lanes", "auto")),
    ("--torus, --lanes and --word-bits need a net", ("plan", *BOARD, "--word-bits", 8)),
    ("--word-bits must be 4 to 18, not 3", ("plan", *BOARD, *LAYERS, "--word-bits", 3)),
    ("--word-bits must be at most 16 where the lanes of icebreaker are found",
     ("plan", "--board", "icebreaker", *LAYERS, "--word-bits", 17)),
    ("--layer and --net must not be given together",
     ("plan", *BOARD, *LAYERS, "--net", "model.pt")),
    ("train must be left out with a net", ("plan", *BOARD, *LAYERS, "--train")),
    ("lanes-out must be one of 1, 2, 4, 8, not 3", ("plan", *BOARD, *LAYERS, "--lanes-out", 3)),
    ("needs an estimated 64 of 28 multipliers",
     ("plan", *BOARD, *LAYERS, "--torus", "2x2", "--lanes-in", 2, "--lanes-out", 8)),
    ("layer 1: in_features must be 10", ("plan", *BOARD, *LAYERS, "--layer", "64,10,4,4,2")),
    ("none.pt cannot be read", ("plan", *BOARD, "--net", "none.pt")),
    ("whose part the resource model knows, not tangnano9k",
     ("plan", "--board", "tangnano9k", *LAYERS, "--lanes", "auto")),
    ("need --board, whose cells bound a torus",
     ("compile", "none.pt", "--torus", "auto", "-o", "out.ctz")),
    ("need --board, whose cells bound a torus",
     ("compile", "none.pt", "--torus", "2x2", "--lanes", "auto", "-o", "out.ctz")),
    ("--word-bits auto and .*host-bits must not be given where the torus is found",
     ("compile", "none.pt", *BOARD, "--torus", "auto", "--host-bits", 64, "-o", "out.ctz")),
    ("--export needs a torus by its size",
     ("compile", "none.pt", *BOARD, "--torus", "auto", "--export", "dir", "-o", "out.ctz")),
    ("need --config-from, which names the net", ("build", *BOARD, "--lanes", "auto")),
    ("must not be given with --train or --bake", ("build", *BOARD, "--torus", "auto", "--train")),
    ("must not be given with --train or --bake",
     ("build", *BOARD, "--torus", "auto", "--bake", "none.ctz")),
    ("--config-from none.ctz does not exist",
     ("build", *BOARD, "--torus", "auto", "--config-from", "none.ctz")),
    ("lanes-in must be 1 where a torus trains",
     ("build", *BOARD, "--torus", "1x1", "--train", "--lanes-in", 2)),
    ("torus 2x2 does not fit ulx3s-25f: it needs an estimated .*64 of 28 DSP",
     ("build", *BOARD, "--torus", "2x2", "--lanes-in", 2, "--lanes-out", 8)),
])
def test_what_is_refused(message, line, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fail(2, message, *line)
    assert not list(tmp_path.iterdir())
