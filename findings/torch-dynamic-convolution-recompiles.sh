#!/usr/bin/env bash
# torch 2.13.0: `torch.compile(dynamic=True)` of a convolution compiles again from batch 16 on.
#
# One `nn.Conv2d` compiled with dynamic=True serves the batches 2 to 15 with one graph, and batch
# 16 makes a second one, which then serves the larger ones: while the convolution is traced on the
# CPU, the guard `2 <= args[0].size()[0] <= 15` is added (TORCH_LOGS=recompiles prints it). A linear
# layer gets along with one graph. It surprises because dynamic=True is asked for exactly to have no
# such step, and a warm-up with a small batch does not reach it.
#
# Seen: "graphs after the batches 2, 8, 15, 16, 64: Conv2d 1 1 1 2 2, Linear 1 1 1 1 1".
# To do: warm up with a batch on either side of 16, or export with the batch that is served.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -qq torch==2.13.0 numpy==2.4.6

cat > count.py <<'PY'
import sys

import torch
from torch import nn


def graphs(layer, shape):
    made, counts = [], []

    def backend(graph, inputs):
        made.append(graph)
        return graph.forward

    torch._dynamo.reset()
    compiled = torch.compile(layer.eval(), dynamic=True, backend=backend)
    with torch.no_grad():
        for batch in (2, 8, 15, 16, 64):
            compiled(torch.ones(batch, *shape))
            counts.append(len(made))
    return " ".join(map(str, counts))


line = (f"Conv2d {graphs(nn.Conv2d(3, 4, 3), (3, 8, 8))}, "
        f"Linear {graphs(nn.Linear(8, 4), (8,))}")
if line != "Conv2d 1 1 1 2 2, Linear 1 1 1 1 1":
    sys.exit(f"changed: {line}")
print(f"graphs after the batches 2, 8, 15, 16, 64: {line}")
PY
venv/bin/python count.py
