#!/usr/bin/env bash
# torch 2.13.0: a comparison turns the number into the tensor's type first, and drops its high bits.
#
# For a uint8 tensor that holds 44, `x == 300` is True, because 300 becomes 44; `x > -1` is False
# for every value, and for an int8 tensor `x < 200` is False for every value that is not below -56.
# It surprises because `clamp(max=200)`, `fill_(300)` and `torch.tensor([300], dtype=torch.int8)`
# refuse such numbers ("cannot be converted ... without overflow"), because NumPy answers by the
# mathematical value, and because range checks of quantised values look just like this.
#
# Seen: "uint8 44 == 300: True, 44 > -1: False, int8 5 < 200: False; NumPy: False, True, True".
# To do: widen before a comparison (`x.to(torch.int32) < 200`).
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -qq torch==2.13.0 numpy==2.4.6

cat > compare.py <<'PY'
import sys

import numpy as np
import torch


def answers(unsigned, signed):
    return [bool((unsigned == 300)[0]), bool((unsigned > -1)[0]), bool((signed < 200)[0])]


of_torch = answers(torch.tensor([44], dtype=torch.uint8), torch.tensor([5], dtype=torch.int8))
of_numpy = answers(np.array([44], dtype=np.uint8), np.array([5], dtype=np.int8))
try:
    torch.tensor([5], dtype=torch.int8).clamp(max=200)
except RuntimeError:
    refused = True
else:
    refused = False
if (of_torch, of_numpy, refused) != ([True, False, False], [False, True, True], True):
    sys.exit(f"changed: torch {of_torch}, NumPy {of_numpy}, clamp refuses: {refused}")
print("uint8 44 == 300: True, 44 > -1: False, int8 5 < 200: False; NumPy: False, True, True")
PY
venv/bin/python compare.py
