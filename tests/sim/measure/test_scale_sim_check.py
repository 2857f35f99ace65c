"""The comparison with SCALE-Sim, whose place a script takes that writes its report."""

import subprocess
import sys

import pytest

from sim.measure.page import check_page
from sim.measure.scale_sim import Array, Dataflow, Gemm, cycles
from sim.measure.scale_sim_check import CASES, compare, main
from tests.support.project import ROOT

KNOWN = (*CASES[:2], (Array(2, 8), Gemm(5, 10, 9)), (Array(2, 8), Gemm(3, 5, 7)))
FAKE = """#!{python}
import configparser, pathlib, sys
options = dict(zip(sys.argv[3::2], sys.argv[4::2]))
assert sys.argv[1:3] == ["-m", "scalesim.scale"] and options["-i"] == "gemm"
config = configparser.ConfigParser()
config.read(options["-c"])
array = config["architecture_presets"]
place = array["Dataflow"], int(array["ArrayHeight"]), int(array["ArrayWidth"])
lines = pathlib.Path(options["-t"]).read_text().splitlines()[1:]
assert len(pathlib.Path(options["-l"]).read_text().splitlines()) == len(lines) + 1
out = pathlib.Path(options["-p"], config["general"]["run_name"])
out.mkdir(parents=True)
with (out / "COMPUTE_REPORT.csv").open("w") as file:
    file.write("LayerID, Total Cycles (incl. prefetch), Total Cycles, Stall Cycles,\\n")
    for number, line in enumerate(lines):
        m, n, k = (int(part) for part in line.split(",")[1:4])
        found = {counts}[(*place, m, k, n)] + {extra}
        file.write(f"{{number}}, 9999, {{found}}, 0,\\n")
"""


def fake(tmp_path, text):
    path = tmp_path / "python"
    path.write_text(text)
    path.chmod(0o755)
    return path


def report(tmp_path, extra):
    counts = {
        (letters, array.rows, array.cols, gemm.m, gemm.k, gemm.n): cycles(gemm, array, dataflow)
        for array, gemm in KNOWN
        for letters, dataflow in zip(("os", "ws", "is"), Dataflow, strict=True)
    }
    return fake(tmp_path, FAKE.format(python=sys.executable, counts=counts, extra=extra))


def test_total_cycles_without_the_prefetch_are_read(tmp_path):
    gemms = [Gemm(5, 10, 9), Gemm(3, 5, 7)]
    found = compare(report(tmp_path, 0), Array(2, 8), gemms, Dataflow.WEIGHT)
    assert found == [cycles(gemm, Array(2, 8), Dataflow.WEIGHT) for gemm in gemms]


@pytest.mark.parametrize(("extra", "status"), [(0, 0), (1, 1)])
def test_a_difference_is_said_and_ends_with_1(tmp_path, monkeypatch, capsys, extra, status):
    monkeypatch.setattr("sys.argv", ["scale_sim_check", str(report(tmp_path, extra))])
    monkeypatch.setattr("sim.measure.scale_sim_check.CASES", CASES[:2])
    assert main() == status
    said = capsys.readouterr().out
    assert f"6 counts compared, {6 if status == 0 else 0} equal\n" in said
    assert said.count("there") == (6 if status else 0)


def test_an_error_that_ends_with_0_is_an_error(tmp_path):
    python = fake(tmp_path, "#!/bin/sh\necho 'ERROR: Layout file not found'\n")
    assert subprocess.run([python], check=True, capture_output=True, timeout=60).returncode == 0
    with pytest.raises(RuntimeError, match="wrote no report: ERROR: Layout file not found"):
        compare(python, Array(4, 4), [Gemm(1, 2, 3)], Dataflow.OUTPUT)


def test_the_page_with_the_recipe_is_one_that_bench_writes():
    page = ROOT / "docs" / "benchmarks.md"
    check_page(page)
    assert f"{3 * len(CASES)} counts compared" in page.read_text()
