# amaranth: UnusedElaboratable=no
"""`emit_verilog`: the same bytes everywhere, short port names, nothing of this machine."""

import os
import re
import subprocess
import sys

import pytest
from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.emit import emit_verilog
from hw.ring.link import Link
from tests.support.project import ROOT

PAIR = data.StructLayout({"low": 3, "high": 4})


class Ported(wiring.Component):
    """Every sort of member: plain, nested, in an array, structured, with constant handshakes."""

    plain: In(5)
    nested: In(wiring.Signature({"payload": Out(2), "back": In(1)}))
    streams: Out(stream.Signature(4)).array(2)
    pairs: In(stream.Signature(PAIR, always_ready=True))

    def elaborate(self, platform):
        m = Module()
        m.d.sync += [
            self.nested.back.eq(self.plain.any() ^ self.nested.payload.any()),
            self.streams[0].payload.eq(self.pairs.payload.high),
            self.streams[0].valid.eq(self.pairs.valid),
            self.streams[1].payload.eq(self.pairs.payload.low),
        ]
        return m


class Elements(wiring.Component):
    """Signals that are arrays; the vector and its elements have names."""

    word: In(4)
    o: Out(4)

    def elaborate(self, platform):
        m = Module()
        sums = Signal(data.ArrayLayout(data.ArrayLayout(4, 2), 2))
        m.d.sync += [sums[0][1].eq(self.word), sums[1][0].eq(sums[0][1])]
        m.d.comb += self.o.eq(sums[1][0])
        return m


class Clashing(wiring.Component):
    a_b: In(1)
    a: In(wiring.Signature({"b": Out(1)}))

    def elaborate(self, platform):
        return Module()


def ports_of(verilog, module):
    declaration = re.search(rf"^module {module}\((.*)\);$", verilog, re.M)
    return set(declaration[1].split(", "))


def test_port_names():
    verilog = emit_verilog(Ported(), "ported")
    assert ports_of(verilog, "ported") == {
        "clk", "rst", "plain", "nested_payload", "nested_back", "pairs_data", "pairs_valid",
        "streams_0_data", "streams_0_valid", "streams_0_ready",
        "streams_1_data", "streams_1_valid", "streams_1_ready",
    }
    assert re.search(r"^ *input \[6:0\] pairs_data;$", verilog, re.M)


def test_an_output_that_nothing_drives_is_an_output():
    assert re.search(r"^ *output streams_1_valid;$", emit_verilog(Ported(), "ported"), re.M)


def test_two_members_with_one_name_are_refused():
    with pytest.raises(ValueError, match=r"two members of Clashing .* name a_b;"):
        emit_verilog(Clashing(), "clashing")


def test_no_trace_of_the_machine():
    verilog = emit_verilog(Link(16), "link")
    assert "src" not in verilog
    assert ".py" not in verilog
    assert str(ROOT) not in verilog


def test_same_bytes_whatever_the_hash_seed():
    program = ("from hw.config import TorusConfig; from hw.ring.router import InferenceRouter; "
               "from hw.emit import emit_verilog; import sys; "
               "sys.stdout.write(emit_verilog(InferenceRouter(TorusConfig()), 'router'))")
    texts = [
        subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True,
                       cwd=ROOT,
                       env={**os.environ, "PYTHONHASHSEED": seed}).stdout
        for seed in ("1", "2")
    ]
    assert texts[0] == texts[1]
    assert "module router(" in texts[0]


@pytest.mark.parametrize("before", [None, "system"])
def test_a_choice_of_yosys_is_neither_heeded_nor_lost(monkeypatch, before):
    name = "AMARANTH_USE_YOSYS"
    if before is None:
        monkeypatch.delenv(name, raising=False)
    else:
        monkeypatch.setenv(name, before)
    assert "Amaranth Yosys" in emit_verilog(Link(4), "link")
    assert os.environ.get(name) == before


def test_no_name_reads_like_a_bit_of_another_one():
    """Yosys's ABC9 takes a signal called sums[1] for bit 1 of sums, and makes another design."""
    verilog = emit_verilog(Elements(), "elements")
    names = set(re.findall(r"\\(\S+) ", verilog))
    assert {"sums.0", "sums.0.1", "sums.1.0"} <= names
    assert not [name for name in names if "[" in name]
