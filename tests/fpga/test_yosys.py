"""The generated Verilog goes through Yosys as an FPGA flow reads it."""

import dataclasses
import re

import pytest

from fpga.errors import FlowFailed
from fpga.yosys import run_yosys
from hw.config import TorusConfig, TrainingConfig
from hw.tops import TOPS, TRAINING_TOPS, top_verilog
from tests.support.knobs import mostly_slow

SMALL = TorusConfig(rows=2, cols=2, buffer_words=64, max_fan_in=64, weight_words=64, bias_words=8,
                    program_words=128)
TRAINING = dataclasses.replace(SMALL, training=TrainingConfig())


@pytest.mark.parametrize("top", mostly_slow(TOPS, (1, 2)))
def test_design_is_sound(top, tmp_path):
    """No loop, no latch, no signal with two drivers or none."""
    report = run_yosys(
        tmp_path, top_verilog(top, TRAINING if top in TRAINING_TOPS else SMALL),
        f"hierarchy -check -top {TOPS[top]}; proc; flatten; opt_clean; check -assert")
    assert "Found and reported 0 problems" in report
    assert "$dlatch" not in report


def test_a_bad_design_is_refused(tmp_path):
    with pytest.raises(FlowFailed, match="exit status"):
        run_yosys(tmp_path, "module m(output a); assign a = ~a; endmodule", "check -assert")


@pytest.mark.slow
def test_ecp5_cells(tmp_path):
    """A torus of two elements keeps its multipliers and its memories."""
    report = run_yosys(tmp_path, top_verilog("torus", dataclasses.replace(SMALL, rows=1)),
                       f"synth_ecp5 -nowidelut -top {TOPS['torus']}; stat")
    cells = {name: int(count) for count, name in re.findall(r"^ +(\d+) +([A-Z]\w+)$", report, re.M)}
    assert cells["MULT18X18D"] == 2
    assert cells["DP16KD"] >= 2  # The gather buffers at least: two rings, each read twice.
