"""Random training runs, on the golden model and on the RTL torus, with all words of both."""

import dataclasses
import itertools
from collections.abc import Callable, Sequence
from random import Random

import numpy as np
import torch

from golden import ClosShape
from golden.fixed.format import CLEAR
from golden.fixed.results import Counts, SampleBackward
from golden.fixed.stale import StaleRun
from golden.fixed.state import TrainingState
from golden.fixed.training import FixedTrainingNet
from golden.layers.dense import DenseShape, LayerShape
from hw.config import TorusConfig
from hw.tops import TOPS
from sim.model.emitted import emitted_torus
from sim.model.native import NativeModel
from sim.model.transfers import Stalls
from sw_driver.compiled import Compiled
from sw_driver.compiler import compile
from sw_driver.plan.placement import cut_dense
from sw_driver.program.events import HostEvents, Run, RunResult, Send
from tests.support.training_nets import random_format, random_gradients, random_inputs, random_state

__all__ = ["Job", "Words", "batches_of_four", "golden_run", "new_model", "perform", "play",
           "random_chain", "random_job", "random_shapes", "rtl_run", "single_samples",
           "start_batch", "widths"]

UNALIGNED = [ClosShape(33, 17, 5, 3, 4), ClosShape(17, 10, 4, 7, 3)]
# On several rows or columns, words of the first layer move before the second.
MOVED = [ClosShape(12, 12, 3, 3, 3), ClosShape(12, 8, 4, 4, 2)]


@dataclasses.dataclass(frozen=True, eq=False)
class Job:
    """A net compiled for training, the state it begins with, and the batches it trains on.

    x and gradients are [batches, N, I] and [batches, N, O]; a run is one of the batches, which are
    N batches of one sample each where `compiled.batches` is false.
    """

    compiled: Compiled
    state: TrainingState
    x: torch.Tensor
    gradients: torch.Tensor

    @property
    def decay(self) -> int:
        momentum = self.compiled.momentum
        return CLEAR if momentum is None else momentum

    def __str__(self) -> str:
        compiled, config = self.compiled, self.compiled.config
        shapes = ", ".join(str(shape.as_tuple()) for shape in compiled.format.shapes)
        stages = " ".join(stage.name for stage in compiled.stages if stage.kind.value == "move")
        return (f"{config.rows}x{config.cols}, {shapes}, batches {compiled.batches}, momentum "
                f"{compiled.momentum}, frozen {sorted(compiled.frozen)}, input gradient "
                f"{compiled.input_gradient}, order {compiled.plan.order}, {stages}")


@dataclasses.dataclass(frozen=True, eq=False)
class Words:
    """Everything that a job gives: per batch outputs and input gradients; and the last state."""

    outputs: np.ndarray
    input_gradients: np.ndarray | None
    state: TrainingState
    counts: Counts = Counts()

    def differences(self, other: "Words") -> list[str]:
        found = self.state.differences(other.state)
        if not np.array_equal(self.outputs, other.outputs):
            found.append("outputs")
        sums = self.input_gradients, other.input_gradients
        if (sums[0] is None) != (sums[1] is None) or (
                sums[0] is not None and not np.array_equal(*sums)):
            found.append("input gradients")
        return found


def widths(config: TorusConfig) -> dict[str, int]:
    """The widths of a net's words that a torus dictates, for `random_format`."""
    training = config.training
    assert training is not None
    return {"act_bits": config.act_bits, "weight_bits": config.weight_bits,
            "master_bits": training.master_bits, "grad_bits": training.grad_bits,
            "velocity_bits": training.velocity_bits}


def random_shapes(random: Random, layers: int) -> list[ClosShape]:
    """Layers of 4 to 40 features, routers of any number, remainders and ones."""
    features = [random.randint(4, 40) for _ in range(layers + 1)]
    return [ClosShape(inputs, outputs, random.randint(1, min(inputs, 9)), random.randint(1, 8),
                      random.randint(1, min(outputs, 9)))
            for inputs, outputs in zip(features, features[1:], strict=False)]


def random_chain(random: Random, config: TorusConfig, layers: int) -> Sequence[LayerShape]:
    """So many layers, at least one of them dense."""
    shapes: list[LayerShape] = list(random_shapes(random, layers))
    always = random.randrange(layers)
    for index, shape in enumerate(shapes):
        if index == always or random.random() < 0.3:
            outputs = shape.out_features
            if index == layers - 1 and random.random() < 0.3:
                outputs = random.randint(1, 4)
            shapes[index] = DenseShape(shape.in_features, outputs)
    return cut_dense(shapes, config.rows, config.cols, training=True)


def random_job(config: TorusConfig, seed: int, case: int, *, dense: bool = False,
               stale: bool = False) -> Job:
    """Case number `case` of a torus: nets, batches, momentum, frozen layers in turn.

    `dense` says whether the net has dense layers, `stale` whether it trains so, without batches.
    """
    random = Random(seed)
    training = config.training
    assert training is not None
    can_freeze = case % 3 == 2
    layers = 3 if case == 3 else 2 if can_freeze else 0
    if dense:
        shapes = random_chain(random, config, layers or random.randint(1, 2))
    else:
        shapes = {0: UNALIGNED, 1: MOVED}.get(case) or random_shapes(
            random, layers or random.randint(1, 2))
    form = random_format(shapes, seed=seed, **widths(config))
    can = training.velocity_bits > 0
    batches = can and case % 2 == 0 and not stale
    compiled = compile(
        form, config, batches=batches, stale=stale,
        momentum=random.randint(1, 6) if can and case % 4 in (0, 1) else None,
        frozen=[random.randrange(len(shapes))] if can_freeze else [],
        input_gradient=case % 3 == 1,
        order="program" if case % 8 == 2 and not stale else None)
    # Batches of 4, of a remainder of 3, of 1. A run that is stale begins anew.
    count, samples = (2, random.choice([1, 3, 4, 4])) if batches else (1, 4)
    if stale:
        count, samples = 2, random.choice([1, 2, 5, 8])
    x = random_inputs(form, count * samples, seed=seed)
    gradients = random_gradients(form, count * samples, seed=seed)
    return Job(compiled, random_state(compiled.format, config.rows, config.cols, seed=seed),
               x.unflatten(0, (count, samples)), gradients.unflatten(0, (count, samples)))


def batches_of_four(config: TorusConfig, seed: int, momentum: int | None) -> Job:
    """Two batches for a net that is the same whatever the momentum."""
    form = random_format(UNALIGNED, seed=seed, **widths(config))
    compiled = compile(form, config, batches=True, momentum=momentum)
    return Job(compiled, random_state(compiled.format, config.rows, config.cols, seed=seed),
               random_inputs(form, 8, seed=seed).unflatten(0, (2, 4)),
               random_gradients(form, 8, seed=seed).unflatten(0, (2, 4)))


def single_samples(config: TorusConfig, shapes: Sequence[LayerShape], seed: int) -> Job:
    """Four samples, each a batch of its own, with the gradient of the inputs."""
    form = random_format(shapes, seed=seed, **widths(config))
    compiled = compile(form, config, input_gradient=True)
    return Job(compiled, random_state(compiled.format, config.rows, config.cols, seed=seed),
               random_inputs(form, 4, seed=seed)[None], random_gradients(form, 4, seed=seed)[None])


def golden_run(job: Job) -> Words:
    """Train on the golden model."""
    compiled = job.compiled
    net = FixedTrainingNet(compiled.format, job.state.clone(), compiled.placement)
    outputs, backs = [], []
    options = {"decay": job.decay, "frozen": compiled.frozen,
               "input_gradient": compiled.input_gradient}
    for x, gradients in zip(job.x, job.gradients, strict=True):
        if compiled.batches:
            words = net.forward(x)
            outputs.append(words[-1].output.words)
            backs += net.backward_batch(x, words, gradients, **options)
            continue
        run = net if compiled.staleness is None else StaleRun(net, compiled.staleness)
        for one, gradient in zip(x[:, None], gradients, strict=True):
            words = run.forward(one)
            outputs.append(words[-1].output.words)
            backs.append(run.backward(one, words, gradient, **options))
    counts = sum((back.counts() for back in backs), Counts())
    return Words(torch.cat(outputs).numpy(), _sums(backs), net.state, counts)


def _sums(backs: list[SampleBackward]) -> np.ndarray | None:
    found = [back.input_gradient for back in backs if back.input_gradient is not None]
    return torch.stack(found).numpy() if found else None


def new_model(config: TorusConfig) -> NativeModel:
    """A model at rest."""
    model = NativeModel(emitted_torus(config), TOPS["torus"])
    model.reset()
    return model


def perform(model: NativeModel, run: Run, stalls: Stalls = Stalls()) -> np.ndarray:
    return model.run(run.beats, run.output_beats, stalls=stalls,
                     max_cycles=100_000 + 100 * (len(run.beats) + run.output_beats)).beats


def play(model: NativeModel, events: HostEvents, stalls: Stalls = Stalls(),
         cut_off: Callable[[int], int | None] | None = None) -> RunResult:
    """Be the host of a training run.

    What is sent goes in while what comes next is taken out: a torus whose outputs nobody takes
    stops taking inputs. `cut_off` says, of each such transfer by its number, after how many cycles
    to end the run, or None to go on; a run that is ended has an empty result.
    """
    waiting = [np.zeros((0, model.beat_words), np.uint32)]
    transfers = itertools.count()

    def move(count: int) -> np.ndarray | None:
        number, beats = next(transfers), np.concatenate(waiting)
        del waiting[1:]
        now = dataclasses.replace(stalls, seed=stalls.seed + number)
        most = cut_off(number) if cut_off is not None else None
        if most is not None:
            model.advance(beats, count, cycles=most, stalls=now)
            return None
        return model.run(beats, count, stalls=now, max_cycles=200_000 + 100 * len(beats)).beats

    reply = None
    try:
        while True:
            event = events.send(reply)
            reply = None
            if isinstance(event, Send):
                waiting.append(event.beats)
            else:
                reply = move(event.beats)
                if reply is None:
                    return RunResult(np.empty((0, 0), np.int64), None)
    except StopIteration as end:
        move(0)
        return end.value


def start_batch(job: Job, batch: int) -> HostEvents:
    """What the host of a job sends and receives for one of its batches."""
    gradients = job.gradients[batch].numpy()
    return job.compiled.executable.train(job.x[batch].numpy(),
                                         lambda sample, outputs: gradients[sample])


def rtl_run(model: NativeModel, job: Job, stalls: Stalls = Stalls()) -> Words:
    """Load the state, train, and read the state back."""
    executable = job.compiled.executable
    perform(model, executable.load(job.state), stalls)
    results = [play(model, start_batch(job, batch), stalls) for batch in range(len(job.x))]
    state = executable.read_state(perform(model, executable.dump(), stalls))
    sums = [result.input_gradients for result in results if result.input_gradients is not None]
    return Words(np.concatenate([result.outputs for result in results]),
                 np.concatenate(sums) if sums else None, state)
