"""Training stale by one on the RTL: ten samples of one layer, with lanes, and a steady state."""

import dataclasses

import numpy as np
import pytest
import torch

from golden import ClosShape
from golden.fixed.stale import StaleRun
from golden.fixed.training import FixedTrainingNet
from golden.layers.dense import DenseShape
from sim.model.transfers import Stalls
from sw_driver.compiler import compile
from sw_driver.cycle_model import simulate_exchanges
from sw_driver.plan.placement import cut_dense
from sw_driver.predict.training_cycles import exchanges, predict_training_steady
from tests.support.knobs import mostly_slow
from tests.support.training_equality import CONFIGS, WIDE_SWEEP
from tests.support.training_nets import random_format, random_gradients, random_inputs, random_state
from tests.support.training_runs import new_model, perform, play, widths
from tests.support.training_targets import with_targets

pytestmark = pytest.mark.usefixtures("toolchain")

SAMPLES = 10
SHAPE = ClosShape(12, 8, 3, 2, 2)
FOUR = WIDE_SWEEP[-1]
LANES = {1: CONFIGS[1], 2: dataclasses.replace(FOUR, lanes_out=2), 4: FOUR}


@dataclasses.dataclass(frozen=True, eq=False)
class Run:
    """A net, its first state, inputs, and gradients or targets."""

    compiled: object
    state: object
    x: torch.Tensor
    wanted: torch.Tensor

    @property
    def on_targets(self):
        return self.compiled.format.error_shift is not None

    def golden(self, *, stale):
        """Outputs and the last state of the definition, stale or not."""
        compiled = self.compiled
        net = FixedTrainingNet(compiled.format, self.state.clone(), compiled.placement)
        run = StaleRun(net, compiled.staleness) if stale else net
        outputs = []
        for x, wanted in zip(self.x[:, None], self.wanted, strict=True):
            words = run.forward(x)
            y = words[-1].output.words
            outputs.append(y[0])
            gradient = net.target_gradients(y, wanted[None])[0] if self.on_targets else wanted
            run.backward(x, words, gradient)
        return torch.stack(outputs).numpy(), net.state

    def events(self):
        executable, x = self.compiled.executable, self.x.numpy()
        if self.on_targets:
            return executable.train_targets(x, self.wanted.numpy())
        return executable.train(x, lambda sample, y: self.wanted[sample].numpy())

    def rtl(self, model, stalls):
        executable = self.compiled.executable
        perform(model, executable.load(self.state), stalls)
        result = play(model, self.events(), stalls)
        return result.outputs, executable.read_state(perform(model, executable.dump(), stalls))


def run_of(config, shapes, seed, *, on_targets):
    form = random_format(shapes, seed=seed, **widths(config))
    if on_targets:
        form = dataclasses.replace(form, error_shift=0)
    compiled = compile(form, config, stale=True)
    state = random_state(compiled.format, config.rows, config.cols, seed=seed)
    return Run(compiled, state, random_inputs(form, SAMPLES, seed=seed),
               random_gradients(form, SAMPLES, seed=seed))


def check(model, run):
    outputs, state = run.golden(stale=True)
    assert state != run.state
    for stalls in (Stalls(), Stalls(in_per_mille=400, out_per_mille=400, seed=3)):
        found, held = run.rtl(model, stalls)
        np.testing.assert_array_equal(found, outputs)
        assert held.differences(state) == []


@pytest.mark.parametrize("on_targets", [False, True], ids=["gradients", "targets"])
@pytest.mark.parametrize("lanes", mostly_slow(list(LANES), (0,)))
def test_ten_samples_of_one_layer(lanes, on_targets):
    """The RTL gives the words of the definition, whatever the host's stalls; others do not."""
    config = with_targets(LANES[lanes]) if on_targets else LANES[lanes]
    run = run_of(config, [SHAPE], 1, on_targets=on_targets)
    outputs, state = run.golden(stale=True)
    plain_outputs, plain_state = run.golden(stale=False)
    assert not np.array_equal(outputs, plain_outputs) and plain_state != state
    with new_model(config) as model:
        check(model, run)


# A lone dense stage, dense layers whose gradients land in the rows, and layers of one word.
SMALL = [
    [DenseShape(9, 7)],
    [DenseShape(9, 7), ClosShape(7, 6, 3, 2, 2)],
    [DenseShape(6, 4), DenseShape(4, 3)],
    [ClosShape(5, 4, 2, 1, 2), DenseShape(4, 2), ClosShape(2, 3, 1, 1, 1)],
]


@pytest.mark.slow
@pytest.mark.parametrize("on_targets", [False, True], ids=["gradients", "targets"])
@pytest.mark.parametrize("rows, cols, lanes", [(1, 1, 4), (1, 2, 2), (2, 2, 2), (2, 2, 4)])
def test_few_steps_with_lanes(rows, cols, lanes, on_targets):
    """Biases that are read near to their change, and repetitions of a step or two."""
    config = dataclasses.replace(LANES[lanes], rows=rows, cols=cols)
    config = with_targets(config) if on_targets else config
    with new_model(config) as model:
        for seed, shapes in enumerate([[SHAPE], *SMALL]):
            cut = cut_dense(shapes, rows, cols, training=True)
            check(model, run_of(config, cut, seed, on_targets=on_targets))


@pytest.mark.parametrize("lanes", mostly_slow(list(LANES), (0,)))
def test_steady_state_is_what_is_measured(lanes):
    """(T(n + 32) - T(n)) / 32 on the RTL, on targets, and no less than the steps."""
    config = with_targets(LANES[lanes])
    shape = ClosShape(24, 12, 4, 4, 3)
    run = run_of(config, [shape], 2, on_targets=True)
    compiled, ends = run.compiled, []
    with new_model(config) as model:
        perform(model, compiled.executable.load(run.state))
        for samples in (16, 48):
            x = random_inputs(compiled.format, samples, seed=1).numpy()
            targets = random_gradients(compiled.format, samples, seed=1).numpy()
            model.advance(np.zeros((0, model.beat_words), np.uint32), 1, cycles=4000)
            events = compiled.executable.train_targets(x, targets)
            sent, wanted = next(events), next(events)
            moved = model.run(sent.beats, wanted.beats, max_cycles=400_000)
            predicted = simulate_exchanges(
                config, compiled.executable.train_program(samples),
                exchanges(compiled.executable, samples))
            first = int(moved.in_cycles[0])
            out = moved.out_cycles.astype(np.int64) - first
            np.testing.assert_array_equal(out, predicted.out_cycles)
            ends.append(int(out[-1]))
    found = predict_training_steady(compiled)
    assert found.cycles == (ends[1] - ends[0]) / 32 >= found.steps
