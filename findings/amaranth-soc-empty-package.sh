#!/usr/bin/env bash
# amaranth-soc 0: the package of that name in the index contains no module.
#
# `pip install amaranth-soc==0` succeeds, and `import amaranth_soc` then fails, because the wheel
# holds nothing but its own metadata; the library with CSR buses and memory maps that carries this
# name is not in it. It surprises because the name, the project and a successful installation say
# otherwise, and a requirements file with it looks right.
#
# Seen: "installed, 0 Python files, import fails with ModuleNotFoundError".
# To do: do not name it as a dependency; take the library from its repository, or write the few
# registers that are needed.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -qq amaranth-soc==0

cat > look.py <<'PY'
import importlib.metadata
import sys

files = [str(f) for f in importlib.metadata.files("amaranth-soc") if str(f).endswith(".py")]
try:
    import amaranth_soc  # noqa: F401
except ModuleNotFoundError:
    if not files:
        print("installed, 0 Python files, import fails with ModuleNotFoundError")
        sys.exit(0)
sys.exit(f"changed: the package has {len(files)} Python files, or can be imported now")
PY
venv/bin/python look.py
