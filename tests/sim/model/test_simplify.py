"""Verilog for quick simulation: what it leaves out, what it shares, and that it is the same."""

import numpy as np
import pytest
from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

import sim.model.simplify
from golden import ClosShape
from golden.vectors.nets import random_net, random_words
from hw.config import TorusConfig
from hw.emit import emit_verilog
from hw.ring.link import Link
from hw.tops import TOPS
from sim.errors import BuildFailed
from sim.model.emitted import emitted_torus
from sim.model.native import NativeModel
from sim.model.simplify import simplify
from sim.model.transfers import Stalls
from sw_driver.compiler import compile

pytestmark = pytest.mark.usefixtures("toolchain")

BITS = 32


class Echo(wiring.Component):
    """Links in a row, then a memory: what the last but one beat on the same address was."""

    def __init__(self, init=()):
        self.init = init
        super().__init__({"host_in": In(stream.Signature(BITS)),
                          "host_out": Out(stream.Signature(BITS))})

    def elaborate(self, platform):
        m = Module()
        m.submodules.first = first = Link(BITS)
        m.submodules.second = second = Link(BITS)
        m.submodules.memory = memory = Memory(shape=BITS, depth=8, init=self.init)
        read, write = memory.read_port(domain="comb"), memory.write_port()
        wiring.connect(m, wiring.flipped(self.host_in), first.i)
        wiring.connect(m, first.o, second.i)
        m.d.comb += [
            read.addr.eq(second.o.payload), write.addr.eq(second.o.payload),
            write.data.eq(second.o.payload), write.en.eq(self.host_out.valid & second.o.ready),
            self.host_out.payload.eq(read.data), self.host_out.valid.eq(second.o.valid),
            second.o.ready.eq(self.host_out.ready),
        ]
        return m


def made(verilog, top, toolchain, folder):
    folder.mkdir()
    return simplify(verilog, top, toolchain, folder)


@pytest.fixture(scope="module")
def two_links():
    """Two modules that differ in their name alone, as the tools write them."""
    ports = ("i_data", "i_valid", "i_ready", "o_data", "o_valid", "o_ready")

    def instance(module, streams):
        wires = [f".{port}({streams[port[0]]}{port[1:]})" for port in ports]
        return f"  {module} {module}_0 (\n    .clk(clk), .rst(rst), {', '.join(wires)}\n  );\n"

    top = ("module toy(input clk, rst, input [31:0] i_data, input i_valid, output i_ready, "
           "output [31:0] o_data, output o_valid, input o_ready);\n"
           "  wire [31:0] m_data; wire m_valid, m_ready;\n"
           + instance("one", {"i": "i", "o": "m"}) + instance("two", {"i": "m", "o": "o"})
           + "endmodule\n")
    return top + "".join(emit_verilog(Link(BITS), name) for name in ("one", "two"))


def test_modules_that_differ_in_name_alone_become_one(two_links, toolchain, tmp_path):
    assert two_links.count("\nmodule ") == 2
    simple = made(two_links, "toy", toolchain, tmp_path / "a").verilog
    assert simple.count("\nmodule ") == 2
    assert "two_0" in simple and "module two" not in simple


def test_large_modules_with_several_instances_share_their_code(
        two_links, toolchain, tmp_path, monkeypatch):
    assert "no_inline" not in made(two_links, "toy", toolchain, tmp_path / "a").control
    monkeypatch.setattr(sim.model.simplify, "_LEAST_SHARED_LINES", 10)
    control = made(two_links, "toy", toolchain, tmp_path / "b").control
    assert 'no_inline -module "one"' in control
    assert 'public_flat_rw -module "one" -var "i_valid"' in control
    assert "clk" not in control


def test_a_torus_shares_its_elements(toolchain, tmp_path):
    config = TorusConfig(rows=1, cols=3, weight_words=64, bias_words=8)
    simple = made(emitted_torus(config), TOPS["torus"], toolchain, tmp_path / "a")
    assert 'no_inline -module "clostorus_pe"' in simple.control
    assert "pe.mac" not in simple.control


@pytest.mark.parametrize("init", [(), (0, 7, 0)])
def test_memories_start_as_they_are_written(init):
    words = np.array([0, 1, 2, 1, 2, 9, 9], np.uint32)
    with NativeModel(emit_verilog(Echo(init), "toy"), "toy") as model:
        done = model.run(words[:, None], len(words), max_cycles=200)
    contents = dict(enumerate(init))
    for word, got in zip(words, done.beats[:, 0], strict=True):
        assert got == contents.get(word % 8, 0)
        contents[word % 8] = word


def test_beats_and_cycles_are_those_of_the_design_itself(tmp_path):
    """A model with waveforms is built from the Verilog as it is."""
    verilog = emit_verilog(Echo(), "toy")
    words = np.random.default_rng(5).integers(0, 1 << BITS, (300, 1)).astype(np.uint32)
    stalls = Stalls(in_per_mille=300, out_per_mille=400, seed=5)
    runs = []
    for trace in (None, tmp_path / "waves.vcd"):
        with NativeModel(verilog, "toy", trace=trace) as model:
            model.reset()
            runs.append(model.run(words, len(words), max_cycles=5000, stalls=stalls))
    for name in ("beats", "in_cycles", "out_cycles"):
        np.testing.assert_array_equal(getattr(runs[0], name), getattr(runs[1], name))


@pytest.mark.slow
def test_a_torus_runs_cycle_by_cycle_as_it_is_written(tmp_path):
    """Loads weights and runs a net on both: 2x2, with links and random stalls."""
    net = random_net([ClosShape(9, 7, 3, 2, 2), ClosShape(7, 5, 2, 3, 2)], seed=3)
    compiled = compile(net, TorusConfig(rows=2, cols=2, link_stages=1, weight_words=256))
    executable = compiled.executable
    jobs = [executable.load(), executable.infer(random_words(net, 5, seed=3).numpy())]
    stalls = Stalls(in_per_mille=100, out_per_mille=100, seed=3)
    runs = []
    for trace in (None, tmp_path / "waves.vcd"):
        verilog = emitted_torus(compiled.config)
        with NativeModel(verilog, TOPS["torus"], trace=trace) as model:
            model.reset()
            runs.append([model.run(job.beats, job.output_beats, max_cycles=50_000, stalls=stalls)
                         for job in jobs])
    for simple, plain in zip(*runs, strict=True):
        for name in ("beats", "in_cycles", "out_cycles"):
            np.testing.assert_array_equal(getattr(simple, name), getattr(plain, name))


def test_a_syntax_error_is_named(toolchain, tmp_path):
    with pytest.raises(BuildFailed, match="syntax error"):
        made("module toy(; endmodule\n", "toy", toolchain, tmp_path / "a")
