#!/usr/bin/env bash
# amaranth 0.5.10: whether a value that does not fit is reported depends on how it is given.
#
# `Signal(4, init=17)` warns that 17 will be truncated. `Const(17, 4)`, `ctx.set(signal, 17)` in a
# test bench, and `Signal(layout, init={"x": 17})` with a field x of 4 bits do the same truncation
# without a word. It surprises because warnings as errors look like a net for all of these, and a
# bench that drives a number out of range tests another number and passes.
#
# Seen: "init=17 warns; Const, ctx.set and the initial value of a field become 1 in silence".
# To do: check ranges in the helpers that drive signals and build constants.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -qq amaranth==0.5.10

cat > values.py <<'PY'
import sys
import warnings

from amaranth.hdl import Const, Module, Signal, SyntaxWarning
from amaranth.lib import data
from amaranth.sim import Simulator

warnings.simplefilter("error")
try:
    Signal(4, init=17)
except SyntaxWarning:
    warned = True
else:
    warned = False

constant = Const(17, 4).value
field = Signal(data.StructLayout({"x": 4, "y": 4}), init={"x": 17}).as_value().init

driven, copy, module, seen = Signal(4), Signal(8), Module(), []
module.d.comb += copy.eq(driven)


async def bench(ctx):
    ctx.set(driven, 17)
    seen.append(ctx.get(copy))


simulator = Simulator(module)
simulator.add_testbench(bench)
simulator.run()
if (warned, constant, field, seen) != (True, 1, 1, [1]):
    sys.exit(f"changed: warned {warned}, Const {constant}, field {field}, ctx.set {seen}")
print("init=17 warns; Const, ctx.set and the initial value of a field become 1 in silence")
PY
venv/bin/python values.py
