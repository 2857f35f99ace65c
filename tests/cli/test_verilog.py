"""`clostorus verilog`: every top, what an artifact gives it, boards, and bad input."""

import json
import re

import pytest

from hw.tops import TOPS, TRAINING_TOPS
from sw_driver import load_artifact
from tests.support.command_line import fail, succeed
from tests.support.verilog_text import memory_words


@pytest.mark.parametrize("top, module", [
    pytest.param(*one, marks=[pytest.mark.slow] * (one[0] != "axi")) for one in TOPS.items()])
def test_verilog_of_every_top(top, module, artifact, tmp_path):
    path = tmp_path / f"{top}.v"
    train = ["--train"] if top in TRAINING_TOPS else []
    succeed("verilog", "--torus", "1x2", "--top", top, *train, "-o", path)
    assert f"module {module}(" in path.read_text()


def test_verilog_of_an_artifact(artifact, tmp_path):
    plain, baked = tmp_path / "plain.v", tmp_path / "baked.v"
    result = succeed("verilog", "--config-from", artifact, "--json", "-o", plain)
    values = json.loads(result.stdout)
    assert values["hardware_id"] == f"{load_artifact(artifact).config.hardware_id:016x}"
    assert not values["baked"]
    succeed("verilog", "--torus", "2x2", "--bake", artifact, "-o", baked)
    weights = [int(word) % (1 << 16)
               for word in load_artifact(artifact).executable.images.weights[1, 1]]
    memory = "clostorus.torus.pe_1_1.mac.weight_memory"
    assert memory_words(baked.read_text(), memory, "words")[:len(weights)] == weights
    assert not any(memory_words(plain.read_text(), "clostorus_pe.mac.weight_memory", "words"))


def test_verilog_with_lanes(artifact, tmp_path):
    path = tmp_path / "pe.v"
    succeed("verilog", "--torus", "1x1", "--top", "pe", "--lanes-in", 2, "--lanes-out", 2,
            "-o", path)
    assert "mac.serialise" in path.read_text()
    fail(2, "--lanes-in, --lanes-out and --link-words need --torus: a model has lanes", "verilog",
         "--config-from", artifact, "--lanes-in", 2, "-o", tmp_path / "none.v")
    fail(2, "--lanes-out must be one of 1, 2, 4, 8, not 5", "verilog", "--torus", "1x1",
         "--lanes-out", 5, "-o", tmp_path / "none.v")
    succeed("verilog", "--torus", "1x1", "--top", "pe", "--lanes-in", 2, "--link-words", 2,
            "-o", path)
    assert "wire [31:0] west__payload" in path.read_text()
    fail(2, "--link-words must be 1 or 2, not 4", "verilog", "--torus", "1x1", "--link-words", 4,
         "-o", tmp_path / "none.v")
    fail(2, "--lanes-in must be 1 where a torus trains, not 2", "verilog", "--torus", "1x1",
         "--train", "--lanes-in", 2, "-o", tmp_path / "none.v")
    succeed("verilog", "--torus", "1x1", "--train", "--lanes-out", 2, "-o", path)
    assert "mac.serialise" in path.read_text() and "mac.share_accumulator" in path.read_text()


def test_verilog_with_a_vendors_cells(tmp_path):
    succeed("verilog", "--torus", "1x1", "--cells", "ecp5", "-o", tmp_path / "cells.v")
    assert "DP16KD" in (tmp_path / "cells.v").read_text()
    fail(2, "--cells must be one of generic, ecp5, not 'asic'", "verilog", "--torus", "1x1",
         "--cells", "asic", "-o", tmp_path / "none.v")


def test_verilog_of_a_board(artifact, tmp_path):
    result = succeed("verilog", "--bake", artifact, "--fold", "--top", "board", "--clock-mhz", 12,
                     "--split", "-o", tmp_path / "board", "--json")
    values = json.loads(result.stdout)
    assert values["folded"] and values["top_module"] == "clostorus_board"
    names = {path.name for path in (tmp_path / "board").iterdir()}
    assert len(names) == values["files"]
    assert {"files.f", "clostorus_board.v", "clostorus_board.core"} < names
    assert "-period 83.333 " in (tmp_path / "board" / "clostorus_board.sdc").read_text()
    compiled = load_artifact(artifact)
    words = tmp_path / "board" / "pe_1_1.mac.weight_memory.words.mem"
    assert [int(word, 16) for word in words.read_text().split()] == [
        int(word) % (1 << 16) for word in compiled.executable.images.weights[1, 1]]


def test_verilog_has_the_buffers_that_are_asked_for(tmp_path, monkeypatch):
    links = []

    def board_verilog(config, link, **_):
        links.append(link)
        return "module clostorus_board;\nendmodule\n"

    monkeypatch.setattr("hw.tops.board_verilog", board_verilog)
    for options in ((), ("--buffer-bytes", 512)):
        succeed("verilog", "--torus", "1x1", "--top", "board", *options, "-o", tmp_path / "b.v")
    assert [link.buffer_bytes for link in links] == [2048, 512]


@pytest.mark.slow
def test_verilog_with_a_cocotb_test(artifact, tmp_path):
    """The folder plays what the Verilog computes: weights that it holds are not loaded."""
    sent = {}
    for option in ("--config-from", "--bake"):
        folder = tmp_path / option
        succeed("verilog", option, artifact, "--cocotb", folder, "--samples", 1,
                "-o", tmp_path / "t.v")
        assert {"runner.py", "test_clostorus.py", "streams.py"} < {
            path.name for path in folder.iterdir()}
        facts = json.loads((folder / "io.json").read_text())
        assert facts["baked"] is (option == "--bake")
        sent[option] = facts["beats_sent"]
    assert sent["--bake"] < sent["--config-from"]


def test_verilog_on_a_bus_with_a_cocotb_test(artifact, tmp_path):
    """The folder has the host of the bus, and knows the top module."""
    folder = tmp_path / "bench"
    succeed("verilog", "--config-from", artifact, "--top", "wishbone", "--cocotb", folder,
            "--samples", 1, "-o", tmp_path / "t.v")
    facts = json.loads((folder / "io.json").read_text())
    assert facts["top_module"] == "clostorus_wishbone"
    assert "of a torus on Wishbone" in (folder / "host.py").read_text()
    assert (folder / "register_map.py").exists()


def test_what_has_no_cocotb_test(artifact, tmp_path):
    before = tmp_path / "runner.py"
    before.write_text("print('mine')")
    bench = "--cocotb", tmp_path / "bench"
    for message, *options in (
        ("--cocotb needs --config-from or --bake", "--torus", "1x1", *bench),
        ("--cocotb needs --top torus, axi or wishbone, .* not board", "--config-from", artifact,
         "--top", "board", *bench),
        ("need --cocotb: only its test runs samples", "--config-from", artifact, "--samples", 1),
        ("--output and --cocotb must be different, not both", "--config-from", artifact, "--split",
         "--cocotb", tmp_path / "t.v"),
        ("runner.py must not be replaced, since no io.json beside it", "--config-from", artifact,
         "--cocotb", tmp_path),
        ("samples must be at most 1437, those of digits, not 1500", "--config-from", artifact,
         *bench, "--samples", 1500),
    ):
        fail(2, message, "verilog", *options, "-o", tmp_path / "t.v")
    assert [path.name for path in tmp_path.iterdir()] == ["runner.py"]
    assert before.read_text() == "print('mine')"


def test_verilog_bad_input(artifact, tmp_path):
    out = ("-o", tmp_path / "out.v")
    fail(2, "one of --torus, --config-from and --bake", "verilog", *out)
    fail(2, "--top must be one of torus, pe", "verilog", "--torus", "2x2", "--top", "cpu", *out)
    fail(2, "--torus must be ROWSxCOLUMNS", "verilog", "--torus", "two", *out)
    fail(2, "--torus 2x65: cols must be 1 to 64, not 65", "verilog", "--torus", "2x65", *out)
    fail(2, "--bake needs --top torus", "verilog", "--bake", artifact, "--top", "pe", *out)
    fail(2, "--fold needs --bake", "verilog", "--torus", "2x2", "--fold", *out)
    for option in (("--baud", 9600), ("--clock-mhz", "nan"), ("--buffer-bytes", 512)):
        fail(2, "--buffer-bytes and --input-bits need --top board", "verilog", "--torus",
             "2x2", *option, *out)
    for clock in ("nan", "inf", "-inf", "1e+300", "0", "-1", "0.999", "1000.01"):
        fail(2, f"--clock-mhz must be 1 to 1000, not {re.escape(clock)}", "verilog", "--torus",
             "2x2", "--top", "board", "--clock-mhz", clock, *out)
    for size, wanted in ((256, "512 to 65536"), (1000, "a power of two")):
        fail(2, f"--buffer-bytes must be {wanted}, not {size}", "verilog", "--torus", "2x2",
             "--top", "board", "--buffer-bytes", size, *out)
    fail(2, "--baud must be at most 6250000", "verilog", "--torus", "2x2", "--top", "board",
         "--baud", 9_000_000, *out)
    fail(2, "give one", "verilog", "--bake", artifact, "--config-from", artifact, *out)
    fail(2, "training-router needs a torus that trains", "verilog", "--torus", "2x2", "--top",
         "training-router", *out)
    fail(2, "--train is for --torus", "verilog", "--config-from", artifact, "--train", *out)
    fail(2, "--torus must be 2x2, .* 3x2", "verilog", "--bake", artifact, "--torus", "3x2", *out)
    fail(2, "there is no folder", "verilog", "--torus", "1x1", "-o", tmp_path / "none" / "out.v")
    assert not list(tmp_path.iterdir())
