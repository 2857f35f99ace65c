"""What FPGA flows and benches keep: damage, builds that were killed, disks that are full."""

import json

import pytest

from fpga import board_build
from fpga.board_design import board_config
from fpga.boards import BOARDS
from fpga.errors import FlowFailed
from fpga.families import ECP5
from fpga.synthesis import synthesise
from fpga.tools import read_json, run_tool
from fpga.yosys import run_yosys
from golden.system.status import BAD_INPUT, exit_status
from hw.emit import emit_verilog
from sim.measure.page import write_page
from sim.measure.results import Bench
from sw_driver.errors import DriverError, StorageError
from sw_driver.system.kept import read_kept, write_kept
from tests.support import board_tables
from tests.support.board_tables import BUILT, NAME, REFUSED, write
from tests.support.disks import small_disk
from tests.support.toys import TOP, HostToy

DAMAGE = {
    "empty": lambda data: b"",
    "truncated": lambda data: data[:len(data) // 2],
    "zeros": lambda data: bytes(len(data)),
    "no text": lambda data: b"\xff\xfe" + data,
    "of something else": lambda data: b"[1]",
    "without its values": lambda data: b"{}",
}


@pytest.fixture
def table_flow(monkeypatch, tmp_path):
    return board_tables.table_flow(monkeypatch, tmp_path)


def spoil(path, damage):
    path.write_bytes(DAMAGE[damage](path.read_bytes()))


def test_what_is_kept(tmp_path):
    path = tmp_path / "new" / "kept.json"
    assert read_kept(path) is None
    write_kept(path, {"a": [1, None]})
    assert read_kept(path) == {"a": [1, None]}
    for damage in ("empty", "truncated", "zeros", "no text"):
        write_kept(path, {"a": 1})
        spoil(path, damage)
        assert read_kept(path) is None
    (tmp_path / "file").write_text("mine")
    with pytest.raises(DriverError, match="must be a folder: Not a directory"):
        write_kept(tmp_path / "file" / "below" / "kept.json", {})


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_result_is_measured_again_once(tmp_path, damage):
    measured = []

    def measure():
        measured.append(len(measured))
        return {"value": measured[-1]}

    bench = Bench(tmp_path)
    assert bench.result("x", {"a": 1}, measure) == {"value": 0}
    path, = tmp_path.iterdir()
    spoil(path, damage)
    for _ in range(2):
        assert bench.result("x", {"a": 1}, measure) == {"value": 1}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("name", ["report.json", "design.v"])
def test_a_damaged_row_is_built_again_once(table_flow, damage, name):
    write(table_flow, BUILT.name)
    spoil(table_flow["results"] / BUILT.name / name, damage)
    for _ in range(2):
        failed, text = write(table_flow, BUILT.name)
        assert not failed and f"| {NAME} | 12 |" in text
    assert table_flow["built"] == [BUILT.name] * 2


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_refusal_is_asked_again(table_flow, damage):
    table_flow["error"] = board_build.BoardError("too large")
    write(table_flow, REFUSED.name)
    spoil(table_flow["results"] / f"{REFUSED.name}.refused.json", damage)
    for _ in range(2):
        assert "folded: too large" in write(table_flow, REFUSED.name)[1]
    assert table_flow["built"] == [REFUSED.name] * 2


def test_a_board_build_that_was_killed_is_cleared_away(flow, tmp_path):
    board, out = BOARDS["icebreaker"], tmp_path / "out"
    config = board_config(board, 1, 1)
    for name in (".out.killed__.part", ".other.killed__.part", ".out.mine"):
        (tmp_path / name).mkdir()
    # Killed when the former build had made room, and the new one was not in its place yet.
    (tmp_path / ".out.killed__.former").mkdir()
    (tmp_path / ".out.killed__.former" / "report.json").write_text("{}")
    flow["fails"] = "icepack failed"
    with pytest.raises(FlowFailed):
        board_build.build(board, config, out)
    flow["fails"] = None
    board_build.build(board, config, out)
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == [".other.killed__.part", ".out.mine", "out"]
    assert json.loads((out / "report.json").read_text())["board"] == "icebreaker"


def test_a_part_of_a_tools_output_is_no_traceback(tmp_path):
    for text in ("", '{"a": 1', "\0" * 10):
        (tmp_path / "cells.json").write_text(text)
        with pytest.raises(FlowFailed, match="a tool must write all of cells.json, but has not: "):
            read_json(tmp_path / "cells.json")
    with pytest.raises(FlowFailed, match="must write all of none.json"):
        read_json(tmp_path / "none.json")


def refused(error, folder):
    message = str(error.value)
    assert "\n" not in message and str(folder) in message and "No space left on dev" in message
    assert exit_status(error.value) == BAD_INPUT


def test_a_full_disk_that_yosys_does_not_notice(tmp_path):
    """It ends well, and has written a part."""
    verilog = emit_verilog(HostToy(32), TOP)
    with small_disk(tmp_path / "disk", "16k") as disk:
        folder = disk / "work"
        folder.mkdir()
        with pytest.raises(StorageError) as error:
            run_yosys(folder, verilog, "proc; write_json netlist.json")
        refused(error, disk)


@pytest.mark.slow
@pytest.mark.parametrize("size", ["100k", "200k"])
def test_a_full_disk_in_the_midst_of_synthesis(tmp_path, size):
    verilog = emit_verilog(HostToy(256), TOP)
    with small_disk(tmp_path / "disk", size) as disk:
        folder = disk / "work"
        folder.mkdir()
        with pytest.raises(StorageError) as error:
            synthesise(folder, verilog, TOP, ECP5)
        refused(error, disk)


def test_a_tool_that_says_that_the_disk_is_full(tmp_path):
    folder = tmp_path / "work"
    folder.mkdir()
    with pytest.raises(StorageError) as error:
        run_tool("/bin/sh", ["-c", "ls / > /dev/full"], folder)
    refused(error, tmp_path)
    with pytest.raises(FlowFailed, match="failed with exit status 3"):
        run_tool("/bin/sh", ["-c", "exit 3"], folder)


def test_pages_and_results_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("mine")
    for write_it in (lambda: write_page(tmp_path / "file" / "page.md", {}, {}),
                     lambda: Bench(tmp_path / "file").result("x", {}, lambda: {"value": 1})):
        with pytest.raises(DriverError, match="must be a folder|cannot be written") as error:
            write_it()
        assert exit_status(error.value) == BAD_INPUT
    assert (tmp_path / "file").read_text() == "mine"
