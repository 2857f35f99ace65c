"""`python -m fpga.bus_areas`: what a bus adds, and that an option that is off adds nothing."""

import re

import pytest

from fpga import bus_areas
from fpga.synthesis import Area
from hw.axi_top import AxiTop
from hw.config import TorusConfig
from hw.emit import emit_verilog
from hw.top import ClostorusTop
from hw.tops import PEInstance
from hw.wishbone_top import WishboneTop

CONFIG = TorusConfig(rows=1, cols=1, host_bits=32)


def modules(component):
    """The text of each module by its name, as it is inside the torus, without numbers of Yosys."""
    text = emit_verilog(component, "top")
    text = re.sub(r"(dump_module|port)\$\d+", r"\1", text)
    found = re.findall(r"^module \\?(\S+?) ?\((.*?)^endmodule$", text, re.M | re.S)
    return {name: re.sub(r"\\top\S*", "", body) for name, body in found}


def make_pe(row, col):
    return PEInstance(CONFIG)


def test_rows_are_what_is_added(monkeypatch, capsys):
    def area(name):
        count = bus_areas.DESIGNS.index(name)
        return Area(luts=100 + 10 * count, carries=5 + count, flip_flops=50, lut_rams=2 * count,
                    multipliers=1, block_rams=1)

    monkeypatch.setattr(bus_areas, "bus_area", area)
    assert bus_areas.main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[2] == "| axi without last | 10 | 1 | 0 | 2 | 20 |"
    assert all(line.count("|") == lines[0].count("|") for line in lines)


@pytest.mark.slow
def test_what_is_off_is_not_there():
    """Neither in a bare torus, nor in a bus: no register, no port, no module."""
    bare = modules(ClostorusTop(CONFIG, make_pe=make_pe))
    assert not [name for name in bare if re.search("registers|slave|streams", name)]
    assert "running" not in bare["top"] + bare["top.bridge"]
    without = modules(AxiTop(CONFIG, has_last=False, make_pe=make_pe))
    with_last = modules(AxiTop(CONFIG, make_pe=make_pe))
    assert without.keys() == with_last.keys()
    streams, registers = "top.torus.streams", "top.torus.registers"
    assert "before" in with_last[streams] and "before" not in without[streams]
    assert "last_beats" in with_last[registers] and "last_beats" not in without[registers]
    assert "m_axis_tlast" in with_last["top"] and "m_axis_tlast" not in without["top"]


def registers(body):
    return sorted(re.findall(r"^  reg (?!.*\$auto)(.* = .*;)$", body, re.M))


@pytest.mark.parametrize("top", [AxiTop, WishboneTop])
def test_a_bus_adds_no_register_to_a_torus(top):
    """But to the bridge, which tells whether a program runs."""
    bare = modules(ClostorusTop(CONFIG, make_pe=make_pe))
    inside = {name.replace("top.torus.torus", "top", 1): body for name, body in
              modules(top(CONFIG, make_pe=make_pe)).items() if name.startswith("top.torus.torus")}
    assert inside.keys() == bare.keys()
    assert {name for name in bare if registers(bare[name]) != registers(inside[name])} <= {
        "top.bridge"}
    assert any(map(registers, bare.values()))


@pytest.mark.slow
def test_the_mark_of_the_last_beat_takes_cells():
    off, on = (bus_areas.bus_area(name) for name in ("axi without last", "axi"))
    # LAST_BEATS, the count, and that it begins anew.
    assert on.flip_flops - off.flip_flops == 32 + 32 + 1
    assert on.luts > off.luts
