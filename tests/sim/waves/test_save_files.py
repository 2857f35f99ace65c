"""Save files of viewers: their signals are those of the torus, in groups that a reader finds."""

import re

import pytest

from hw.config import TorusConfig
from hw.tops import top_verilog
from sim.model.trace_text import traceable
from sim.waves.groups import groups
from sim.waves.save_files import TICKS, gtkwave_file, surfer_file
from sim.waves.signals import declared

TORI = {"2x3": TorusConfig(rows=2, cols=3), "lanes": TorusConfig(rows=1, cols=1, lanes_out=2)}
TEXT = """\
module other(clk, \\a$1 );
  input clk;
  wire clk;
  reg [7:0] \\a$1  = 8'h00;
  wire [3:0] \\a.part ;
endmodule
module \\clostorus.part (clk);
  input clk;
  \\other  one (
    .clk(clk)
  );
endmodule
module clostorus(clk);
  input clk;
  wire signed [15:0] word;
  \\clostorus.part  part (
    .clk(clk)
  );
endmodule
"""


def test_signals_are_found_through_all_instances():
    assert declared(TEXT, "clostorus") == {
        "clostorus.clk": 1, "clostorus.word": 16, "clostorus.part.clk": 1,
        "clostorus.part.one.clk": 1, "clostorus.part.one.a$1": 8}


@pytest.fixture(scope="module", params=list(TORI))
def torus(request):
    config = TORI[request.param]
    return config, declared(top_verilog("torus", config), "clostorus")


def test_there_is_a_group_for_every_part_and_a_signal_in_it(torus):
    config, widths = torus
    found = groups(config, widths)
    rows, cols = range(config.rows), range(config.cols)
    assert [group.name for group in found] == [
        "host", *(f"gateway {row}" for row in rows), *(f"row ring {row}" for row in rows),
        *(f"column ring {col}" for col in cols),
        *(f"PE {row}, {col}" for row in rows for col in cols)]
    for group in found:
        assert all(widths[one.path] == one.bits for one in group.signals)
        assert len({one.alias for one in group.signals}) == len(group.signals) > 2
        assert all(one.bits == 1 for one in group.signals if one.radix == "bits")
    pe = next(group for group in found if group.name == "PE 0, 0")
    aliases = {one.alias for one in pe.signals}
    assert {"MAC active", "MAC step", "row i valid", "col o payload", "row own payload"} <= {
        alias.replace("__", " ") for alias in aliases}


def test_a_save_file_of_gtkwave(torus):
    config, widths = torus
    shown = groups(config, widths)
    text = gtkwave_file(shown, 100)
    assert text == gtkwave_file(shown, 100) and f"[timestart] {100 * TICKS}" in text
    named = re.findall(r"^\+\{.*\} (\S+)$", text, re.M)
    paths = [re.sub(r"\[\d+:0\]$", "", one) for one in named]
    assert paths == [one.path for group in shown for one in group.signals]
    assert all(one.endswith(f"[{widths[path] - 1}:0]") == (widths[path] > 1)
               for one, path in zip(named, paths, strict=True))
    for group in shown:
        assert text.count(f"\n-{group.name}\n") == 2  # Its begin and its end.


def test_commands_of_surfer(torus):
    config, widths = torus
    shown = groups(config, widths)
    lines = surfer_file(shown, 7).splitlines()
    assert lines[-1] == f"cursor_set {7 * TICKS}"
    assert [line.partition(" ")[2] for line in lines if line.startswith("divider_add")] == [
        group.name for group in shown]
    assert sum(line.startswith("variable_add clostorus.") for line in lines) == sum(
        len(group.signals) for group in shown)


def test_nothing_is_in_a_trace_that_no_viewer_reads():
    """GTKWave refuses a VCD file with some dozens of the names that Yosys gives to what starts."""
    verilog = top_verilog("torus", TORI["2x3"])
    assert "dump_module" in verilog and "dump_module" not in traceable(verilog)
    changed = [(a, b) for a, b in zip(verilog.splitlines(), traceable(verilog).splitlines(),
                                      strict=True) if a != b]
    assert all("verilog_backend" in a and "_start_" in b for a, b in changed)
