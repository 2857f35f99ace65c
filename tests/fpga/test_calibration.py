"""What the resource model is fitted to: kept, gone on with, and never of two synthesis commands."""

import dataclasses
import json

import pytest

from fpga import calibration
from fpga.calibration import measure, measured_designs
from fpga.errors import BoardError
from fpga.families import ICE40
from fpga.synthesis import Area
from sw_driver.errors import DriverError

AREA = Area(luts=1, carries=2, flip_flops=3, multipliers=4, block_rams=5, lut_rams=6)

LINKS = ("host-link", "host-link-128")


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
    monkeypatch.setattr(calibration, "_link_verilog", lambda family, host_bits, cells: "")
    return state


def test_what_was_measured_is_not_measured_again(flow):
    names = [design.name for design in measured_designs(ICE40)]
    first = measure(ICE40)
    assert next(first) == (names[0], AREA)
    first.close()
    assert [name for name, _ in measure(ICE40)] == [*names, *LINKS]
    assert len(flow["tops"]) == len(names) + len(LINKS)
    kept = json.loads(flow["file"].read_text())
    assert kept["areas"] == dict.fromkeys([*names, *LINKS], dataclasses.asdict(AREA))


@pytest.mark.parametrize("name", ["synthesis", "tool"])
def test_areas_of_another_command_or_yosys_are_measured_anew(name, flow):
    list(measure(ICE40))
    asked = list(flow["tops"])
    kept = json.loads(flow["file"].read_text())
    flow["file"].write_text(json.dumps(kept | {name: "another"}))
    list(measure(ICE40))
    assert flow["tops"] == asked * 2
    assert json.loads(flow["file"].read_text()) == kept


def test_areas_of_another_flow_stay_until_all_are_measured_anew(flow):
    """Most of an hour of synthesis: a run that is stopped neither loses the old nor the new."""
    list(measure(ICE40))
    former = json.loads(flow["file"].read_text())
    count = len(flow["tops"])
    flow["tool"] = "yosys 2"
    for _ in range(2):
        first = measure(ICE40)
        for _ in range(2):
            next(first)
        first.close()
        kept = json.loads(flow["file"].read_text())
        assert {name: kept[name] for name in former} == former
        assert len(kept["next"]["areas"]) == 2 and kept["next"]["tool"] == "yosys 2"
        assert len(calibration.read_measured(ICE40)) == count - len(LINKS)
    list(measure(ICE40))
    assert len(flow["tops"]) == 2 * count
    assert json.loads(flow["file"].read_text()) == former | {"tool": "yosys 2"}


@pytest.mark.parametrize("content", ["", "{", "[]", "3", "{}", '{"areas": {"pe": {"luts": 1}}}',
                                     '{"areas": {}, "next": 3}', "[" * 10**5])
def test_damaged_areas_are_one_line(flow, content):
    flow["file"].write_text(content)
    for read in (calibration.read_measured, calibration.read_links,
                 lambda family: list(measure(family))):
        with pytest.raises(BoardError, match=r"areas\.json must hold measured areas, but is dam"):
            read(ICE40)
    assert flow["file"].read_text() == content and not flow["tops"]


def test_any_cut_of_the_areas_is_found(flow):
    first = measure(ICE40)
    next(first)
    first.close()
    whole = flow["file"].read_text().rstrip()
    for length in range(len(whole)):
        flow["file"].write_text(whole[:length])
        with pytest.raises(BoardError, match="is damaged: remove it"):
            calibration.read_measured(ICE40)


def test_an_unknown_family_is_refused(monkeypatch):
    monkeypatch.setattr("sys.argv", ["fpga.calibration", "virtex"])
    with pytest.raises(BoardError, match="family must be one of ecp5, ice40, .*, not 'virtex'"):
        calibration.main()


def test_a_place_that_cannot_be_written_is_refused_before_the_work(flow, tmp_path):
    flow["file"] = tmp_path / "none" / "areas.json"
    with pytest.raises(DriverError, match="there is no folder"):
        list(measure(ICE40))
    assert not flow["tops"]
