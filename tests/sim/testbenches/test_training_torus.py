"""A torus that trains on its host stream in cocotb, against the golden model."""

import numpy as np
import pytest

from hw.config import TorusConfig, TrainingConfig
from tests.support.host_steps import received, sent
from tests.support.torus_bench import run_on_bench
from tests.support.training_runs import Words, golden_run, random_job, start_batch

pytestmark = pytest.mark.cocotb

# FIFOs of the reduce engines shorter than a block, and a host that is often slower than a step.
CONFIG = TorusConfig(
    rows=2, cols=2, buffer_words=512, max_fan_in=256, weight_words=1024, bias_words=64,
    program_words=2048, rep_bits=12,
    training=TrainingConfig(velocity_bits=32, reduce_words=2, result_words=64))


@pytest.mark.parametrize("case, stall_per_mille, seed", [
    (1, 300, 2),
    pytest.param(0, 0, 1, marks=pytest.mark.slow),
    pytest.param(4, 600, 3, marks=pytest.mark.slow),
])
def test_random_training(case, stall_per_mille, seed, tmp_path, waves):
    """Loading, training with gradients of the inputs or without, and reading back; and resets."""
    job = random_job(CONFIG, seed, case)
    golden = golden_run(job)
    executable = job.compiled.executable
    runs = [sent(start_batch(job, batch), CONFIG.host_bits) for batch in range(len(job.x))]
    load, dump = executable.load(job.state), executable.dump()
    beats = np.concatenate([load.beats, *(sent for sent, _ in runs), dump.beats])
    counts = [load.output_beats, *(count for _, count in runs), dump.output_beats]
    answer = run_on_bench(CONFIG, tmp_path, beats, sum(counts), stall_per_mille=stall_per_mille,
                          resets=3, seed=seed, waves=waves)
    _, *answers, dumped = np.split(answer, np.cumsum(counts)[:-1])
    results = [received(start_batch(job, batch), part) for batch, part in enumerate(answers)]
    sums = [result.input_gradients for result in results if result.input_gradients is not None]
    rtl = Words(np.concatenate([result.outputs for result in results]),
                np.concatenate(sums) if sums else None, executable.read_state(dumped))
    assert not rtl.differences(golden), f"{job}, seed {seed}"
    print(f"{job}, seed {seed}: {golden.counts}")
