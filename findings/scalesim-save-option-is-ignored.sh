#!/usr/bin/env bash
# scalesim 3.0.0 with numpy 2.3.5: the option `-s N` ("Save Trace: (Y/N)") changes nothing.
#
# The option is read, and then the simulation is started with traces in any case: a run with `-s N`
# writes the same six trace files for each layer as one with `-s Y`. It surprises because the help
# offers it, nothing is refused, and the traces are by far the largest part of the results.
#
# Seen: "-s Y: 6 trace files, -s N: 6 trace files".
# To do: call the class `scalesim.scale_sim.scalesim(save_disk_space=True, ...)` from Python, which
# writes the three reports and no trace.
# NumPy is pinned below 2.4 because scalesim 3.0.0 ends with a TypeError on 2.4.6.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -qq scalesim==3.0.0 numpy==2.3.5

cat > small.cfg <<'CFG'
[general]
run_name = small
[architecture_presets]
ArrayHeight = 4
ArrayWidth = 4
IfmapSramSzkB = 16
FilterSramSzkB = 16
OfmapSramSzkB = 16
IfmapOffset = 0
FilterOffset = 10000000
OfmapOffset = 20000000
Dataflow = ws
Bandwidth = 10
ReadRequestBuffer = 64
WriteRequestBuffer = 64
[layout]
IfmapCustomLayout = False
IfmapSRAMBankBandwidth = 10
IfmapSRAMBankNum = 10
IfmapSRAMBankPort = 2
FilterCustomLayout = False
FilterSRAMBankBandwidth = 10
FilterSRAMBankNum = 10
FilterSRAMBankPort = 2
[sparsity]
SparsitySupport = false
[run_presets]
InterfaceBandwidth = CALC
UseRamulatorTrace = False
CFG
printf 'Layer,M,N,K,\nfc,8,8,8,\n' > product.csv
printf 'Layer,sizes,\nfc,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,\n' > layout.csv
traces() {
    venv/bin/python -m scalesim.scale -i gemm -t product.csv -l layout.csv -c small.cfg \
        -p "results_$1" -s "$1" > "$1.txt" 2>&1 || { tail -5 "$1.txt" >&2; exit 1; }
    find "results_$1" -name '*_TRACE.csv' | wc -l
}
with=$(traces Y)
without=$(traces N)
if [ "$with $without" != "6 6" ]; then
    echo "changed: -s Y: $with trace files, -s N: $without trace files" >&2
    exit 1
fi
echo "-s Y: 6 trace files, -s N: 6 trace files"
