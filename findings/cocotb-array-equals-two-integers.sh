#!/usr/bin/env bash
# cocotb 2.1.0: one `LogicArray` equals two different integers.
#
# A value of eight bits 11111101 compares equal to 253 and to -3 at once: `==` takes an integer in
# either meaning, whatever the signal was declared as, while int() always gives 253. It surprises
# because equality is then no longer transitive, and a check `value == expected` passes when the
# model computed 253 where the hardware means -3, or the other way about. No simulator is needed.
#
# Seen: "== 253: True, == -3: True, int(): 253".
# To do: compare `value.to_signed()` or `value.to_unsigned()` with the expected number.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -qq cocotb==2.1.0

cat > compare.py <<'PY'
import sys

from cocotb.types import LogicArray

value = LogicArray("11111101")
line = f"== 253: {value == 253}, == -3: {value == -3}, int(): {int(value)}"
if line != "== 253: True, == -3: True, int(): 253":
    sys.exit(f"changed: {line}")
print(line)
PY
venv/bin/python compare.py
