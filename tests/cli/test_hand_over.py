"""What `clostorus verilog` hands over passes Verilator's lint, and Icarus, without a word."""

import shutil

import pytest

from golden import ClosShape
from golden.vectors.nets import random_net
from hw.config import TorusConfig
from sim.model.verilog_files import FILE_LIST, MODELS, WAIVERS
from sw_driver import compile, save_artifact
from tests.support.command_line import fail, succeed
from tests.support.icarus_bench import EDITIONS

CONFIG = TorusConfig(rows=1, cols=1, act_bits=8, weight_bits=8, host_bits=32, buffer_words=64,
                     max_fan_in=32, weight_words=64, bias_words=8, program_words=512, rep_bits=8)
slow = pytest.mark.slow


@pytest.fixture(scope="module")
def artifact(tmp_path_factory):
    path = tmp_path_factory.mktemp("made") / "model.ctz"
    net = random_net([ClosShape(9, 7, 3, 2, 2)], seed=1, act_bits=8, weight_bits=8)
    save_artifact(path, compile(net, CONFIG))
    return path


def without_reports(text):
    """Verilator ends each of its runs with a report, in lines that begin with a dash."""
    return [line for line in text.splitlines() if not line.startswith("- ")]


@pytest.mark.parametrize("options, split", [
    (["--bake", "--fold"], False),
    (["--bake", "--top", "board", "--cells", "ecp5"], True),
    (["--config-from", "--top", "inference-router", "--cells", "ecp5"], False),
    (["--torus", "1x1", "--train", "--top", "training-router"], True),
    pytest.param(["--bake"], True, marks=slow),
    pytest.param(["--torus", "1x1", "--train", "--top", "board", "--cells", "ecp5"], False,
                 marks=slow),
])
def test_no_tool_has_a_word_to_say(options, split, artifact, toolchain, tmp_path):
    options = [option for given in options
               for option in ((given, artifact) if given in ("--bake", "--config-from")
                              else (given,))]
    cells = "ecp5" in options
    if split:
        folder, sources, names = tmp_path / "handover", ["-f", FILE_LIST], (WAIVERS, MODELS)
        succeed("verilog", *options, "--split", "-o", folder)
    else:
        folder, sources, names = tmp_path, ["x.v"], ("x.vlt", "cells.v")
        succeed("verilog", *options, "-o", folder / "x.v", "--waivers", folder / "x.vlt",
                *(["--models", folder / "cells.v"] if cells else []))
    waivers, models = names
    assert (folder / models).exists() is cells

    command = ["verilator", "--lint-only", "-Wall", waivers, *(["-v", models] if cells else [])]
    assert without_reports(toolchain.run([*command, *sources], folder)) == []
    if shutil.which("iverilog"):
        for edition in EDITIONS:
            command = ["iverilog", f"-g{edition}", "-Wall", "-t", "null",
                       *(["-l", models] if cells else [])]
            assert toolchain.run([*command, *sources], folder) == ""


def test_what_does_not_go_together_is_refused(artifact, tmp_path):
    out, other = tmp_path / "out.v", tmp_path / "other"
    verilog = "verilog", "--torus", "1x1", "-o", out
    fail(2, "models needs --cells ecp5: generic Verilog has no cells", *verilog, "--models", other)
    fail(2, "--waivers and --models are for one file: --split writes both into OUTPUT", *verilog,
         "--split", "--waivers", other)
    fail(2, "--output and --waivers must be different files, not both .*out.v",
         *verilog, "--waivers", tmp_path / "." / "out.v")
    fail(2, "there is no folder", *verilog, "--waivers", tmp_path / "none" / "x.vlt")
    assert list(tmp_path.iterdir()) == []
