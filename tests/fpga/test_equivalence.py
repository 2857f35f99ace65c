"""Routers and their netlists, proved equal in Yosys; an altered one is not.

What starts the blocks of the Verilog in simulators changes no netlist.
"""

import dataclasses
import re

import pytest

from fpga.boundary import BOUNDARY, DESIGN, as_synthesised, with_boundary
from fpga.equivalence import check_equivalence
from fpga.errors import FlowFailed
from fpga.families import ECP5, GW1N, ICE40
from fpga.synthesis import synthesise
from hw.config import TorusConfig, TrainingConfig
from hw.emit import emit_verilog
from hw.tops import TOPS, top_verilog
from hw.uart.cobs_decode import CobsDecoder

SMALL = TorusConfig(rows=1, cols=1, act_bits=4, weight_bits=4, host_bits=32, buffer_words=16,
                    max_fan_in=16, weight_words=16, bias_words=4, program_words=64, rep_bits=4)
TRAINING = dataclasses.replace(SMALL, training=TrainingConfig(
    master_bits=8, grad_bits=6, reduce_words=4, result_words=4))
LANES = dataclasses.replace(SMALL, lanes_in=2, lanes_out=2)
CONFIGS = {"inference-router": SMALL, "training-router": TRAINING}
slow = pytest.mark.slow


@pytest.mark.parametrize("kind, family", [
    pytest.param("inference-router", ICE40, marks=slow),
    pytest.param("inference-router", ECP5, marks=slow),
    pytest.param("training-router", ICE40, marks=slow),
    pytest.param("training-router", ECP5, marks=slow)])
def test_a_router_is_equal_to_its_netlist(kind, family, tmp_path):
    verilog = top_verilog(kind, CONFIGS[kind])
    assert check_equivalence(tmp_path, verilog, TOPS[kind], family) > 200


@slow
@pytest.mark.parametrize("family", [ICE40, ECP5])
@pytest.mark.parametrize("link_words", [1, 2])
def test_a_router_read_in_rows_is_equal_to_its_netlist(family, link_words, tmp_path):
    verilog = top_verilog("inference-router", dataclasses.replace(LANES, link_words=link_words))
    assert check_equivalence(tmp_path, verilog, TOPS["inference-router"], family) > 300


@slow
@pytest.mark.parametrize("line, altered", [
    (r"(assign \\\$\d+ *= \\?[\w.$ ]+) \+ 1'h1;", r"\1 + 2'h2;"),
    (r"(assign \\\$\d+ *= \\?[\w.$ ]+) & (.*;)", r"\1 | \2")])
def test_another_netlist_is_refused(line, altered, tmp_path):
    verilog = top_verilog("inference-router", SMALL)
    other, count = re.subn(line, altered, verilog, count=1)
    assert count == 1
    with pytest.raises(FlowFailed, match="must be equal to its ice40 netlist, .* proved for \\w+"):
        check_equivalence(tmp_path, verilog, TOPS["inference-router"], ICE40, netlist_of=other)


def both_netlists(folder, verilog, top, family):
    """The netlists of a text and of what is kept for it, without the columns of the text."""
    for text in (verilog, as_synthesised(verilog)):
        synthesise(folder, text, top, family)
        yield re.sub(r"(design\.v:\d+)\.\d+-(\d+)\.\d+", r"\1-\2",
                     (folder / "netlist.json").read_text())


@pytest.mark.parametrize("kind, family", [
    pytest.param(None, ICE40, marks=slow), pytest.param(None, GW1N, marks=slow),
    pytest.param("training-router", ECP5, marks=slow)])
def test_what_is_there_for_simulators_changes_no_byte_of_a_netlist(kind, family, tmp_path):
    """So what was measured before the Verilog was legal everywhere is still measured of it."""
    top, verilog = BOUNDARY, with_boundary(emit_verilog(CobsDecoder(), "decoder"), "decoder")
    if kind is None:
        assert f"  decoder \\{DESIGN} (" in verilog
        assert f"  decoder {DESIGN} (" in as_synthesised(verilog)
    else:
        top, verilog = TOPS[kind], top_verilog(kind, CONFIGS[kind])
    assert "; initial " in verilog and "; initial " not in as_synthesised(verilog)
    netlist, kept = both_netlists(tmp_path, verilog, top, family)
    assert netlist == kept

