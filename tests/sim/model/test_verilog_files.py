"""Verilog in files: the same design as in one text, and nothing left of a former hand-over."""

import functools
import json
import re

import numpy as np
import pytest

from fpga.yosys import run_yosys
from hw.config import TorusConfig
from hw.link_config import LinkConfig
from hw.tops import board_verilog, top_verilog
from sim.model.verilog_files import FILE_LIST, MODELS, WAIVERS, split_verilog, write_verilog_files
from sw_driver.errors import DriverError

CONFIG = TorusConfig(rows=1, cols=1, act_bits=8, weight_bits=8, host_bits=32, buffer_words=16,
                     max_fan_in=16, weight_words=32, bias_words=8, program_words=64, rep_bits=4)


@functools.cache
def plain():
    return top_verilog("torus", CONFIG)


@functools.cache
def baked(*, folded=False):
    random = np.random.default_rng(1)
    return top_verilog("torus", CONFIG, weights=random.integers(-128, 128, (1, 1, 32)),
                       biases=random.integers(-1000, 1000, (1, 1, 8)), folded=folded)


def test_a_torus_is_two_sources():
    files = split_verilog(plain())
    assert list(files) == ["clostorus.v", "clostorus_pe.v", WAIVERS, FILE_LIST]
    assert files[FILE_LIST] == f"clostorus_pe.v\nclostorus.v\n// {WAIVERS}\n"
    assert "".join(files[name] for name in ("clostorus.v", "clostorus_pe.v")) == plain()
    board = split_verilog(board_verilog(CONFIG, LinkConfig(clock_hz=25_000_000)))
    assert list(board) == ["clostorus_board.v", "clostorus_pe.v", WAIVERS, FILE_LIST]


@pytest.mark.parametrize("folded", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_the_files_are_the_same_design(folded, tmp_path):
    verilog = baked(folded=folded)
    names = write_verilog_files(tmp_path, verilog)
    memories = [name for name in names if name.endswith(".mem")]
    assert len(memories) == 2 and all(f"// {name}" in (tmp_path / FILE_LIST).read_text()
                                      for name in memories)
    script = ("hierarchy -top clostorus; proc; memory_collect; setattr -unset src; "
              "setattr -mod -unset src; write_json -noscopeinfo {}.json")
    run_yosys(tmp_path, verilog, script.format("one"))
    sources = " ".join(name for name in names if name.endswith(".v"))
    run_yosys(tmp_path, "", f"read_verilog {sources}; {script.format('many')}")

    def contents(name):
        modules = json.loads((tmp_path / f"{name}.json").read_text())["modules"]
        return sorted((cell["type"], cell["parameters"].get("INIT", ""),
                       cell["parameters"].get("WIDTH", ""))
                      for module in modules.values() for cell in module["cells"].values())

    assert contents("one") == contents("many")
    assert any(init.strip("0x") for kind, init, _ in contents("many") if kind == "$mem_v2")


def test_a_vendors_cells_come_with_models():
    files = split_verilog(top_verilog("inference-router", CONFIG, cells="ecp5"))
    assert list(files) == ["clostorus_inference_router.v", WAIVERS, MODELS, FILE_LIST]
    assert files[FILE_LIST].splitlines()[1:] == [f"// {WAIVERS}", f"// {MODELS}"]
    assert re.findall(r"^module (\w+)", files[MODELS], re.M) == ["DP16KD"]


def test_a_former_hand_over_goes_and_other_files_stay(tmp_path):
    (tmp_path / "notes.mem").write_text("mine")
    write_verilog_files(tmp_path, top_verilog("inference-router", CONFIG, cells="ecp5"))
    write_verilog_files(tmp_path, baked())
    assert not (tmp_path / MODELS).exists()
    names = write_verilog_files(tmp_path, plain())
    assert {path.name for path in tmp_path.iterdir()} == {*names, "notes.mem"}


def test_other_text_is_refused(tmp_path):
    with pytest.raises(DriverError, match="must be that of hw.tops"):
        write_verilog_files(tmp_path, "module m; endmodule\n")
    (tmp_path / "file").write_text("")
    with pytest.raises(DriverError, match="cannot be written"):
        write_verilog_files(tmp_path / "file", plain())
