#!/usr/bin/env bash
# amaranth 0.5.10: `from __future__ import annotations` leaves a `data.Struct` without any field.
#
# With that import Python keeps annotations as strings, and `data.Struct` passes over strings
# without a word: the class is made, its shape is unsigned(0), and a signal of it carries no bits.
# It surprises because the same import makes a `wiring.Component` fail at once with a message,
# and because the import is a common rule of style for Python files.
#
# Seen: "12 bits without the import, 0 bits with it, and no warning".
# To do: forbid the import in files that declare hardware; assert the width of every layout once.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -qq amaranth==0.5.10

cat > plain.py <<'PY'
from amaranth.hdl import Shape
from amaranth.lib import data


class Word(data.Struct):
    tag: 4
    body: 8


print(Shape.cast(Word).width)
PY
{ echo "from __future__ import annotations"; cat plain.py; } > future.py
plain=$(venv/bin/python -W error plain.py)
future=$(venv/bin/python -W error future.py) || { echo "changed: it is refused now" >&2; exit 1; }
if [ "$plain $future" != "12 0" ]; then
    echo "changed: $plain bits without the import, $future bits with it" >&2
    exit 1
fi
echo "$plain bits without the import, $future bits with it, and no warning"
