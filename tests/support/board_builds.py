"""Builds for boards without tools: nothing is synthesised, placed or packed."""

import json

from fpga import board_build, board_flow
from fpga.errors import FlowFailed
from fpga.place_route import Routed, Step
from fpga.synthesis import Area

AREA = Area(luts=1500, carries=300, flip_flops=2500, multipliers=1, block_rams=24, lut_rams=0)

# A part of a netlist, as Yosys writes it: a module within another, and a cell of each.
_SCOPES = ("design", "design.torus", "design.torus.pe_0_0")
_CELLS = {"ice40": {"design.host_SB_LUT4_O": "SB_LUT4", "design.torus.pe_0_0.a_SB_DFF_Q": "SB_DFF",
                    "design.torus.pe_0_0.b_SB_LUT4_O": "SB_LUT4", "pin": "SB_IO"},
          "ecp5": {"design.torus.pe_0_0.a_TRELLIS_FF_Q": "TRELLIS_FF"}, "gw1n": {}}


def netlist(family):
    """The text of a netlist with some cells of a family."""
    cells = {name: {"type": kind, "connections": {}, "port_directions": {}}
             for name, kind in (*dict.fromkeys(_SCOPES, "$scopeinfo").items(),
                                *_CELLS[family.name].items())}
    return json.dumps({"modules": {"board": {"cells": cells, "netnames": {}}}})


def build_flow(monkeypatch):
    """A flow without tools: what it reaches, and what it is asked, is up to the test."""
    state = {"fmax_mhz": 50.0, "fails": None, "steps": []}

    def synthesise(folder, verilog, top, family, yosys):
        state["steps"].append("synthesise")
        (folder / "design.v").write_text(verilog)
        (folder / "netlist.json").write_text(netlist(family))
        return AREA

    def route(board, flow, router, folder, seed, target_mhz):
        state["steps"].append("route")
        assert (folder / "netlist.json").read_text() == netlist(board.family)
        (folder / f"placed_{seed}").write_text("cells")
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
