"""A torus on AXI and on Wishbone, driven by masters that were not written here, against golden."""

import dataclasses
import itertools

import numpy as np
import pytest

from golden import ClosShape
from golden.vectors.nets import random_net, random_words
from hw.config import TorusConfig, TrainingConfig
from hw.tops import TOPS, top_verilog
from sim.testbenches.bus_job import ANSWER, BusJob
from sim.testbenches.runner import run_bench
from sw_driver.compiler import compile
from tests.support.host_steps import received, steps_of
from tests.support.training_runs import Words, golden_run, random_job, start_batch

pytestmark = [pytest.mark.cocotb, pytest.mark.usefixtures("toolchain")]

CONFIG = TorusConfig(rows=1, cols=2, host_bits=64, buffer_words=64, max_fan_in=64,
                     weight_words=256, bias_words=16, program_words=512)
TRAINS = TorusConfig(
    rows=1, cols=1, host_bits=32, buffer_words=512, max_fan_in=256, weight_words=2048,
    bias_words=64, program_words=2048, rep_bits=12,
    training=TrainingConfig(velocity_bits=32, reduce_words=2, result_words=64))


def run(top, config, steps, folder, *, stall_per_mille, seed, resets=3):
    """The beats that a bus brings for the steps of a host."""
    BusJob.write(folder / "job.npz", steps)
    run_bench(top_verilog(top, config), f"sim.testbenches.{top}", folder=folder, seed=seed,
              top=TOPS[top], parameters={
                  "job": str(folder / "job.npz"), "stall_per_mille": stall_per_mille,
                  "resets": resets, "hardware_id": config.hardware_id,
                  "shape": [config.rows, config.cols, config.host_bits]})
    return np.load(folder / ANSWER)


@pytest.mark.parametrize("top, stall_per_mille, host_bits", [
    ("axi", 300, 64),
    pytest.param("wishbone", 100, 64, marks=pytest.mark.slow),
    pytest.param("axi", 0, 128, marks=pytest.mark.slow),
])
def test_inference(top, stall_per_mille, host_bits, tmp_path):
    config = dataclasses.replace(CONFIG, host_bits=host_bits)
    net = random_net([ClosShape(9, 7, 3, 2, 2), ClosShape(7, 5, 2, 3, 2)], seed=1)
    executable = compile(net, config).executable
    x = random_words(net, 6, seed=2)
    infer = executable.infer(x.numpy())
    answer = run(top, config, [executable.load().beats, infer.beats, infer.output_beats],
                 tmp_path, stall_per_mille=stall_per_mille, seed=3)
    np.testing.assert_array_equal(executable.decode(answer), net.forward_words(x).numpy())


@pytest.mark.slow
@pytest.mark.parametrize("top, stall_per_mille", [("axi", 200), ("wishbone", 50)])
def test_training(top, stall_per_mille, tmp_path):
    """Steps whose gradients are sent when the outputs have come; and reading the state back."""
    job = random_job(TRAINS, 2, 1)
    golden = golden_run(job)
    executable = job.compiled.executable
    load, dump = executable.load(job.state), executable.dump()
    runs = [steps_of(start_batch(job, batch), TRAINS.host_bits) for batch in range(len(job.x))]
    steps = [load.beats, *itertools.chain.from_iterable(runs), dump.beats, dump.output_beats]
    answer = run(top, TRAINS, steps, tmp_path, stall_per_mille=stall_per_mille, seed=4, resets=1)
    counts = [sum(step for step in one if isinstance(step, int)) for one in runs]
    *parts, dumped = np.split(answer, np.cumsum(counts))
    results = [received(start_batch(job, batch), part) for batch, part in enumerate(parts)]
    sums = [one.input_gradients for one in results if one.input_gradients is not None]
    found = Words(np.concatenate([one.outputs for one in results]),
                  np.concatenate(sums) if sums else None, executable.read_state(dumped))
    assert not found.differences(golden)
