"""Cycles of a training step beside a systolic array, and beside a published trainer."""

from typing import Any

import torch

from golden import ClosNet, ClosShape, TrainingWidths, propose_format
from golden.training.losses import mean_squared_error
from hw.config import PROGRAM_BLOCK_WORDS
from sw_driver.compiled import Compiled
from sw_driver.compiler import compile
from sw_driver.cycle_model import simulate_exchanges
from sw_driver.predict.training_cycles import exchanges, predict_training_steady

from .nets import RTL_PACKAGES
from .results import Bench, Table, markdown_table, paragraphs, source_digest
from .scale_sim import best_cycles, clos_training_gemms, dense_training_gemms
from .training_nets import training_layer

__all__ = ["TITLE", "measure"]

TITLE = "Cycles of a training step beside others"

_LAYERS = (((784, 256, 28, 8, 16), "4x4"), ((800, 128, 32, 8, 16), "8x8"))
_BATCHES = (1, 32)
_HOST_BITS = 256

# Dey et al., "A Highly Parallel FPGA Implementation of Sparse Neural Network Training" (2018).
_THEIRS = {"layers": "1024-64-32", "density": 0.076, "multipliers": 352, "cycles": 36}
_THEIR_WEIGHTS = round(0.076 * (1024 * 64 + 64 * 32))
# Clos layers of about as many weights, on as many multipliers: 11 x 16 PEs have two each.
_OURS = ((1024, 64, 11, 4, 11), (64, 32, 11, 2, 4))
_OUR_TORUS = "11x16"


def measure(bench: Bench) -> Table:
    """Count by the cycle model, which has the cycles of the RTL. About a minute."""
    layers = _LAYERS[:1] if bench.quick else _LAYERS
    digest = source_digest(*RTL_PACKAGES)
    rows: list[tuple[object, ...]] = []
    values: list[dict[str, Any]] = []
    jobs = [(layer, torus, batch) for layer, torus in layers for batch in _BATCHES]
    for done, (layer, torus, batch) in enumerate(jobs):
        shape = ClosShape(*layer)
        bench.tell(f"training: {shape} on {torus}, batch {batch}", done, len(jobs) + 1)
        depends = {"layer": layer, "torus": torus, "batch": batch, "host_bits": _HOST_BITS,
                   "sources": digest}
        value = bench.result("training-systolic", depends,
                             lambda shape=shape, torus=torus, batch=batch: _run(
                                 shape, torus, batch))
        values.append(value)
        rows.append((f"{shape}, {torus}, batch {batch}",
                     *(f"{value[name] / batch:.5g}" for name in
                       ("dense", "dense_twice", "clos", "clos_twice")),
                     f"{value['cycles'] / batch:.5g}",
                     f"{value['dense'] / value['cycles']:.3g}",
                     f"{value['dense_twice'] / value['cycles']:.3g}"))
    bench.tell("training: a published trainer", len(jobs), len(jobs) + 1)
    trainer = bench.result("training-trainer", {"sources": digest, "ours": _OURS}, _run_trainer)
    bench.tell("training", len(jobs) + 1, len(jobs) + 1)
    text = paragraphs(f"""
        A figure is the cycles of a batch over the number of its samples, for one layer.

        "Dense" is the three products Y = X W, dX = dY W^T and dW = X^T dY of a dense layer on a
        systolic array with the counts of SCALE-Sim 3.0.0, as in the table of inference. "Clos" is
        the same three products of every block of the Clos layer on such an array. An array of "PEs"
        has as many multipliers as the torus has PEs, and one of "2 PEs" has as many as the torus
        has multipliers.

        Clostorus computes the outputs, the gradients of the inputs of its middle and its output
        stage, and the change of all weights. It is not asked for the gradient of the layer's
        inputs, which is dX of the other columns, and which it would also have to send to the host.
        It is counted by the cycle model, from the first beat of the batch's inputs to its last
        step, with a host stream of {_HOST_BITS} bits. Batch 1 is the mean of a long run of single
        samples.""")
    header = ("layer, torus, batch", "dense, PEs", "dense, 2 PEs", "Clos, PEs", "Clos, 2 PEs",
              "Clostorus", "dense, PEs / ours", "dense, 2 PEs / ours")
    text += "\n" + markdown_table(header, rows)
    text += "\n" + paragraphs(f"""
        Beside a published trainer: Dey et al. (2018) train pre-defined sparse networks on an FPGA.
        Their trainer takes {_THEIRS["cycles"]} clocks a training sample for a net
        {_THEIRS["layers"]} at {100 * _THEIRS["density"]:.1f} % density ({_THEIR_WEIGHTS} weights),
        with {_THEIRS["multipliers"]} edge processors. It overlaps the phases of its layers over
        several samples, while weights change every sample.

        Clos layers {" and ".join(str(ClosShape(*layer)) for layer in _OURS)} have
        {trainer["parameters"]} weights. On {_OUR_TORUS} PEs, each with two multipliers, a sample
        takes {trainer["sgd"]:.4g} cycles one at a time and {trainer["batch"]:.4g} cycles
        interleaved in a batch. The bound of the multipliers is {trainer["bound"]:.3g} cycles, but
        with padding a MAC has {trainer["steps"]} steps to do: so few middle blocks keep few of the
        columns busy.""")
    return Table(text, {"layers": values, "trainer": trainer})


def _run(shape: ClosShape, torus: str, batch: int) -> dict[str, Any]:
    compiled, _ = training_layer(shape, torus, _HOST_BITS, batches=batch > 1)
    config = compiled.config
    pes = config.rows * config.cols
    found: dict[str, Any] = {}
    for name, gemms in (("dense", dense_training_gemms(shape, batch)),
                        ("clos", clos_training_gemms(shape, batch))):
        found[name], _ = best_cycles(gemms, pes)
        found[f"{name}_twice"], _ = best_cycles(gemms, 2 * pes)
    found["cycles"] = _cycles(compiled, batch)
    return found


def _cycles(compiled: Compiled, batch: int) -> float:
    if batch == 1:
        return predict_training_steady(compiled).cycles
    # From the first beat after the program to the last beat; and the last sample's way back, after
    # which the host hears nothing.
    executable, config = compiled.executable, compiled.config
    program = executable.train_program(batch)
    blocks = (len(program.gateway_image) + len(program.pe_image)) // PROGRAM_BLOCK_WORDS
    run = simulate_exchanges(config, program, exchanges(executable, batch))
    way_back = sum(op.steps for ops in compiled.plan.backs[0] for op in ops)
    return run.cycles - int(run.in_cycles[blocks * config.block_beats]) + way_back


def _run_trainer() -> dict[str, Any]:
    shapes = [ClosShape(*layer) for layer in _OURS]
    generator = torch.Generator().manual_seed(0)
    net = ClosNet(shapes, generator=generator)
    x = torch.rand((16, shapes[0].in_features), generator=generator)
    targets = torch.rand((16, shapes[-1].out_features), generator=generator)
    found: dict[str, Any] = {"parameters": sum(shape.parameters for shape in shapes)}
    for name, velocity_bits in (("sgd", 0), ("batch", 36)):
        form = propose_format(net, x, targets, mean_squared_error, 0.01,
                              widths=TrainingWidths(velocity_bits=velocity_bits))
        compiled = compile(form, _OUR_TORUS, batches=velocity_bits > 0,
                                    host_bits=_HOST_BITS)
        prediction = predict_training_steady(compiled)
        found |= {name: prediction.cycles, "bound": prediction.ideal_cycles,
                  "steps": prediction.steps}
    return found
