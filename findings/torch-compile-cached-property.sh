#!/usr/bin/env bash
# torch 2.13.0 on Python 3.11: whether a model compiles depends on what was read before.
#
# `functools.cached_property` of Python 3.11 takes a lock the first time, and the tracer does not
# know how to enter it: `torch.compile(fullgraph=True)` of a module whose forward reads such a
# property raises Unsupported. Read the property once before, and the same module compiles. It
# surprises because the first call in a test usually ran without compilation, so that the property
# was there; a new process that compiles at once fails.
#
# Seen: "cold: Unsupported (RLock); read once before: compiles".
# To do: read such properties in `__init__`, or use a plain attribute; Python 3.12 has no lock here.
set -eu
[ "$(python3 -c 'import sys; print(*sys.version_info[:2])')" = "3 11" ] ||
    { echo "skipped: needs Python 3.11 as python3" >&2; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -qq torch==2.13.0 numpy==2.4.6

cat > trace.py <<'PY'
import functools
import sys

import torch
from torch import nn


class Scaled(nn.Module):
    @functools.cached_property
    def factor(self):
        return 3

    def forward(self, x):
        return x * self.factor


def compiled(module):
    return torch.compile(module, backend="eager", fullgraph=True)(torch.ones(2)).tolist()


try:
    compiled(Scaled())
except torch._dynamo.exc.Unsupported as error:
    cold = "RLock" in str(error)
else:
    cold = False
torch._dynamo.reset()
warm = Scaled()
assert warm.factor == 3
if not cold or compiled(warm) != [3.0, 3.0]:
    sys.exit(f"changed: the cold property is refused for its RLock: {cold}")
print("cold: Unsupported (RLock); read once before: compiles")
PY
venv/bin/python trace.py
