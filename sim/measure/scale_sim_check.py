"""Hold the counts of `scale_sim` against SCALE-Sim 3.0.0 itself, run by a Python that has it.

    python3 -m venv scale && scale/bin/pip install scalesim==3.0.0 'numpy<2.4'
    python -m sim.measure.scale_sim_check scale/bin/python

SCALE-Sim reads an array (`scale.cfg`), products (M, N, K) and layouts of their operands, which do
not matter here but must be there: without them it prints an error and exits with 0. So what counts
is the report that it writes.
"""

if __name__ == "__main__":
    from golden.system.stopping import begin

    begin("sim.measure.scale_sim_check")  # Before anything slow is imported.

import argparse
import csv
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from golden.system.ending import run_program

from .scale_sim import Array, Dataflow, Gemm, cycles

__all__ = ["CASES", "compare", "main"]

# Several folds, folds that are not full, and operands narrower than the array.
CASES = tuple(
    (array, gemm)
    for array in (Array(4, 4), Array(2, 8), Array(8, 2))
    for gemm in (Gemm(1, 28, 25), Gemm(5, 10, 9), Gemm(32, 25, 16), Gemm(3, 5, 7))
)
_LETTERS = {Dataflow.OUTPUT: "os", Dataflow.WEIGHT: "ws", Dataflow.INPUT: "is"}
_TIMEOUT_S = 300
_CONFIG = """[general]
run_name = run
[architecture_presets]
ArrayHeight = {rows}
ArrayWidth = {cols}
IfmapSramSzkB = 1024
FilterSramSzkB = 1024
OfmapSramSzkB = 1024
IfmapOffset = 0
FilterOffset = 10000000
OfmapOffset = 20000000
Dataflow = {dataflow}
Bandwidth = 1000
ReadRequestBuffer = 512
WriteRequestBuffer = 512
[layout]
IfmapCustomLayout = False
FilterCustomLayout = False
IfmapSRAMBankBandwidth = 1000
IfmapSRAMBankNum = 1
IfmapSRAMBankPort = 1
FilterSRAMBankBandwidth = 1000
FilterSRAMBankNum = 1
FilterSRAMBankPort = 1
[sparsity]
SparsitySupport = false
SparseRep = ellpack_block
OptimizedMapping = false
BlockSize = 8
RandomNumberGeneratorSeed = 1
[run_presets]
InterfaceBandwidth = CALC
UseRamulatorTrace = False
"""


def compare(python: Path, array: Array, gemms: Sequence[Gemm], dataflow: Dataflow) -> list[int]:
    """Return the cycles that SCALE-Sim counts for each product.

    Raises
    ------
    RuntimeError
        If it writes no report: the message holds the end of what it printed.
    """
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        text = _CONFIG.format(rows=array.rows, cols=array.cols, dataflow=_LETTERS[dataflow])
        (here / "scale.cfg").write_text(text)
        lines = [f"p{index}, {gemm.m}, {gemm.n}, {gemm.k}," for index, gemm in enumerate(gemms)]
        (here / "products.csv").write_text("\n".join(["Layer, M, N, K,", *lines, ""]))
        ones = ", ".join(["1"] * 20)
        layouts = [f"p{index}, {ones}," for index, _ in enumerate(gemms)]
        (here / "layouts.csv").write_text("\n".join(["Layer, factors,", *layouts, ""]))
        done = subprocess.run(
            [python, "-m", "scalesim.scale", "-c", "scale.cfg", "-t", "products.csv", "-l",
             "layouts.csv", "-i", "gemm", "-p", "out", "-s", "N"],
            cwd=here, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
        report = here / "out" / "run" / "COMPUTE_REPORT.csv"
        if not report.exists():
            raise RuntimeError(f"SCALE-Sim wrote no report: {(done.stdout + done.stderr)[-500:]}")
        with report.open(newline="") as file:
            rows = list(csv.reader(file))
    column = [name.strip() for name in rows[0]].index("Total Cycles")  # Without the prefetch.
    return [round(float(row[column])) for row in rows[1:] if row]


def main() -> int:
    """Compare all cases; return 1 if a count differs."""
    parser = argparse.ArgumentParser(prog="python -m sim.measure.scale_sim_check",
                                     description="Compare our counts with SCALE-Sim's.")
    parser.add_argument("python", type=Path, help="a Python that has scalesim 3.0.0")
    python = Path(parser.parse_args().python).absolute()
    compared = different = 0
    for array in dict.fromkeys(array for array, _ in CASES):
        gemms = [gemm for one, gemm in CASES if one == array]
        for dataflow in Dataflow:
            found = compare(python, array, gemms, dataflow)
            for gemm, theirs in zip(gemms, found, strict=True):
                ours = cycles(gemm, array, dataflow)
                compared += 1
                if ours != theirs:
                    different += 1
                    print(f"{gemm} on {array}, {dataflow.value}: {ours} here, {theirs} there")
    print(f"{compared} counts compared, {compared - different} equal")
    return int(different > 0)


if __name__ == "__main__":
    run_program("sim.measure.scale_sim_check", main)
