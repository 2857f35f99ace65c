"""Random training runs on targets, on the golden model and on the RTL torus."""

import dataclasses
from random import Random

import numpy as np
import torch

from golden.fixed.format import CLEAR
from golden.fixed.stale import StaleRun
from golden.fixed.state import TrainingState
from golden.fixed.training import FixedTrainingNet
from hw.config import TorusConfig
from sim.model.native import NativeModel
from sim.model.transfers import Stalls
from sw_driver.compiled import Compiled
from sw_driver.compiler import compile
from tests.support.training_nets import random_format, random_inputs, random_state
from tests.support.training_runs import Words, perform, play, random_chain, random_shapes, widths

__all__ = ["TargetJob", "golden_targets", "random_target_job", "rtl_targets", "with_targets"]

GAIN = 8


@dataclasses.dataclass(frozen=True, eq=False)
class TargetJob:
    """A net compiled for targets, its first state, inputs [N, I] and targets [N, O], as words."""

    compiled: Compiled
    state: TrainingState
    x: torch.Tensor
    targets: torch.Tensor
    shift: int

    def __str__(self) -> str:
        compiled = self.compiled
        shapes = ", ".join(str(shape) for shape in compiled.format.shapes)
        return (f"{shapes}, shift {self.shift}, batches {compiled.batches}, momentum "
                f"{compiled.momentum}, frozen {sorted(compiled.frozen)}")


def with_targets(config: TorusConfig) -> TorusConfig:
    """The torus with targets, whose errors may be shifted by -8 to 55."""
    assert config.training is not None
    training = dataclasses.replace(config.training, targets=1, target_gain_bits=GAIN)
    return dataclasses.replace(config, training=training)


def random_target_job(config: TorusConfig, seed: int, *, stale: bool = False) -> TargetJob:
    """Batches, momentum, frozen layers and sums for the host in turn; every fourth net is dense.

    What trains `stale` has no batches.
    """
    random, training = Random(seed), config.training
    assert training is not None
    layers = random.randint(1, 3)
    layers = min(layers, 2) if stale else layers  # Their programs are long.
    shapes = (random_chain(random, config, layers) if seed % 4 == 3
              else random_shapes(random, layers))
    form = random_format(shapes, seed=seed, **widths(config))
    base = seed % 7 - 3  # In turn, so that some gradients saturate.
    form = dataclasses.replace(form, error_shift=base)
    can = training.velocity_bits > 0
    compiled = compile(
        form, config, batches=can and seed % 2 == 0 and not stale, stale=stale,
        momentum=random.randint(1, 6) if can and seed % 4 in (0, 1) else None,
        frozen=[random.randrange(len(shapes))] if len(shapes) > 1 and seed % 3 == 2 else [],
        input_gradient=seed % 3 == 1)
    samples = random.choice([2, 5, 9] if stale else [1, 3, 5])
    bits = min(form.act_bits, form.grad_bits)
    generator = torch.Generator().manual_seed(seed)
    targets = torch.randint(-(1 << (bits - 1)), 1 << (bits - 1),
                            (samples, shapes[-1].out_features), generator=generator)
    state = random_state(compiled.format, config.rows, config.cols, seed=seed)
    return TargetJob(compiled, state, random_inputs(form, samples, seed=seed), targets,
                     base + random.choice([0, 0, 1, 2]))


def golden_targets(job: TargetJob) -> Words:
    """Train on the golden model."""
    compiled = job.compiled
    net = FixedTrainingNet(compiled.format, job.state.clone(), compiled.placement)
    outputs, backs = [], []
    decay = CLEAR if compiled.momentum is None else compiled.momentum
    options = {"decay": decay, "frozen": compiled.frozen,
               "input_gradient": compiled.input_gradient}
    run = net if compiled.staleness is None else StaleRun(net, compiled.staleness)
    for x, targets in (((job.x, job.targets),) if compiled.batches else
                       zip(job.x[:, None], job.targets[:, None], strict=True)):
        words = run.forward(x)
        outputs.append(words[-1].output.words)
        gradients = net.target_gradients(outputs[-1], targets, job.shift)
        backs += (net.backward_batch(x, words, gradients, **options) if compiled.batches else
                  [run.backward(x, words, gradients[0], **options)])
    sums = [back.input_gradient for back in backs if back.input_gradient is not None]
    counts = sum((back.counts() for back in backs[1:]), backs[0].counts())
    return Words(torch.cat(outputs).numpy(), torch.stack(sums).numpy() if sums else None,
                 net.state, counts)


def rtl_targets(model: NativeModel, job: TargetJob, stalls: Stalls = Stalls()) -> Words:
    """Load the state, train, and read the state back."""
    executable = job.compiled.executable
    perform(model, executable.load(job.state), stalls)
    events = executable.train_targets(job.x.numpy(), job.targets.numpy(), job.shift)
    result = play(model, events, stalls)
    state = executable.read_state(perform(model, executable.dump(), stalls))
    return Words(np.asarray(result.outputs), result.input_gradients, state)
