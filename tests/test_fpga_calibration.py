"""What the resource model is fitted to: kept, gone on with, and never of two synthesis commands."""

import dataclasses
import json

import pytest

from fpga import calibration
from fpga.calibration import measure, measured_designs
from fpga.synthesis import ICE40, Area

AREA = Area(luts=1, carries=2, flip_flops=3, multipliers=4, block_rams=5, lut_rams=6)


@pytest.fixture
def flow(monkeypatch, tmp_path):
    """Synthesis that takes no tools; the tops that it was asked for, and where areas are kept."""
    state = {"tool": "yosys 1", "tops": [], "file": tmp_path / "areas.json"}

    def synthesise(folder, verilog, top, family):
        state["tops"].append(top)
        return AREA

    monkeypatch.setattr(calibration, "synthesise", synthesise)
    monkeypatch.setattr(calibration, "tool_version", lambda tool: state["tool"])
    monkeypatch.setattr(calibration, "_path", lambda family: state["file"])
    monkeypatch.setattr(calibration.Design, "verilog", lambda design, cells: "")
    return state


def test_what_was_measured_is_not_measured_again(flow):
    names = [design.name for design in measured_designs(ICE40)]
    first = measure(ICE40)
    assert next(first) == (names[0], AREA)
    first.close()
    assert [name for name, _ in measure(ICE40)] == [*names, "host-link"]
    assert len(flow["tops"]) == len(names) + 1
    kept = json.loads(flow["file"].read_text())
    assert kept["areas"] == dict.fromkeys([*names, "host-link"], dataclasses.asdict(AREA))


@pytest.mark.parametrize("name", ["synthesis", "tool"])
def test_areas_of_another_command_or_yosys_are_measured_anew(name, flow):
    list(measure(ICE40))
    asked = list(flow["tops"])
    kept = json.loads(flow["file"].read_text())
    flow["file"].write_text(json.dumps(kept | {name: "another"}))
    list(measure(ICE40))
    assert flow["tops"] == asked * 2
    assert json.loads(flow["file"].read_text()) == kept
