"""Every word of a training torus equals the golden model's: random nets on many tori.

Outputs, gradients of the inputs, weights, biases, accumulators and the state of every random
generator are compared after several steps. Each hardware configuration is built once and trains
several random nets, one after the other, some with a host that stalls, some after a reset in the
middle of a run.
"""

import dataclasses
from random import Random

import pytest
import torch

from hw.config import TorusConfig, TrainingConfig
from sim.model.native import NativeModel
from sim.model.transfers import Stalls
from sw_driver.plan.stages import StageKind
from tests.support.training_runs import (
    Job,
    batches_of_four,
    golden_run,
    new_model,
    perform,
    play,
    random_job,
    rtl_run,
    start_batch,
)


def torus(rows: int, cols: int, training: dict[str, int], **fields: int) -> TorusConfig:
    """A torus with memories for any of the nets."""
    return TorusConfig(
        rows=rows, cols=cols, buffer_words=512, max_fan_in=256, weight_words=4096, bias_words=128,
        rep_bits=12, **{"program_words": 4096, **fields},
        training=TrainingConfig(**{"result_words": 64, **training}))


# Rings of one PE, words of both kinds wider and narrower than the other, blocks of words longer
# than the FIFOs of the reduce engines, every host width, long links.
CONFIGS = [
    torus(1, 1, {"master_bits": 12, "grad_bits": 10, "velocity_bits": 16, "reduce_words": 8},
          act_bits=8, weight_bits=8, host_bits=32),
    torus(2, 2, {"velocity_bits": 32, "reduce_words": 4}),
    torus(3, 2, {"master_bits": 30, "grad_bits": 18, "reduce_words": 2}, host_bits=128),
]
WIDE_SWEEP = [
    torus(1, 3, {"velocity_bits": 36, "reduce_words": 2}, link_stages=1),
    torus(3, 1, {"master_bits": 18, "grad_bits": 12, "velocity_bits": 48}, act_bits=12,
          weight_bits=18),
    torus(1, 2, {"master_bits": 8, "grad_bits": 4, "velocity_bits": 16}, act_bits=6,
          weight_bits=4, host_bits=256, program_words=8192),
    torus(2, 1, {"master_bits": 36, "grad_bits": 5, "velocity_bits": 24, "reduce_words": 2},
          act_bits=18, weight_bits=6, link_stages=1),
    torus(2, 3, {"velocity_bits": 40, "reduce_words": 4}, link_stages=2, host_fifo_beats=4),
    torus(3, 3, {"velocity_bits": 36, "reduce_words": 2}),
    torus(4, 2, {"velocity_bits": 20, "grad_bits": 14, "reduce_words": 8}, act_bits=14),
]
CASES = 14
STALLED = Stalls(in_per_mille=300, out_per_mille=300)


def name(config: TorusConfig) -> str:
    training = config.training
    assert training is not None
    return (f"{config.rows}x{config.cols}-{config.act_bits}-{config.weight_bits}-"
            f"{training.master_bits}-{training.grad_bits}-{training.velocity_bits}")


def seed_of(config: TorusConfig, case: int) -> int:
    return 1000 * config.rows + 100 * config.cols + case


def check_worth_comparing(job: Job, golden) -> None:
    """A run in which nothing happens would be equal whatever the torus does."""
    counts = golden.counts
    weights = changed = 0
    for index, (old, new) in enumerate(zip(job.state.layers, golden.state.layers, strict=True)):
        if index not in job.compiled.frozen:
            for before, after in zip(old.masters, new.masters, strict=True):
                weights += before.numel()
                changed += int(torch.count_nonzero(before != after))
    assert 4 * changed >= weights, f"{changed} of {weights} weights change: {job}"
    saturated = (counts.saturated_gradients + counts.saturated_weights
                 + counts.saturated_velocities)
    assert saturated and counts.negative_gradients and counts.zero_gradients, f"{counts}: {job}"


def cut_off(model: NativeModel, job: Job, random: Random) -> None:
    """End a run at a random cycle: whatever state is left, a reset mends it."""
    if random.random() < 0.3:
        load = job.compiled.executable.load(job.state)
        model.advance(load.beats, 0, cycles=random.randint(1, 2 * len(load.beats)))
    else:
        perform(model, job.compiled.executable.load(job.state))
        last = random.randint(0, 3)
        play(model, start_batch(job, 0), STALLED,
             cut_off=lambda transfer: random.randint(1, 1000) if transfer == last else None)
    model.reset(random.randint(1, 3))


def check(model: NativeModel, config: TorusConfig, case: int) -> Job:
    seed = seed_of(config, case)
    job = random_job(config, seed, case)
    golden = golden_run(job)
    check_worth_comparing(job, golden)
    if case % 2:
        cut_off(model, job, Random(seed))
    stalls = dataclasses.replace(STALLED, seed=seed) if case % 3 == 1 else Stalls()
    assert not rtl_run(model, job, stalls).differences(golden), f"{job}, seed {seed}"
    print(f"{job}, seed {seed}: {golden.counts}")
    return job


@pytest.mark.parametrize("config", [
    *CONFIGS, *(pytest.param(config, marks=pytest.mark.slow) for config in WIDE_SWEEP),
], ids=name)
def test_random_training(config):
    with new_model(config) as model:
        jobs = [check(model, config, case) for case in range(CASES)]
    # What the nets are there for.
    training = config.training
    assert training is not None
    backs = [(stage, op) for job in jobs
             for stage, ops in zip(job.compiled.stages, job.compiled.plan.backs[0], strict=True)
             for op in ops]
    moves = sum(stage.kind is StageKind.MOVE for stage, _ in backs)
    assert moves, "no words move"
    if training.reduce_words <= 4:
        assert any(op.jump > 1 for _, op in backs), "no block is cut into chunks"
    if training.velocity_bits:
        assert {job.compiled.batches for job in jobs} == {False, True}
        assert any(job.compiled.momentum for job in jobs)
    assert any(job.compiled.frozen for job in jobs)
    assert any(job.compiled.input_gradient for job in jobs)


def test_there_are_enough_cases():
    assert len(set(CONFIGS)) * CASES >= 40  # In `make test`.


def test_momentum_matters():
    """Batches of 4 with momentum equal the golden model, and differ from those without."""
    config, seed = CONFIGS[1], 5
    found = []
    with new_model(config) as model:
        for momentum in (3, None):
            job = batches_of_four(config, seed, momentum)
            golden = golden_run(job)
            check_worth_comparing(job, golden)
            rtl = rtl_run(model, job)
            assert not rtl.differences(golden), f"momentum {momentum}, seed {seed}"
            found.append(rtl)
    with_momentum, without = found
    assert "layers.0.input_weight" in with_momentum.differences(without)
