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

from golden import ClosShape
from golden.fixed.results import Counts
from golden.layers.dense import DenseShape
from hw.config import TorusConfig
from sim.model.native import NativeModel
from sim.model.transfers import Stalls
from sw_driver.plan.placement import cut_dense
from sw_driver.plan.stage import StageKind
from tests.support.training_equality import CONFIGS, WIDE_SWEEP, name
from tests.support.training_runs import (
    Job,
    batches_of_four,
    golden_run,
    new_model,
    perform,
    play,
    random_job,
    rtl_run,
    single_samples,
    start_batch,
)

CASES = 14
STALLED = Stalls(in_per_mille=300, out_per_mille=300)


def seed_of(config: TorusConfig, case: int) -> int:
    return 1000 * config.rows + 100 * config.cols + case


def check_worth_comparing(job: Job, golden) -> None:
    """A run in which nothing happens would be equal whatever the torus does."""
    check_changes(job, golden)
    check_telling(golden.counts, str(job))


def check_changes(job: Job, golden) -> None:
    """Many weights change."""
    weights = changed = 0
    for index, (old, new) in enumerate(zip(job.state.layers, golden.state.layers, strict=True)):
        if index not in job.compiled.frozen:
            for before, after in zip(old.masters, new.masters, strict=True):
                weights += before.numel()
                changed += int(torch.count_nonzero(before != after))
    assert 4 * changed >= weights, f"{changed} of {weights} weights change: {job}"


def check_telling(counts: Counts, what: str) -> None:
    """Every special case comes up."""
    saturated = (counts.saturated_gradients + counts.saturated_weights
                 + counts.saturated_velocities)
    assert saturated and counts.negative_gradients and counts.zero_gradients, f"{counts}: {what}"


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


def check(
    model: NativeModel, config: TorusConfig, case: int, *, dense: bool = False, stale: bool = False
) -> tuple[Job, Counts]:
    seed = seed_of(config, case)
    job = random_job(config, seed, case, dense=dense, stale=stale)
    golden = golden_run(job)
    if stale:
        assert golden.state != job.state
    elif dense:
        check_changes(job, golden)  # Some nets are too small for more: all of them together do.
    else:
        check_worth_comparing(job, golden)
    if case % 2:
        cut_off(model, job, Random(seed))
    stalls = dataclasses.replace(STALLED, seed=seed) if case % 3 == 1 else Stalls()
    assert not rtl_run(model, job, stalls).differences(golden), f"{job}, seed {seed}"
    print(f"{job}, seed {seed}: {golden.counts}")
    return job, golden.counts


@pytest.mark.parametrize("config", [
    CONFIGS[1], *(pytest.param(config, marks=pytest.mark.slow)
                  for config in (CONFIGS[0], *CONFIGS[2:], *WIDE_SWEEP)),
], ids=name)
def test_random_training(config):
    with new_model(config) as model:
        jobs = [check(model, config, case)[0] for case in range(CASES)]
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


@pytest.mark.parametrize("config", [
    *CONFIGS, *(pytest.param(config, marks=pytest.mark.slow) for config in WIDE_SWEEP),
], ids=name)
def test_random_training_of_dense_layers(config):
    """Chains of dense and Clos layers, in both orders."""
    with new_model(config) as model:
        found = [check(model, config, case, dense=True) for case in range(CASES)]
    jobs = [job for job, _ in found]
    check_telling(sum((counts for _, counts in found), Counts()), "all nets")
    kinds = {tuple(isinstance(shape, DenseShape) for shape in job.compiled.shapes) for job in jobs}
    assert {(True, False), (False, True)} <= kinds, "not in both orders"
    summed = [job for job in jobs
              if any(stage.kind is StageKind.SUM for stage in job.compiled.stages)]
    assert bool(summed) == (config.rows > 1)


@pytest.mark.parametrize("config, dense", [
    pytest.param(config, dense, id=f"{name(config)}-{dense}",
                 marks=[] if config == CONFIGS[1] and not dense else [pytest.mark.slow])
    for config in (*CONFIGS, *WIDE_SWEEP) for dense in (False, True)
    if not dense or config in (CONFIGS[1], WIDE_SWEEP[0], WIDE_SWEEP[-1])
])
def test_random_training_stale_by_one(config, dense):
    with new_model(config) as model:
        found = [check(model, config, case, dense=dense, stale=True) for case in range(CASES)]
    check_telling(sum((counts for _, counts in found), Counts()), "all nets")
    stale = [job.compiled.staleness.weights for job, _ in found]
    assert any(late for layers in stale for layer in layers for late in layer)
    assert any(job.compiled.frozen for job, _ in found)
    assert any(job.compiled.input_gradient for job, _ in found)


# Fewer inputs or outputs than rows, and than PEs; and one of each.
SMALL = [
    [DenseShape(1, 1)],
    [DenseShape(2, 1), DenseShape(1, 2)],
    [DenseShape(1, 7), ClosShape(7, 2, 2, 1, 1), DenseShape(2, 2)],
    [ClosShape(5, 3, 1, 2, 3), DenseShape(3, 1), ClosShape(1, 4, 1, 1, 2)],
]


@pytest.mark.parametrize("config", [
    *CONFIGS, *(pytest.param(config, marks=pytest.mark.slow) for config in WIDE_SWEEP),
], ids=name)
def test_small_dense_layers(config):
    with new_model(config) as model:
        for seed, shapes in enumerate(SMALL):
            cut = cut_dense(shapes, config.rows, config.cols, training=True)
            job = single_samples(config, cut, seed)
            golden = golden_run(job)
            assert golden.state != job.state
            assert not rtl_run(model, job).differences(golden), str(job)


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
