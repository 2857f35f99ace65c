"""How fast the torus is simulated: by Verilator, by the vector engine, and under cocotb."""

import contextlib
import io
import json
import math
import platform
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from golden import ClosShape
from hw.presets import TEST
from hw.tops import TOPS, top_verilog
from sim.device.device import SimDevice
from sim.model.build import Kind, build_model
from sim.model.emitted import emitted_torus
from sim.model.native import NativeModel
from sim.testbenches.runner import run_bench
from sim.toolchain import find_toolchain
from sim.vector.build import build_vector
from sim.vector.model import VectorModel
from sim.vector.processor import has_avx2, has_avx512
from sw_driver.compiled import Compiled
from sw_driver.system.scratch import temporary_folder

from .nets import RTL_PACKAGES, compiled_layer
from .results import Bench, Table, markdown_table, paragraphs, source_digest
from .training_nets import training_layer

__all__ = ["TITLE", "machine", "measure"]

TITLE = "Speed of the simulation"

_LAYER = (256, 256, 16, 16, 16)
_TRAINED_LAYER = (784, 256, 28, 8, 16)
_TORI = ("4x4", "8x8", "16x16")
_TRAINED_TORI = ("4x4", "8x8")
_HOST_BITS = 64
# Samples of a run: some seconds of simulation each.
_NATIVE_PE_CYCLES = 20_000_000
_COCOTB_CYCLES = 20_000
_TRAINED_SAMPLES = 20
_REPEATS = 3
_ENGINES: dict[str, type[NativeModel]] = {"verilator": NativeModel, "vector": VectorModel}


def measure(bench: Bench) -> Table:
    """Build and run every torus, of which two train; quick: one 4x4. About 8 minutes."""
    cases = [("inference", torus) for torus in _TORI]
    cases += [("training", torus) for torus in _TRAINED_TORI]
    cases = cases[:1] if bench.quick else cases
    tools = find_toolchain().versions
    depends = {"sources": source_digest(*RTL_PACKAGES), "tools": tools, "machine": machine(),
               "layers": (_LAYER, _TRAINED_LAYER)}
    values: list[dict[str, Any]] = []
    for done, (computes, torus) in enumerate(cases):
        bench.tell(f"simulation: {computes} on {torus}", done, len(cases))
        run = _infer if computes == "inference" else _train
        values.append(bench.result(
            "simulation", depends | {"torus": torus, "computes": computes},
            lambda torus=torus, run=run: run(torus)))
    bench.tell("simulation", len(cases), len(cases))
    text = paragraphs(f"""
        The engines are those of `--engine`. Inference is that of the layer {ClosShape(*_LAYER)},
        training that of {ClosShape(*_TRAINED_LAYER)}, one sample at a time, with the work of the
        host. Every beat passes through a host stream of {_HOST_BITS} bits. A speed is the best of
        {_REPEATS} runs, the engines in turn, in cycles for each second of the processor. Building
        leads from Verilog to a model, in seconds of the processor; it leaves out Verilator's
        runtime, which is built once for all models. Verilator's models come from the Verilog as
        `sim/model/simplify.py` rewrites it. "2 workers" is the speed of `--workers 2` by the clock,
        as a multiple of that of one, of Verilator and of the vector engine. All was measured on
        {machine()}, {_vectors()}, with {tools}.""")
    header = ("computes", "torus", "Verilator: build s", "cycles/s", "vector: build s", "cycles/s",
              "PE cycles/s", "times Verilator", "2 workers, times 1", "cocotb: build s", "cycles/s")
    return Table(text + "\n" + markdown_table(header, [_row(value) for value in values]), values)


def _row(value: dict[str, Any]) -> tuple[str, ...]:
    rates, builds = value["rates"], value["builds"]
    cocotb = (f"{builds['cocotb']:.1f}", f"{rates['cocotb']:,.0f}") if "cocotb" in rates else (
        "", "")
    return (value["computes"], value["torus"],
            f"{builds['verilator']:.1f}", f"{rates['verilator']:,.0f}",
            f"{builds['vector']:.1f}", f"{rates['vector']:,.0f}",
            f"{rates['vector'] * value['pes']:,.0f}",
            f"{rates['vector'] / rates['verilator']:.1f}",
            " / ".join(f"{ratio:.2f}" for ratio in value.get("split", {}).values()), *cocotb)


def _infer(torus: str) -> dict[str, Any]:
    compiled = compiled_layer(ClosShape(*_LAYER), torus, _HOST_BITS)
    config = compiled.config
    pes = config.rows * config.cols
    verilog = emitted_torus(config)
    builds = _builds(verilog)
    rates = dict.fromkeys(_ENGINES, 0.0)
    for _ in range(_REPEATS):
        for name, engine in _ENGINES.items():
            rates[name] = max(rates[name],
                              _rate(engine, verilog, compiled, _NATIVE_PE_CYCLES // pes))
    builds["cocotb"] = _build_seconds(
        lambda: build_model(verilog, TOPS["torus"], Kind.COCOTB, again=True))
    rates["cocotb"] = max(_cocotb_rate(verilog, compiled) for _ in range(_REPEATS))
    return {"computes": "inference", "torus": torus, "pes": pes, "builds": builds, "rates": rates,
            "split": {name: _split(name, compiled) for name in _ENGINES}}


def _split(engine: str, compiled: Compiled) -> float:
    """How many times as fast by the clock samples are computed by two workers, beside one."""
    config = compiled.config
    x = _inputs(compiled, _NATIVE_PE_CYCLES // (config.rows * config.cols))
    seconds = {1: math.inf, 2: math.inf}
    with contextlib.ExitStack() as stack:
        devices = {workers: stack.enter_context(SimDevice(engine=engine, workers=workers))
                   for workers in seconds}
        for device in devices.values():
            device.load(compiled)
        for _ in range(_REPEATS):
            for workers, device in devices.items():
                start = time.perf_counter()
                device.infer_words(x)
                seconds[workers] = min(seconds[workers], time.perf_counter() - start)
    return seconds[1] / seconds[2]


def _train(torus: str) -> dict[str, Any]:
    compiled, state = training_layer(ClosShape(*_TRAINED_LAYER), torus, _HOST_BITS, batches=False)
    config = compiled.config
    verilog = emitted_torus(config)
    builds = _builds(verilog)
    words = compiled.executable.words
    limit = 1 << (config.act_bits - 2)
    random = np.random.default_rng(0)
    x = random.integers(-limit, limit, (_TRAINED_SAMPLES, words.inputs))
    gradient = random.integers(-9, 9, words.outputs)
    rates = dict.fromkeys(_ENGINES, 0.0)
    with contextlib.ExitStack() as stack:
        devices = {name: stack.enter_context(SimDevice(engine=name)) for name in _ENGINES}
        for device in devices.values():
            device.load(compiled, state)
        for _ in range(_REPEATS):
            for name, device in devices.items():
                before, start = device.model.cycles, time.process_time()
                device.train_words(x, lambda sample, outputs: gradient)
                seconds = time.process_time() - start
                rates[name] = max(rates[name], (device.model.cycles - before) / seconds)
    return {"computes": "training", "torus": torus, "pes": config.rows * config.cols,
            "builds": builds, "rates": rates}


def _builds(verilog: str) -> dict[str, float]:
    # What is built for the first time on a machine is not part of the time.
    build_model(top_verilog("inference-router", TEST), TOPS["inference-router"], Kind.COCOTB)
    top = TOPS["torus"]
    return {
        "verilator": _build_seconds(lambda: build_model(verilog, top, Kind.NATIVE, again=True)),
        "vector": _build_seconds(lambda: build_vector(verilog, top, again=True))}


def _build_seconds(build: Callable[[], object]) -> float:
    """Seconds of the processor, those of the tools included."""
    def used() -> float:
        return sum(found.ru_utime + found.ru_stime for found in map(
            resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))

    start = used()
    build()
    return used() - start


def _samples(compiled: Compiled, cycles: int) -> int:
    return max(1, min(compiled.executable.max_samples, int(cycles / compiled.prediction.cycles)))


def _inputs(compiled: Compiled, cycles: int) -> np.ndarray:
    shape = _samples(compiled, cycles), _LAYER[0]
    limit = 1 << (compiled.config.act_bits - 1)
    return np.random.default_rng(0).integers(-limit, limit, shape)


def _rate(engine: type[NativeModel], verilog: str, compiled: Compiled, cycles: int) -> float:
    """Cycles for each second of the processor."""
    load = compiled.executable.load()
    run = compiled.executable.infer(_inputs(compiled, cycles))
    most = 100 * cycles + 1_000_000
    with engine(verilog, TOPS["torus"]) as model:
        model.reset()
        model.run(load.beats, load.output_beats, max_cycles=most)
        before, start = model.cycles, time.process_time()
        model.run(run.beats, run.output_beats, max_cycles=most)
        return (model.cycles - before) / (time.process_time() - start)


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


def _vectors() -> str:
    return "with AVX-512" if has_avx512() else f"with{'' if has_avx2() else 'out'} AVX2"


def machine() -> str:
    """Processor and cores, which the figures depend on."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{len(names)} cores of {names[0]}" if names else platform.machine()
