"""How fast the torus is simulated: by Verilator, by the vector engine, and under cocotb."""

import contextlib
import io
import json
import platform
import resource
import time
from collections.abc import Callable, Sequence
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
from sim.vector.build import AVX2_FLAGS, build_vector
from sim.vector.model import VectorModel
from sim.vector.processor import has_avx2, has_avx512
from sw_driver.arrays import Beats, IntArray
from sw_driver.compiled import Compiled
from sw_driver.program.events import HostEvents, Run, Send
from sw_driver.system.scratch import temporary_folder

from .nets import RTL_PACKAGES, compiled_layer
from .results import Bench, Table, paragraphs, source_digest
from .simulation_table import AVX2, VECTOR, VERILATOR, Case, simulation_table
from .training_nets import training_layer

__all__ = ["CASES", "TITLE", "machine", "measure"]

TITLE = "Speed of the simulation"

CASES = (
    Case("inference", "4x4", cocotb=True), Case("inference", "2x2"), Case("inference", "8x8"),
    Case("inference", "16x16"), Case("inference", "32x32", verilator=False),
    Case("inference", "64x64", verilator=False),
    Case("training", "2x2"), Case("training", "4x4"), Case("training", "8x8"),
    Case("training", "16x16", verilator=False),
)
"""What is measured: the largest on the vector engine alone, where Verilator takes minutes."""

_LAYER = (256, 256, 16, 16, 16)
_TRAINED_LAYER = (784, 256, 28, 8, 16)
_HOST_BITS = 64
# Of a run: a second or two of simulation each.
_PE_CYCLES = 8_000_000
_COCOTB_CYCLES = 20_000
_TRAINED_SAMPLES = 6
_REPEATS = 3
_SPLIT_TORUS = "8x8"


class _Avx2Model(VectorModel):
    flags = AVX2_FLAGS


_MODELS: dict[str, type[NativeModel]] = {
    VERILATOR: NativeModel, VECTOR: VectorModel, AVX2: _Avx2Model}
_Transfers = Sequence[tuple[Beats, int]]


def measure(bench: Bench) -> Table:
    """Build and run every torus; quick: one 4x4. About 10 minutes."""
    cases = CASES[:1] if bench.quick else CASES
    tools = find_toolchain().versions
    depends = {"sources": source_digest(*RTL_PACKAGES), "tools": tools, "machine": machine(),
               "layers": (_LAYER, _TRAINED_LAYER), "pe_cycles": _PE_CYCLES}
    values: list[dict[str, Any]] = []
    for done, case in enumerate(cases):
        bench.tell(f"simulation: {case.computes} on {case.torus}", done, len(cases))
        values.append(bench.result(
            "simulation", depends | {"torus": case.torus, "computes": case.computes},
            lambda case=case: _case(case)))
    bench.tell("simulation", len(cases), len(cases))
    return Table(_text(tools, values) + "\n" + simulation_table(values), values)


def _text(tools: str, values: Sequence[dict[str, Any]]) -> str:
    more = "; ".join(
        f"on {value['torus']} {name} is {ratio:.2f} times as fast with `--workers 2` by the clock"
        for value in values for name, ratio in value.get("split", {}).items())
    host = ", ".join(f"{value['host_ms']:.2f} ms on {value['torus']}"
                      for value in values if "host_ms" in value)
    return paragraphs(f"""
        The engines are those of `--engine`; "{AVX2}" is the vector engine built for AVX2 on a
        processor that has more. Inference is that of the layer {ClosShape(*_LAYER)}, training that
        of {ClosShape(*_TRAINED_LAYER)}, one sample at a time. Every beat passes through a host
        stream of {_HOST_BITS} bits. A speed is the best of {_REPEATS} runs, the engines in turn, in
        cycles for each second of the processor; without Verilator beside it, it is that of one
        run. Building leads from Verilog to a model, in seconds
        of the processor; it leaves out Verilator's runtime, which is built once for all models, and
        the Verilog, which Amaranth writes once. Verilator's models come from the Verilog as
        `sim/model/simplify.py` rewrites it. The memory is what a model adds to this process. All
        was measured on {machine()}, {_vectors()}, with {tools}.

        {f"Samples over cores: {more}." if more else ""}
        {f"The host computes on a step of training, beside the torus: {host}." if host else ""}""")


def _case(case: Case) -> dict[str, Any]:
    trains = case.computes == "training"
    value = _train(case) if trains else _infer(case)
    return {"computes": case.computes, "torus": case.torus, **value}


def _infer(case: Case) -> dict[str, Any]:
    compiled = compiled_layer(ClosShape(*_LAYER), case.torus, _HOST_BITS)
    config, executable = compiled.config, compiled.executable
    pes = config.rows * config.cols
    verilog = emitted_torus(config)
    run = executable.infer(_inputs(compiled, _PE_CYCLES // pes))
    value = {"pes": pes, "engines": _engines(
        case, verilog, executable.load(), [(run.beats, run.output_beats)])}
    if case.cocotb:
        value["engines"]["cocotb"] = {
            "build_s": _build_seconds(
                lambda: build_model(verilog, TOPS["torus"], Kind.COCOTB, again=True)),
            "rate": max(_cocotb_rate(verilog, compiled) for _ in range(_REPEATS)),
            "memory_mb": None}
    if case.torus == _SPLIT_TORUS:
        value["split"] = {name: _split(name, compiled) for name in (VERILATOR, VECTOR)}
    return value


def _train(case: Case) -> dict[str, Any]:
    compiled, state = training_layer(
        ClosShape(*_TRAINED_LAYER), case.torus, _HOST_BITS, batches=False)
    config, executable = compiled.config, compiled.executable
    words = executable.words
    limit = 1 << (config.act_bits - 2)
    random = np.random.default_rng(0)
    x = random.integers(-limit, limit, (_TRAINED_SAMPLES, words.inputs))
    gradient = random.integers(-9, 9, words.outputs)
    verilog = emitted_torus(config)
    transfers = _transfers(executable.train(x, lambda sample, outputs: gradient), compiled)
    value = {"pes": config.rows * config.cols,
             "engines": _engines(case, verilog, executable.load(state), transfers)}
    with SimDevice(engine="vector") as device:
        device.load(compiled, state)
        before, start = device.model.cycles, time.process_time()
        device.train_words(x, lambda sample, outputs: gradient)
        seconds = time.process_time() - start
        torus_s = (device.model.cycles - before) / value["engines"][VECTOR]["rate"]
    value["host_ms"] = max(0.0, 1000 * (seconds - torus_s) / len(x))
    return value


def _transfers(events: HostEvents, compiled: Compiled) -> _Transfers:
    """What the host sends, and takes after it, where it answers no word with another one."""
    beat_words = compiled.config.host_bits // 32
    found: list[tuple[Beats, int]] = []
    waiting = [np.zeros((0, beat_words), np.uint32)]
    reply: Beats | None = None
    with contextlib.suppress(StopIteration):
        while True:
            event = events.send(reply)
            reply = None
            if isinstance(event, Send):
                waiting.append(event.beats)
            else:
                found.append((np.concatenate(waiting), event.beats))
                waiting = waiting[:1]
                reply = np.zeros((event.beats, beat_words), np.uint32)
    return [*found, (np.concatenate(waiting), 0)]


def _engines(case: Case, verilog: str, load: Run, transfers: _Transfers) -> dict[str, Any]:
    """Build seconds, cycles for each second of the processor, and memory of every engine."""
    # What is built for the first time on a machine is not part of the time.
    build_model(top_verilog("inference-router", TEST), TOPS["inference-router"], Kind.COCOTB)
    top = TOPS["torus"]
    builds: dict[str, Callable[[], object]] = {
        VERILATOR: lambda: build_model(verilog, top, Kind.NATIVE, again=True),
        VECTOR: lambda: build_vector(verilog, top, again=True),
        AVX2: lambda: build_vector(verilog, top, flags=AVX2_FLAGS, again=True)}
    if not case.verilator:
        del builds[VERILATOR]
    if not (has_avx512() and case.verilator):
        del builds[AVX2]
    found = {name: {"build_s": _build_seconds(build), "rate": 0.0, "memory_mb": 0.0}
             for name, build in builds.items()}
    # The largest tori take long to load, and nothing is compared with them.
    for _ in range(_REPEATS if case.verilator else 1):
        for name, figures in found.items():
            rate, memory_mb = _rate(_MODELS[name], verilog, load, transfers)
            figures["rate"] = max(figures["rate"], rate)
            figures["memory_mb"] = max(figures["memory_mb"], memory_mb)
    return found


def _rate(engine: type[NativeModel], verilog: str, load: Run, transfers: _Transfers
          ) -> tuple[float, float]:
    """Cycles for each second of the processor; and megabytes that the process grew by."""
    resident = _resident_mb()
    with engine(verilog, TOPS["torus"]) as model:
        model.reset()
        model.run(load.beats, load.output_beats, max_idle_cycles=1_000_000)
        before, start = model.cycles, time.process_time()
        for beats, count in transfers:
            model.run(beats, count, max_idle_cycles=1_000_000)
        rate = (model.cycles - before) / (time.process_time() - start)
        return rate, _resident_mb() - resident


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def _split(engine: str, compiled: Compiled) -> float:
    """How many times as fast by the clock samples are computed by two workers, beside one."""
    x = _inputs(compiled, _PE_CYCLES // (compiled.config.rows * compiled.config.cols))
    seconds: dict[int, list[float]] = {1: [], 2: []}
    with contextlib.ExitStack() as stack:
        devices = {workers: stack.enter_context(SimDevice(engine=engine, workers=workers))
                   for workers in seconds}
        for device in devices.values():
            device.load(compiled)
        for _ in range(_REPEATS):
            for workers, device in devices.items():
                start = time.perf_counter()
                device.infer_words(x)
                seconds[workers].append(time.perf_counter() - start)
    return min(seconds[1]) / min(seconds[2])


def _build_seconds(build: Callable[[], object]) -> float:
    """Seconds of the processor, those of the tools included."""
    def used() -> float:
        return sum(found.ru_utime + found.ru_stime for found in map(
            resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))

    start = used()
    build()
    return used() - start


def _inputs(compiled: Compiled, cycles: int) -> IntArray:
    most = min(compiled.executable.max_samples, int(cycles / compiled.prediction.cycles))
    limit = 1 << (compiled.config.act_bits - 1)
    return np.random.default_rng(0).integers(-limit, limit, (max(1, most), _LAYER[0]))


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
