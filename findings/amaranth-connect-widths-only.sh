#!/usr/bin/env bash
# amaranth 0.5.10: `wiring.connect` compares the widths of two members and nothing else.
#
# An output of shape unsigned(8) is connected to an input of shape signed(8) without an error or a
# warning, although the number 200 arrives as -56. The same holds for two structures of one width
# whose fields are in another order: x and y change places on the way. It surprises because another
# width is refused with a long message, so the shapes look as if they were checked.
#
# Seen: "sent 200, received -56; sent x=1 y=2, received x=2 y=1; another width is refused".
# To do: declare each signature or layout once, import it at both ends, and compare the shapes in
# an own wrapper of `connect` before it is called.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -qq amaranth==0.5.10

cat > design.py <<'PY'
# amaranth: UnusedElaboratable=no
import sys
import warnings

from amaranth.hdl import Module, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

warnings.simplefilter("error")


def joined(shape_out, shape_in, value):
    """What the input reads when the output holds `value`."""
    source = wiring.Signature({"v": Out(shape_out)}).create(path=("source",))
    sink = wiring.Signature({"v": In(shape_in)}).create(path=("sink",))
    module, seen = Module(), []
    wiring.connect(module, source=source, sink=sink)

    async def bench(ctx):
        ctx.set(source.v, value)
        seen.append(ctx.get(sink.v))

    simulator = Simulator(module)
    simulator.add_testbench(bench)
    simulator.run()
    return seen[0]


number = joined(unsigned(8), signed(8), 200)
pair = joined(data.StructLayout({"x": 4, "y": 4}), data.StructLayout({"y": 4, "x": 4}),
              {"x": 1, "y": 2})
try:
    joined(unsigned(8), unsigned(9), 0)
except wiring.ConnectionError:
    refused = True
else:
    refused = False
if (number, pair.x, pair.y, refused) != (-56, 2, 1, True):
    sys.exit(f"changed: received {number}, x={pair.x} y={pair.y}, width refused: {refused}")
print("sent 200, received -56; sent x=1 y=2, received x=2 y=1; another width is refused")
PY
venv/bin/python design.py
