"""Tori in which nothing is known at the start give the golden model's words, and mutants do not.

`python -m sim.four_state` runs all presets; here are two small tori, and mistakes that a simulation
with the values that Verilog declares does not find.
"""

import dataclasses

import numpy as np
import pytest

from fpga.black_box_models import box_models
from fpga.black_boxes import Memory
from golden import ClosShape
from golden.vectors.nets import random_net
from hw.config import TorusConfig
from hw.presets import FITTED_TRAINING, PRESETS
from sim.errors import BenchFailed, BuildFailed, ToolMissing
from sim.four_state.__main__ import main
from sim.four_state.cases import CASES, script_of
from sim.four_state.runner import check_icarus, play, play_from_unknown
from sim.four_state.unknown import unknown_start
from sim.model.emitted import emitted_torus
from sim.proofs.rtl import Mutant, Rtl
from sw_driver.compiler import compile
from sw_driver.errors import DriverError
from sw_driver.script.inference import inference_script
from tests.support.icarus_bench import icarus as run_icarus

slow = pytest.mark.slow
INFERS = TorusConfig(rows=1, cols=2, act_bits=4, weight_bits=4, host_bits=32, buffer_words=64,
                     max_fan_in=16, weight_words=128, bias_words=16, program_words=512, rep_bits=6,
                     shift_bits=4, host_fifo_beats=4)
TRAINS = dataclasses.replace(FITTED_TRAINING, rows=1, cols=1, buffer_words=64, weight_words=256,
                             program_words=2048, rep_bits=8)
MUTANTS = {
    "a register without reset": Mutant(
        "the latch of a hop is not reset", "ring/hop.py", "latched = Signal()  ",
        "latched = Signal(reset_less=True)", ""),
    "a read before a write": Mutant(
        "a word of a block memory is never written", "cells/block_ram.py",
        "write.en.eq(self.write_en),", "write.en.eq(self.write_en & (self.write_addr != 1)),", ""),
}


@pytest.fixture(scope="module")
def script():
    return script_of(INFERS)


@slow
@pytest.mark.usefixtures("icarus")
@pytest.mark.parametrize("config, stalls", [(INFERS, 200), (TRAINS, 0)], ids=["infers", "trains"])
def test_from_unknown_and_after_resets_in_mid_run(config, stalls, tmp_path):
    played = play_from_unknown(emitted_torus(config), script_of(config), tmp_path, stalls=stalls)
    assert played.resets == 3
    assert (played.sent, played.came) > (100, 10)


@slow
@pytest.mark.usefixtures("icarus")
@pytest.mark.parametrize("name", MUTANTS)
def test_mutants_are_found(name, script, tmp_path):
    """Of which the Verilog with the values that it declares is right, all the same."""
    verilog = Rtl(MUTANTS[name]).module("tops").top_verilog("torus", INFERS)
    if name == "a register without reset":
        (tmp_path / "written.v").write_text(verilog)
        assert play([tmp_path / "written.v"], script, tmp_path, breaks=()).resets == 1
    with pytest.raises(BenchFailed, match=r"FAIL: run 0, cycle \d+: "):
        play_from_unknown(verilog, script, tmp_path, breaks=(), patience_cycles=1000)


@slow
@pytest.mark.usefixtures("icarus")
def test_weights_that_no_host_loads_are_seen(tmp_path):
    """The script of a torus that has its weights from the start, on one that has none."""
    net = random_net([ClosShape(4, 4, 2, 2, 2)], seed=1, act_bits=4, weight_bits=4)
    script = inference_script(compile(net, INFERS), np.ones((1, 4)), baked=True)
    with pytest.raises(BenchFailed, match="a bit of host_out_data is unknown"):
        play_from_unknown(emitted_torus(INFERS), script, tmp_path, breaks=())


def test_every_preset_has_a_case():
    assert list(CASES) == list(PRESETS)
    assert {name for name, case in CASES.items() if case.changed} == {"proof", "fitted-batches"}
    assert all(case.config == PRESETS[name] for name, case in CASES.items() if not case.changed)


@slow
def test_what_would_hide_unknown_values_is_refused(tmp_path):
    verilog = """module top(input clk, input [1:0] at, output [7:0] y);
      reg [7:0] rom [0:3];
      initial begin rom[0] = 1; rom[1] = 2; end
      assign y = rom[at];
    endmodule\n"""
    unknown_start(verilog, "top", tmp_path, "bench")  # Words that never change are logic.
    latch = "module top(input a, input b, output reg y); always @* if (a) y = b; endmodule\n"
    with pytest.raises(BuildFailed, match="nothing that hides unknown values, but has 'if "):
        unknown_start(latch, "top", tmp_path, "bench")


def test_bad_options_are_refused(monkeypatch):
    with pytest.raises(DriverError, match="PRESET must be one of proof, .*, not 'large-ish'"):
        main(["large", "large-ish"])
    with pytest.raises(DriverError, match="--stalls must be a whole number from 0 to 900, not '1k"):
        main(["--stalls", "1k"])
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ToolMissing, match="iverilog is not on PATH: install Icarus Verilog"):
        check_icarus()


READS = """
module top;
  reg clk = 0, write_en = 1, read_en = 1;
  reg [1:0] write_addr = 2, read_addr = 2;
  reg [3:0] write_data = 5;
  wire [3:0] async, sync, sync_old, sync_new;
  clostorus_memory_3x4_async a(clk, write_en, write_addr, write_data, read_addr, async);
  clostorus_memory_3x4_sync s(clk, write_en, write_addr, write_data, read_en, read_addr, sync);
  clostorus_memory_3x4_sync_old o(clk, write_en, write_addr, write_data, read_en, read_addr,
                                  sync_old);
  clostorus_memory_3x4_sync_new n(clk, write_en, write_addr, write_data, read_en, read_addr,
                                  sync_new);
  task edge_; begin
    #1 clk = 1;
    #1 clk = 0;
    $display("%b %b %b %b", async, sync, sync_old, sync_new);
  end endtask
  initial begin
    edge_;
    write_data = 6; edge_;
    write_en = 0; edge_;
    read_en = 0; read_addr = 1; edge_;
    read_en = 1'bx; edge_;
    write_en = 1; write_addr = 2'b1x; read_en = 1; read_addr = 2; edge_;
    write_en = 0; edge_;
    $finish;
  end
endmodule
"""


@pytest.mark.usefixtures("icarus")
def test_models_of_memories(tmp_path):
    models = box_models(Memory(3, 4, read) for read in ("async", "sync", "sync_old", "sync_new"))
    (tmp_path / "top.v").write_text(READS)
    (tmp_path / "models.v").write_text(models)
    said = run_icarus(tmp_path, "2005", ["top.v", "models.v"], "-s", "top")
    assert [line for line in said.splitlines() if line[0] in "01x"] == [
        "0101 xxxx xxxx 0101",  # The word at the address that is written: new, unknown, old, new.
        "0110 xxxx 0101 0110",
        "0110 0110 0110 0110",  # Nothing is written.
        "xxxx 0110 0110 0110",  # No register takes a word; a word that was never written is x.
        "xxxx xxxx xxxx xxxx",  # Nobody knows whether one does.
        "xxxx xxxx 0110 xxxx",  # Nobody knows which word is written,
        "xxxx xxxx xxxx xxxx",  # so no word is known any more.
    ]
