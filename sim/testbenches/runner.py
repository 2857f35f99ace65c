"""Run cocotb benches on a component: emit, build (cached), simulate, and raise if a test fails."""

import json
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cocotb
from amaranth.lib import wiring
from cocotb_tools.runner import get_runner

from hw.emit import emit_verilog

from ..errors import BenchFailed
from ..model.build import Kind, Waveforms, build_model

__all__ = ["bench_parameters", "run_bench"]

_LOG = "bench.log"
_WAVES = "dump.vcd"  # The name that cocotb's Verilator program gives it.
_PARAMETERS = "parameters"


def run_bench(design: wiring.Component | str, test_module: str, *, folder: Path, seed: int,
              parameters: Mapping[str, Any] | None = None, top: str = "dut",
              waves: bool = False) -> None:
    """Run all cocotb tests of `test_module` on `design`; print the seed and the log.

    Parameters
    ----------
    design
        A component, whose Verilog ports are then named as `hw.emit` says, or its Verilog.
    test_module
        Import path of the module with the `@cocotb.test()` functions. Give each a `timeout_time`:
        nothing else ends a simulation that is stuck.
    folder
        Where the log, the results and the waveforms go.
    seed
        Of Python's `random` in each test.
    parameters
        Read by the tests with `bench_parameters`; anything that JSON can hold.
    top
        Name of the top module.
    waves
        Write `dump.vcd` to `folder`: the ports and all signals inside.

    Raises
    ------
    BenchFailed
        Names the tests that failed and the seed, or says that the simulation ended early.
    ToolMissing, BuildFailed
        As `build_model`.
    """
    verilog = design if isinstance(design, str) else emit_verilog(design, top)
    program = build_model(verilog, top, Kind.COCOTB, waveforms=Waveforms.VCD if waves else None)
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    # The runner expects the program in its build folder, named as the top module.
    link = folder / top
    link.unlink(missing_ok=True)
    link.symlink_to(program)
    results = folder / "results.xml"
    results.unlink(missing_ok=True)
    print(f"{test_module}: seed {seed}, parameters {json.dumps(parameters or {})}")
    ended: BaseException | None = None
    try:
        get_runner("verilator").test(
            test_module=test_module, hdl_toplevel=top, hdl_toplevel_lang="verilog",
            build_dir=folder, test_dir=folder, results_xml=str(results), seed=seed, waves=waves,
            plusargs=[f"+{_PARAMETERS}={json.dumps(parameters or {})}"], log_file=folder / _LOG)
    except (RuntimeError, SystemExit) as error:
        # The runner leaves by SystemExit when a test fails. The results say which.
        ended = error
    print((folder / _LOG).read_text())
    if waves:
        print(f"waveforms: {folder / _WAVES}")
    failed = _failed_tests(results)
    if failed or ended:
        what = f"failed: {', '.join(failed)}" if failed else "the simulation ended with an error"
        raise BenchFailed(f"{test_module} with seed {seed}: {what}; the log is {folder / _LOG}")


def bench_parameters() -> dict[str, Any]:
    """Return what `run_bench` was given as `parameters`; for use inside a cocotb test."""
    return json.loads(str(cocotb.plusargs[_PARAMETERS]))


def _failed_tests(results: Path) -> list[str]:
    """Names of the tests that failed. A run of no tests has failed, too."""
    if not results.exists():
        return ["the simulation ended before its tests did"]
    cases = list(ElementTree.parse(results).iter("testcase"))
    failed = [str(case.get("name")) for case in cases
              if case.find("failure") is not None or case.find("error") is not None]
    return failed if cases else ["no test was found"]
