"""cocotb's own Icarus runner, which reads Verilog as SystemVerilog, on what `hw.emit` writes."""

import json
import xml.etree.ElementTree as ElementTree

import pytest
from cocotb_tools.runner import get_runner

from hw.emit import emit_verilog
from hw.ring.link import Link
from hw.ring.router import InferenceRouter
from tests.support.routers import CONFIG, parameters

pytestmark = [pytest.mark.cocotb, pytest.mark.usefixtures("icarus")]


@pytest.mark.parametrize("make, bench, given, tests", [
    (lambda: Link(16), "tests.support.toy_bench", {"per_mille": 400}, 3),
    (lambda: InferenceRouter(CONFIG), "sim.testbenches.router", parameters(CONFIG, 200), 1),
], ids=["link", "router"])
def test_bench(make, bench, given, tests, tmp_path):
    source, results = tmp_path / "dut.v", tmp_path / "results.xml"
    source.write_text(emit_verilog(make(), "dut"))
    runner = get_runner("icarus")
    runner.build(sources=[source], hdl_toplevel="dut", build_dir=tmp_path / "build",
                 timescale=("1ns", "1ps"))
    runner.test(test_module=bench, hdl_toplevel="dut", build_dir=tmp_path / "build",
                test_dir=tmp_path, results_xml=str(results), seed=1,
                plusargs=[f"+parameters={json.dumps(given)}"])
    # The runner raises if a test failed, and not if none was found.
    assert len(list(ElementTree.parse(results).iter("testcase"))) == tests
