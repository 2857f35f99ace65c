"""Cycles a sample beside a systolic array of as many multipliers."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from golden import ClosShape
from hw.tops import TOPS
from sim.errors import SimError
from sim.model.emitted import emitted_torus
from sim.model.native import NativeModel
from sim.toolchain import find_toolchain
from sw_driver.compiled import Compiled
from sw_driver.cycle_model import Run as Cycles
from sw_driver.cycle_model import simulate
from sw_driver.program.events import Run

from .nets import RTL_PACKAGES, compiled_layer
from .results import Bench, Table, markdown_table, paragraphs, source_digest
from .scale_sim import Array, best_cycles, clos_gemms, dense_gemm

__all__ = ["TITLE", "batch_cycles", "measure", "systolic_cell"]

TITLE = "Cycles per sample beside a systolic array"

_LAYERS = ((784, 256, 28, 25, 16), (1024, 1024, 32, 62, 32), (256, 256, 16, 16, 16))
_TORI = {16: "4x4", 64: "8x8", 256: "16x16"}
_MOST_RTL_PES = 64  # Beyond it the cycle model alone says what a torus takes.
_BATCHES = (1, 32)
_HOST_BITS = 128


def measure(bench: Bench) -> Table:
    """Run every layer on every torus; quick: the smallest layer on 16 PEs. About 5 minutes."""
    layers, tori = (_LAYERS[-1:], {16: "4x4"}) if bench.quick else (_LAYERS, _TORI)
    jobs = [(layer, pes) for layer in layers for pes in tori]
    digest, tools = source_digest(*RTL_PACKAGES), find_toolchain().versions
    values: list[dict[str, Any]] = []
    rows: list[tuple[object, ...]] = []
    for done, (layer, pes) in enumerate(jobs):
        shape = ClosShape(*layer)
        bench.tell(f"systolic: {shape} on {_TORI[pes]}", done, len(jobs))
        depends = {"layer": layer, "pes": pes, "batches": _BATCHES, "host_bits": _HOST_BITS,
                   "sources": digest, "tools": tools}
        ours = bench.result("systolic", depends, lambda shape=shape, pes=pes: batch_cycles(
            compiled_layer(shape, _TORI[pes], _HOST_BITS), _BATCHES))
        for batch, total in zip(_BATCHES, ours["cycles"], strict=True):
            dense, dense_array = best_cycles(dense_gemm(shape, batch), pes)
            clos, clos_array = best_cycles(clos_gemms(shape, batch), pes)
            values.append({"layer": layer, "pes": pes, "batch": batch, "measured": ours["measured"],
                           "cycles": total, "program_cycles": ours["program_cycles"],
                           "dense_cycles": dense, "clos_cycles": clos})
            rows.append((
                f"{shape}, {pes} PEs, batch {batch}", systolic_cell(dense, dense_array, batch),
                systolic_cell(clos, clos_array, batch),
                f"{total / batch:.5g}" + ("" if ours["measured"] else " (predicted)"),
                f"{dense / total:.3g}", f"{clos / total:.3g}", ours["program_cycles"]))
    bench.tell("systolic", len(jobs), len(jobs))
    header = ("layer, multipliers", "dense layer, systolic", "Clos layer, systolic", "Clostorus",
              "dense / ours", "Clos / ours", "program load")
    text = paragraphs(f"""
        A figure is the total cycles of a batch over the number of its samples.

        The systolic array has the counts of SCALE-Sim 3.0.0 (`sim/measure/scale_sim.py`). Every
        product has the best of the three dataflows. Every layer has the best array whose sides are
        powers of two; its sides stand in brackets. No memory ever stalls the array. It computes a
        Clos layer block after block.

        Clostorus is counted from the first beat of the batch on the host stream of {_HOST_BITS}
        bits to the last beat of its results, with the weights in the PEs. The program before the
        batch takes the cycles of the last column more; a run of any length needs it once. Every
        beat of the RTL in Verilator ({tools}) comes in the cycle in which the cycle model expects
        it. "predicted" marks a count of the model alone.""")
    text += "\n" + markdown_table(header, rows)
    return Table(text, values)


def systolic_cell(total: int, array: Array, batch: int) -> str:
    """Cycles a sample on a systolic array, and the sides of the array."""
    return f"{total / batch:.5g} ({array.rows}x{array.cols})"


def batch_cycles(compiled: Compiled, batches: Sequence[int]) -> dict[str, Any]:
    """Count the cycles of batches of a compiled net, on the RTL unless the torus is too large.

    Returns
    -------
    "cycles", of each batch, and "program_cycles", those that the program takes before the last one.
    "measured" is false if the cycle model alone says it.

    Raises
    ------
    SimError
        If a beat of the RTL comes in another cycle than in the cycle model.
    """
    executable, config = compiled.executable, compiled.config
    features = compiled.shapes[0].in_features
    runs = [executable.infer(np.zeros((batch, features), np.int64)) for batch in batches]
    predicted = [simulate(config, run.program) for run in runs]
    measured = config.rows * config.cols <= _MOST_RTL_PES
    if measured:
        with NativeModel(emitted_torus(config), TOPS["torus"]) as model:
            model.reset()
            for run, expected in zip(runs, predicted, strict=True):
                _check(model, run, expected)
    input_beats = compiled.prediction.bounds["host input"]
    firsts = [int(stamps.in_cycles[len(run.beats) - batch * input_beats])
              for batch, run, stamps in zip(batches, runs, predicted, strict=True)]
    return {"measured": measured, "program_cycles": firsts[-1],
            "cycles": [stamps.cycles - first
                       for stamps, first in zip(predicted, firsts, strict=True)]}


def _check(model: NativeModel, run: Run, expected: Cycles) -> None:
    """Run a program on the RTL: every beat must come in the cycle that was predicted."""
    done = model.run(run.beats, run.output_beats, max_cycles=2 * expected.cycles + 1000)
    first = done.in_cycles[0]
    if not (np.array_equal(done.in_cycles - first, expected.in_cycles)
            and np.array_equal(done.out_cycles - first, expected.out_cycles)):
        raise SimError("the RTL and the cycle model must agree on every beat, and do not")
