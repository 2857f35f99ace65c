"""Training on targets: the RTL against the golden model, word for word and beat for beat."""

import dataclasses

import numpy as np
import pytest
import torch

from golden import (
    ClosNet,
    ClosShape,
    TrainingWidths,
    initial_state,
    propose_format,
    squared_error,
)
from hw.config import TorusConfig
from sim.device.device import SimDevice
from sim.model.transfers import Stalls
from sw_driver import GoldenDevice, compile
from sw_driver.cycle_model import simulate_exchanges
from sw_driver.device.targets import error_shift
from sw_driver.predict.training_cycles import exchanges
from tests.support.knobs import mostly_slow
from tests.support.training_equality import CONFIGS, WIDE_SWEEP, name
from tests.support.training_runs import new_model
from tests.support.training_targets import (
    golden_targets,
    random_target_job,
    rtl_targets,
    with_targets,
)

pytestmark = pytest.mark.usefixtures("toolchain")

CASES = 6
IDLE_CYCLES = 4000
TORI = [*CONFIGS, *WIDE_SWEEP[:2], *WIDE_SWEEP[3:]]


def check_cycles(model, job) -> None:
    """The cycle of every beat of a run, against the cycle model."""
    executable, samples = job.compiled.executable, len(job.x)
    model.advance(np.zeros((0, model.beat_words), np.uint32), 1, cycles=IDLE_CYCLES)
    events = executable.train_targets(job.x.numpy(), job.targets.numpy())
    sent, wanted = next(events), next(events)
    found = model.run(sent.beats, wanted.beats, max_cycles=400_000)
    predicted = simulate_exchanges(job.compiled.config, executable.train_program(samples),
                                   exchanges(executable, samples))
    first = int(found.in_cycles[0])
    np.testing.assert_array_equal(found.in_cycles.astype(np.int64) - first, predicted.in_cycles)
    np.testing.assert_array_equal(found.out_cycles.astype(np.int64) - first, predicted.out_cycles)


@pytest.mark.slow
@pytest.mark.parametrize("config", mostly_slow([with_targets(one) for one in TORI], (1,)), ids=name)
@pytest.mark.parametrize("stale", [False, True])
def test_random_runs(config: TorusConfig, stale: bool):
    """Outputs, weights, accumulators, LFSRs, the sums for the host; and every beat."""
    zeros = saturated = 0
    with new_model(config) as model:
        for case in range(CASES):
            seed = 100 * config.rows + 10 * config.cols + case
            job = random_target_job(config, seed, stale=stale)
            stalls = Stalls(in_per_mille=300 * (case % 3 == 1),
                            out_per_mille=300 * (case % 3 == 2), seed=seed)
            wanted = golden_targets(job)
            found = rtl_targets(model, job, stalls)
            assert found.differences(wanted) == [], f"{job}, seed {seed}"
            check_cycles(model, job)
            zeros += wanted.counts.zero_gradients
            saturated += wanted.counts.saturated_gradients
    assert saturated > 0 and zeros >= 0


def test_devices_train_on_targets_alike():
    """Real numbers: losses, outputs and weights of both devices, at two learning rates."""
    shapes = [ClosShape(12, 8, 3, 2, 2)]
    generator = torch.Generator().manual_seed(1)
    x, targets = torch.rand(16, 12, generator=generator), torch.rand(16, 8, generator=generator)
    net = ClosNet(shapes, generator=generator)
    form = propose_format(net, x, targets, squared_error, 0.0625,
                          widths=TrainingWidths(velocity_bits=32))
    form = dataclasses.replace(form, error_shift=error_shift(form, 0.0625))
    compiled = compile(form, with_targets(CONFIGS[1]))
    state = initial_state(net, compiled.format, rows=2, cols=2)
    with SimDevice() as torus, GoldenDevice(engine="torch") as golden:
        steps = []
        for device in (torus, golden):
            device.load(compiled, state)
            steps.append([
                device.train_step(x.numpy(), targets.numpy(), learning_rate=rate,
                                  loss=squared_error)
                for rate in (0.0625, 0.0625, 0.03125)])
        for one, other in zip(*steps, strict=True):
            assert one.loss == other.loss
            np.testing.assert_array_equal(one.outputs, other.outputs)
        assert torus.read_state().differences(golden.read_state()) == []
    losses = [step.loss for step in steps[0]]
    assert losses == sorted(losses, reverse=True) and losses[-1] < 0.8 * losses[0]
    assert steps[0][0].cycles is not None
