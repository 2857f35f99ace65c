"""How fast the torus is simulated: the native harness and cocotb, on the same program."""

import contextlib
import io
import json
import platform
import time
from pathlib import Path
from typing import Any

import numpy as np

from golden import ClosShape
from hw.tops import TOPS, top_verilog
from sim.model.build import Kind, build_model
from sim.model.native import NativeModel
from sim.testbenches.runner import run_bench
from sim.toolchain import find_toolchain
from sw_driver.compiled import Compiled
from sw_driver.system.scratch import temporary_folder

from .nets import RTL_PACKAGES, compiled_layer
from .results import Bench, Table, markdown_table, paragraphs, source_digest

__all__ = ["TITLE", "machine", "measure"]

TITLE = "Speed of the simulation"

_LAYER = (256, 256, 16, 16, 16)
_TORI = ("4x4", "8x8", "16x16")
_HOST_BITS = 64
# Samples of a run: some seconds of simulation each.
_NATIVE_PE_CYCLES = 20_000_000
_COCOTB_CYCLES = 20_000
_REPEATS = 3


def measure(bench: Bench) -> Table:
    """Build and run every torus; quick: 4x4 alone. About 4 minutes."""
    tori = _TORI[:1] if bench.quick else _TORI
    tools = find_toolchain().versions
    depends = {"sources": source_digest(*RTL_PACKAGES), "tools": tools, "machine": machine(),
               "layer": _LAYER}
    values: list[dict[str, Any]] = []
    for done, torus in enumerate(tori):
        bench.tell(f"simulation: {torus}", done, len(tori))
        values.append(bench.result("simulation", depends | {"torus": torus},
                                   lambda torus=torus: _run(torus)))
    bench.tell("simulation", len(tori), len(tori))
    text = paragraphs(f"""
        The layer is {ClosShape(*_LAYER)} with a host stream of {_HOST_BITS} bits, through which
        every beat passes. A speed is the best of {_REPEATS} runs. Building leads from Verilog to a
        model; it leaves out Verilator's runtime, which is built once for all models. Both kinds of
        model come from the Verilog as `sim/model/simplify.py` rewrites it. All was measured on
        {machine()}, with {tools}.""")
    header = ("torus", "native: build s", "cycles/s", "PE cycles/s", "cocotb: build s", "cycles/s")
    rows = [(value["torus"], f"{value['native_build_s']:.1f}", f"{value['native_rate']:,.0f}",
             f"{value['native_rate'] * value['pes']:,.0f}", f"{value['cocotb_build_s']:.1f}",
             f"{value['cocotb_rate']:,.0f}") for value in values]
    return Table(text + "\n" + markdown_table(header, rows), values)


def _run(torus: str) -> dict[str, Any]:
    compiled = compiled_layer(ClosShape(*_LAYER), torus, _HOST_BITS)
    config = compiled.config
    pes = config.rows * config.cols
    verilog = top_verilog("torus", config)
    # What is built for the first time on a machine is not part of the time.
    build_model(top_verilog("inference-router", config), TOPS["inference-router"], Kind.COCOTB)
    builds = {kind: _build_seconds(verilog, kind) for kind in (Kind.NATIVE, Kind.COCOTB)}
    native = max(_native_rate(verilog, compiled, _NATIVE_PE_CYCLES // pes)
                 for _ in range(_REPEATS))
    cocotb = max(_cocotb_rate(verilog, compiled) for _ in range(_REPEATS))
    return {"torus": torus, "pes": pes, "native_build_s": builds[Kind.NATIVE],
            "native_rate": native, "cocotb_build_s": builds[Kind.COCOTB], "cocotb_rate": cocotb}


def _build_seconds(verilog: str, kind: Kind) -> float:
    start = time.perf_counter()
    build_model(verilog, TOPS["torus"], kind, again=True)
    return time.perf_counter() - start


def _samples(compiled: Compiled, cycles: int) -> int:
    return max(1, min(compiled.executable.max_samples, int(cycles / compiled.prediction.cycles)))


def _inputs(compiled: Compiled, cycles: int) -> np.ndarray:
    shape = _samples(compiled, cycles), _LAYER[0]
    limit = 1 << (compiled.config.act_bits - 1)
    return np.random.default_rng(0).integers(-limit, limit, shape)


def _native_rate(verilog: str, compiled: Compiled, cycles: int) -> float:
    """Cycles a second."""
    load = compiled.executable.load()
    run = compiled.executable.infer(_inputs(compiled, cycles))
    most = 100 * cycles + 1_000_000
    with NativeModel(verilog, TOPS["torus"]) as model:
        model.reset()
        model.run(load.beats, load.output_beats, max_cycles=most)
        before, start = model.cycles, time.perf_counter()
        model.run(run.beats, run.output_beats, max_cycles=most)
        return (model.cycles - before) / (time.perf_counter() - start)


def _cocotb_rate(verilog: str, compiled: Compiled) -> float:
    """Cycles a second; weights stay zero, which makes no difference."""
    run = compiled.executable.infer(_inputs(compiled, _COCOTB_CYCLES))
    with temporary_folder() as folder:
        job, result = folder / "job.npz", folder / "speed.json"
        np.savez(job, beats=run.beats, output_beats=run.output_beats)
        with contextlib.redirect_stdout(io.StringIO()):  # Benches print their log.
            run_bench(verilog, "sim.measure.playback", folder=folder, seed=0, top=TOPS["torus"],
                      parameters={"job": str(job), "result": str(result)})
        speed = json.loads(result.read_text())
    return speed["cycles"] / speed["seconds"]


def machine() -> str:
    """Processor and cores, which the figures depend on."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{len(names)} cores of {names[0]}" if names else platform.machine()
