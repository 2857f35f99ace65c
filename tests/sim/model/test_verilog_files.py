"""Verilog in files: the same design as in one text, and nothing left of a former hand-over."""

import functools
import json
import re

import numpy as np
import pytest

from fpga.yosys import run_yosys
from hw.config import TorusConfig
from hw.link_config import LinkConfig
from hw.tops import baked_verilog, board_verilog, top_verilog
from sim.model.verilog_files import FILE_LIST, MODELS, WAIVERS, split_verilog, write_verilog_files
from sw_driver.errors import DriverError

CONFIG = TorusConfig(rows=1, cols=2, act_bits=8, weight_bits=8, host_bits=32, buffer_words=16,
                     max_fan_in=16, weight_words=32, bias_words=8, program_words=64, rep_bits=4)
RANDOM = np.random.default_rng(1)
IMAGES = {"weights": RANDOM.integers(-128, 128, (1, 2, 32)),
          "biases": RANDOM.integers(-1000, 1000, (1, 2, 8))}


@functools.cache
def plain():
    return top_verilog("torus", CONFIG)


@functools.cache
def baked(**options):
    return baked_verilog("torus", CONFIG, **IMAGES, **options)


def test_a_torus_is_two_sources():
    files = split_verilog(plain())
    others = [WAIVERS, "clostorus.sdc", "clostorus.core"]
    assert list(files) == ["clostorus.v", "clostorus_pe.v", *others, FILE_LIST]
    assert files[FILE_LIST].splitlines() == ["clostorus_pe.v", "clostorus.v",
                                             *(f"// {name}" for name in others)]
    assert "".join(files[name] for name in ("clostorus.v", "clostorus_pe.v")) == plain()
    board = split_verilog(board_verilog(CONFIG, LinkConfig(clock_hz=12_000_000)),
                          clock_hz=12_000_000)
    assert [name for name in board if name.endswith(".v")] == [
        "clostorus_board.v", "clostorus_pe.v"]
    assert "create_clock -name clk -period 83.333 " in board["clostorus_board.sdc"]
    assert "rx" not in files["clostorus.sdc"]


@pytest.mark.slow
@pytest.mark.parametrize("options", [
    {}, pytest.param({"folded": True}, marks=pytest.mark.slow),
    pytest.param({"cells": "ecp5"}, marks=pytest.mark.slow)], ids=str)
def test_weights_change_no_module(options):
    """Of however many PEs: one module, in which names of files stand where words were."""
    text, memories = baked(**options)
    files = split_verilog(text, memories)
    modules = [set(re.findall(r"^module (\S+)", files[name], re.M))
               for name in ("clostorus.v", "clostorus_pe.v")]
    assert modules == [set(re.findall(r"^module (\S+)", split_verilog(
        top_verilog("torus", CONFIG, cells=options.get("cells", "generic")))[name], re.M))
        for name in ("clostorus.v", "clostorus_pe.v")] or "folded" in options
    kinds = ["mac.bias_memory"]
    if "cells" not in options:
        kinds.append("mac.weight_memory.words")
    assert sorted(memories) == [f"pe_0_{col}.{kind}.mem" for col in range(2) for kind in kinds]
    for col in range(2):
        biases = memories[f"pe_0_{col}.mac.bias_memory.mem"].split()
        bits = CONFIG.bias_bits
        assert [int(word, 16) for word in biases] == [
            int(word) % (1 << bits) for word in IMAGES["biases"][0, col]]


def netlist(folder, script, name):
    """Memories, registers, multipliers and a vendor's cells of a torus, and what they hold.

    Comparisons with the column of a PE are constants where the PE is a module of its own.
    """
    run_yosys(folder, "", f"{script}; hierarchy -top clostorus; proc; memory_collect; flatten; "
                          "setattr -unset src; select clostorus; "
                          f"write_json -noscopeinfo -selected {name}.json")
    cells = json.loads((folder / f"{name}.json").read_text())["modules"]["clostorus"]["cells"]
    return sorted((cell["type"], cell["parameters"].get("INIT", ""),
                   *sorted((key, value) for key, value in cell["parameters"].items()
                           if key.startswith("INITVAL")))
                  for cell in cells.values()
                  if cell["type"] in ("$mem_v2", "$dff", "$mul") or cell["type"][0] != "$")


@pytest.mark.slow
@pytest.mark.parametrize("options", [
    {}, pytest.param({"folded": True}, marks=pytest.mark.slow),
    pytest.param({"cells": "ecp5"}, marks=pytest.mark.slow)], ids=str)
def test_the_files_are_the_same_design(options, tmp_path):
    names = write_verilog_files(tmp_path, *baked(**options))
    (tmp_path / "one.v").write_text(top_verilog("torus", CONFIG, **IMAGES, **options))
    sources = " ".join(name for name in names if name.startswith("clostorus") and
                       name.endswith(".v"))
    cells = "read_verilog -lib +/ecp5/cells_sim.v +/ecp5/cells_bb.v; " if "cells" in options else ""
    found = [netlist(tmp_path, f"{cells}read_verilog {files}", name)
             for files, name in (("one.v", "one"), (sources, "many"))]
    assert found[0] == found[1]
    assert any("1" in init for kind, init, *_ in found[0] if kind == "$mem_v2")


def test_a_vendors_cells_come_with_models():
    files = split_verilog(top_verilog("inference-router", CONFIG, cells="ecp5"))
    assert list(files)[:3] == ["clostorus_inference_router.v", WAIVERS, MODELS]
    assert files[FILE_LIST].splitlines()[1:3] == [f"// {WAIVERS}", f"// {MODELS}"]
    assert "DP16KD: BSD-2-Clause" in files[MODELS] and "ISC" not in files[MODELS]
    assert re.findall(r"^module (\w+)", files[MODELS], re.M) == ["DP16KD"]


def test_a_former_hand_over_goes_and_other_files_stay(tmp_path):
    (tmp_path / "notes.mem").write_text("mine")
    write_verilog_files(tmp_path, top_verilog("inference-router", CONFIG, cells="ecp5"))
    write_verilog_files(tmp_path, *baked())
    assert not (tmp_path / MODELS).exists()
    names = write_verilog_files(tmp_path, plain())
    assert {path.name for path in tmp_path.iterdir()} == {*names, "notes.mem"}


def test_other_text_is_refused(tmp_path):
    with pytest.raises(DriverError, match="must be that of hw.tops"):
        write_verilog_files(tmp_path, "module m; endmodule\n")
    (tmp_path / "file").write_text("")
    with pytest.raises(DriverError, match="cannot be written"):
        write_verilog_files(tmp_path / "file", plain())
