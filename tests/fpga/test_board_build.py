"""Builds for boards: what they leave, which seed is kept, and what is refused."""

import dataclasses
import errno
import json
import os
from pathlib import Path

import pytest

from fpga import board_build, board_flow
from fpga.board_build import build
from fpga.board_design import board_config
from fpga.boards import BOARDS
from fpga.errors import BoardError, FlowFailed
from fpga.place_route import Routed, Step
from fpga.tools import Tool
from hw.config import ConfigError
from sw_driver.errors import DriverError


def test_a_build_leaves_what_a_user_needs_and_nothing_else(flow, tmp_path):
    board = BOARDS["icebreaker"]
    told = []
    built = build(board, board_config(board, 1, 1), tmp_path / "out",
                  tell=lambda *step: told.append(step))
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "design.v", "constraints.pcf", "bitstream.bin", "report.json"}
    assert json.loads((tmp_path / "out" / "report.json").read_text()) == built.report
    assert built.report["fmax_mhz"] == 50.0 and built.report["clock_mhz"] == 12.0
    assert built.report["weights_that_fit"] == 4096
    assert built.report["packed"] == {"ICESTORM_LC": 3000}
    path = built.report["critical_path"]
    assert (path["start"], path["end"]) == ("a", "b")
    assert str(tmp_path) not in (tmp_path / "out" / "report.json").read_text()
    assert told[-1][1] == told[-1][2]
    assert os.listdir(tmp_path) == ["out"]


@pytest.mark.parametrize("fmax_mhz, fails, message", [
    (11.0, None, "clock of icebreaker is 12 MHz, and this torus reaches 11.0 MHz with seed 1"),
    (50.0, "icepack failed", "icepack failed"),
])
def test_a_build_that_fails_leaves_the_former_one(flow, fmax_mhz, fails, message, tmp_path):
    board, out = BOARDS["icebreaker"], tmp_path / "out"
    build(board, board_config(board, 1, 1), out)
    assert out.stat().st_mode & 0o777 == 0o755
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    flow |= {"fmax_mhz": fmax_mhz, "fails": fails}
    with pytest.raises((BoardError, FlowFailed), match=message):
        build(board, board_config(board, 1, 1), out, seed=1)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    assert os.listdir(tmp_path) == ["out"]


def test_of_several_seeds_the_fastest_is_kept(flow, tmp_path, monkeypatch):
    board, reached, packed = BOARDS["icebreaker"], {3: 20.0, 4: 31.0, 5: 25.0}, []

    def route(_board, _flow, _router, folder, seed, _target_mhz):
        if reached[seed] is None:
            raise FlowFailed(f"no route with seed {seed}")
        (folder / f"placed_{seed}").write_text(f"cells of {seed}")
        return Routed(reached[seed], (Step("clk-to-q", 1.0, "design.a_SB_DFF_Q"),), {})

    def pack(_board, _flow, _packer, folder, seed):
        assert (folder / f"placed_{seed}").read_text() == f"cells of {seed}"
        packed.append(seed)

    monkeypatch.setattr(board_flow, "route", route)
    monkeypatch.setattr(board_build, "pack", pack)
    report = build(board, board_config(board, 1, 1), tmp_path / "out", seed=3, tries=3).report
    assert report["seed"] == 4 and packed == [4] and report["fmax_mhz"] == 31.0
    assert report["fmax_mhz_by_seed"] == {"3": 20.0, "4": 31.0, "5": 25.0}
    # Seeds without a route count for nothing, as long as one has one.
    reached |= {3: None, 4: None}
    for tries in (3, 1):
        report = build(board, board_config(board, 1, 1), tmp_path / "out", seed=3,
                       tries=tries).report
        assert report["seed"] == packed[-1] == 5
        assert report["fmax_mhz_by_seed"] == {"3": None, "4": None, "5": 25.0}
    reached[5] = None
    with pytest.raises(FlowFailed, match="no route with seed 5"):
        build(board, board_config(board, 1, 1), tmp_path / "out", seed=3)
    assert json.loads((tmp_path / "out" / "report.json").read_text())["seed"] == 5


def test_a_link_to_a_former_build_stays_one(flow, tmp_path):
    board, out = BOARDS["icebreaker"], tmp_path / "out"
    build(board, board_config(board, 1, 1), out)
    (tmp_path / "link").symlink_to(out)
    build(board, board_config(board, 1, 1), tmp_path / "link", seed=2)
    assert (tmp_path / "link").is_symlink() and sorted(os.listdir(tmp_path)) == ["link", "out"]
    assert json.loads((out / "report.json").read_text())["seed"] == 2


def test_what_cannot_be_built_is_refused_before_anything_is_done(flow, tmp_path, monkeypatch):
    board = BOARDS["icebreaker"]
    other = tmp_path / "notes"
    other.mkdir()
    (other / "mine.txt").write_text("mine")
    with pytest.raises(DriverError, match="out must be a new folder or that of a former build"):
        build(board, board_config(board, 1, 1), other)
    (other / "report.json").write_text("my report")
    with pytest.raises(DriverError, match="with nothing else in it, .*, not .*/notes"):
        build(board, board_config(board, 1, 1), other)
    (other / "report.json").unlink()
    (tmp_path / "file").write_text("mine")
    with pytest.raises(DriverError, match="file cannot be written: .*file is no folder"):
        build(board, board_config(board, 1, 1), tmp_path / "file")
    (tmp_path / "file").unlink()
    with pytest.raises(BoardError, match="clock-mhz must be 16 to 275"):
        build(board, board_config(board, 1, 1), tmp_path / "made" / "out", clock_mhz=1)
    monkeypatch.chdir(tmp_path / "notes")
    with pytest.raises(DriverError, match="not the one that you are in"):
        build(board, board_config(board, 1, 1), Path())
    small = BOARDS["ulx3s-25f"]
    with pytest.raises(BoardError, match="torus 8x8 does not fit ulx3s-25f"):
        build(small, board_config(small, 8, 8), tmp_path / "out")
    with pytest.raises(ConfigError, match="baud must be"):
        build(board, board_config(board, 1, 1), tmp_path / "out", baud=5_000_000)
    for seed, tries in ((0, 1), (1, 0), (2**31 - 3, 2)):
        with pytest.raises(BoardError, match="seed and tries must be at least 1, .* not "
                                             f"{seed} and {tries}"):
            build(board, board_config(board, 1, 1), tmp_path / "out", seed=seed, tries=tries)
    assert flow["steps"] == []
    assert os.listdir(tmp_path) == ["notes"] and os.listdir(other) == ["mine.txt"]


@pytest.mark.parametrize("printed, error, message", [
    (("Info: \t ICESTORM_LC:    6556/   5280   124%\nInfo: \t ICESTORM_RAM:  13/ 30  43%\n"
     "Info: \t SB_I2C:  0/  2  0%\nERROR: no BELs remaining"), BoardError,
     "does not fit icebreaker: .* 6556 of 5280 ICESTORM_LC, 13 of 30 ICESTORM_RAM$"),
    ("Info: \t ICESTORM_LC:    4000/   5280   75%\nERROR: other", FlowFailed, "ERROR: other"),
])
def test_cells_that_cannot_be_packed_are_no_fault_of_the_flow(printed, error, message, tmp_path,
                                                              monkeypatch):
    def run_tool(*_):
        raise FlowFailed(f"nextpnr failed with exit status 125:\n{printed}")

    monkeypatch.setattr(board_flow, "run_tool", run_tool)
    board = BOARDS["icebreaker"]
    with pytest.raises(error, match=message):
        board_flow.route(board, board.family.flow, Tool("x", "x", "x"), tmp_path, 1, 12)


def test_a_full_disk_leaves_the_former_build(flow, tmp_path, monkeypatch):
    def synthesise(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    board, out = BOARDS["icebreaker"], tmp_path / "out"
    build(board, board_config(board, 1, 1), out)
    monkeypatch.setattr(board_build, "synthesise", synthesise)
    with pytest.raises(DriverError, match="out .* cannot be written: No space left on device"):
        build(board, board_config(board, 1, 1), out, seed=2)
    assert json.loads((out / "report.json").read_text())["seed"] == 1
    assert os.listdir(tmp_path) == ["out"]


@pytest.mark.parametrize("name, clock_mhz, made_mhz", [
    ("icebreaker", 29, 28.875),
    pytest.param("ulx3s-85f", 100, 100.0, marks=pytest.mark.slow), ("ulx3s-85f", 25, 25.0)])
def test_a_clock_is_made_by_a_pll(flow, name, clock_mhz, made_mhz, tmp_path):
    flow["fmax_mhz"] = made_mhz
    board = BOARDS[name]
    built = build(board, board_config(board, 1, 1), tmp_path / "out", clock_mhz=clock_mhz)
    assert built.report["clock_mhz"] == made_mhz == built.report["link"]["clock_hz"] / 1e6
    assert built.report["oscillator_mhz"] == board.clock_hz / 1e6
    flow["fmax_mhz"] = made_mhz - 0.1
    with pytest.raises(BoardError, match=f"the clock of {name} is {made_mhz:g} MHz, and this"):
        build(board, board_config(board, 1, 1), tmp_path / "out", clock_mhz=clock_mhz)


@pytest.mark.slow
@pytest.mark.parametrize("name, clock_mhz", [("ulx3s-25f", 75), ("icebreaker", 18)])
def test_a_small_torus_becomes_a_bitstream(name, clock_mhz, tmp_path):
    board = BOARDS[name]
    config = dataclasses.replace(
        board_config(board, 1, 1), act_bits=8, weight_bits=8, buffer_words=256, weight_words=1024,
        bias_words=16, program_words=256, max_fan_in=32, rep_bits=5, shift_bits=4,
        host_fifo_beats=4)
    built = build(board, config, tmp_path / "out", clock_mhz=clock_mhz)
    assert built.report["fmax_mhz"] >= built.report["clock_mhz"] == clock_mhz
    assert built.report["cells"]["DSP"]["used"] == 1
    bitstream, = (tmp_path / "out").glob("bitstream.*")
    assert len(bitstream.read_bytes()) > 50_000
    built_files = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert not any(str(tmp_path).encode() in content for content in built_files.values())
    if name == "icebreaker":  # The cheaper one: the same bytes in another folder.
        build(board, config, tmp_path / "elsewhere" / "again", clock_mhz=clock_mhz)
        assert built_files == {path.name: path.read_bytes()
                               for path in (tmp_path / "elsewhere" / "again").iterdir()}
