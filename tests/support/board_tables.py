"""The tables of docs/fpga.md, made from builds that take no tools."""

import dataclasses
import json

from sim.measure import board_rows
from sim.measure import board_table as page_table
from sim.measure.board_rows import ROWS
from sim.measure.board_table import table
from sim.measure.board_throughput import Speed

BUILT, REFUSED = ROWS[0], ROWS[1]
NAME = "icebreaker 1x1, infers"
REPORT = {
    "board": "icebreaker", "folded": False, "clock_mhz": 12.0, "fmax_mhz": 24.0,
    "critical_path": {"start": "a", "end": "b"}, "packed": {"ICESTORM_LC": 3500},
    "cells": {name: {"used": used, "available": 5280}
              for name, used in (("LUT", 2000), ("FF", 1500), ("DSP", 1), ("BRAM", 20))},
}


def table_flow(monkeypatch, tmp_path):
    """Builds that take no tools: what they are made of, and what stops them, is up to the test."""
    state = {"design": "module today; endmodule", "error": None, "built": []}

    def build(board, config, out, *, tries, target_mhz, **_):
        state["built"].append(out.name)
        if state["error"]:
            raise state["error"]
        out.mkdir(parents=True, exist_ok=True)
        (out / "design.v").write_text(state["design"])
        (out / "report.json").write_text(json.dumps(
            REPORT | {"torus": dataclasses.asdict(config), "synthesis": board.family.command,
                      "target_mhz": target_mhz,
                      "fmax_mhz_by_seed": {str(seed): 24.0 for seed in range(1, tries + 1)}}))

    monkeypatch.setattr(board_rows, "build", build)
    monkeypatch.setattr(board_rows, "_images", lambda row: None)
    monkeypatch.setattr(board_rows, "board_design", lambda *_, **__: state["design"])
    monkeypatch.setattr(board_rows, "_design_digest", board_rows._design_digest.__wrapped__)
    monkeypatch.setattr(page_table, "speed",
                        lambda config, net: Speed(1000.0, 900, net == "digits"))
    state["results"], state["page"] = tmp_path / "results", tmp_path / "page.md"
    state["page"].write_text("before\n<!-- begin table -->\nformer\n<!-- end table -->\nafter\n"
                             "<!-- begin estimated -->\nformer\n<!-- end estimated -->\n")
    return state


def write(flow, *names):
    failed = table(flow["results"], flow["page"], set(names))
    return failed, flow["page"].read_text()
