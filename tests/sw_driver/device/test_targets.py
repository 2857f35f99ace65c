"""Targets in the place of gradients: what programs say, what checks see, what devices refuse."""

import dataclasses
import re

import numpy as np
import pytest
import torch

from golden import (
    ClosNet,
    ClosShape,
    initial_state,
    mean_squared_error,
    propose_format,
    squared_error,
)
from hw.config import ConfigError, TorusConfig, TrainingConfig
from hw.op_fields import GatherKind
from sw_driver import DriverError, GoldenDevice, compile
from sw_driver.check.runs import check_packed
from sw_driver.device.targets import TargetGradients, error_shift
from sw_driver.errors import FitError, ProgramError
from sw_driver.predict.training_cycles import predict_training_steady
from sw_driver.program.program import Program
from sw_driver.schedule.queues import build_queues
from sw_driver.schedule.scheduler import schedule
from sw_driver.train.recipe import Recipe
from tests.support.training_nets import random_format
from tests.support.training_targets import golden_targets, random_target_job, with_targets

SHAPES = [ClosShape(12, 8, 3, 2, 2)]
RATE = 0.0625


def data():
    generator = torch.Generator().manual_seed(1)
    return torch.rand(16, 12, generator=generator), torch.rand(16, 8, generator=generator)


@pytest.fixture(scope="module")
def net():
    return ClosNet(SHAPES, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def compiled(net):
    form = propose_format(net, *data(), squared_error, RATE)
    return compile(dataclasses.replace(form, error_shift=error_shift(form, RATE)), "2x2")


@pytest.fixture
def device(net, compiled):
    with GoldenDevice(engine="torch") as device:
        device.load(compiled, initial_state(net, compiled.format, rows=2, cols=2))
        yield device


def step(device, targets=None, *, rate=RATE, loss=squared_error):
    x, wanted = data()
    wanted = wanted if targets is None else targets
    return device.train_step(x.numpy(), wanted.numpy(), learning_rate=rate, loss=loss)


def test_losses_fall_and_are_those_of_the_outputs(device):
    first, second = step(device), step(device, rate=RATE / 8)
    loss = squared_error(torch.as_tensor(first.outputs), data()[1]).loss
    assert first.loss == pytest.approx(loss) and second.loss < first.loss


@pytest.mark.parametrize(("options", "message"), [
    ({"rate": 0.06}, "learning_rate, over the samples .*, must be a power of two .* 0.0625, not 0"),
    ({"loss": mean_squared_error}, "loss must be golden.squared_error for a net whose format has"),
    ({"targets": torch.full((16, 8), 1e6)}, "targets must be below .* not 1000000.0"),
    ({"targets": torch.zeros(16, 7)}, "targets must be .16, 8., not .16, 7."),
    ({"targets": torch.zeros(15, 8)}, "targets must be .16, 8., not .15, 8."),
    ({"targets": torch.full((16, 8), float("nan"))}, "targets must be finite"),
], ids=["rate", "loss", "large", "few outputs", "few samples", "nan"])  # fmt: skip
def test_steps_that_are_refused(device, options, message):
    before = device.read_state()
    with pytest.raises(Exception, match=message) as found:
        step(device, **options)
    assert type(found.value).__module__.split(".")[0] in ("sw_driver", "golden")
    assert before.differences(device.read_state()) == []


def test_an_ordinary_net_takes_the_loss_from_the_host(net):
    form = propose_format(net, *data(), squared_error, RATE)
    compiled = compile(form, "2x2")
    with GoldenDevice(engine="torch") as device:
        device.load(compiled, initial_state(net, compiled.format, rows=2, cols=2))
        assert step(device, rate=0.06).loss > 0


def test_the_program_sends_targets_first_and_says_the_shift(compiled):
    row, _, mac = compiled.executable.training.loops.queues(1)[:3]
    assert row[0]["kind"] == GatherKind.TARGET
    assert not any(op["kind"] == GatherKind.GRADIENT for op in row)
    assert not any(op.get("from_host") for op in mac)
    program = compiled.executable.train_program(3)
    halved = compiled.executable.train_program(3, compiled.format.error_shift + 1)
    assert program.pe_image != halved.pe_image
    assert program.gateway_image == halved.gateway_image
    with pytest.raises(ProgramError, match=r"error_shift must be -?\d+ to -?\d+, those of this to"):
        compiled.executable.train_program(3, compiled.format.error_shift + 30)


def test_a_step_is_not_held_up_by_its_host(net, compiled):
    form = dataclasses.replace(compiled.format, error_shift=None)
    waits, runs = (predict_training_steady(one) for one in (compile(form, "2x2"), compiled))
    assert runs.steps == waits.steps
    assert runs.cycles < waits.cycles - 10


def respelt(compiled, samples=3):
    return build_queues(compiled.config, schedule(compiled.config, compiled.plan, samples))


def refusal(compiled, queues):
    try:
        check_packed(Program.build(compiled.config, queues))
    except ProgramError as error:
        return str(error)
    return None


def test_the_check_sees_targets_that_come_too_early_or_late(compiled):
    """Before the outputs of the sample before have left, and after the results that need them."""
    assert refusal(compiled, respelt(compiled)) is None
    for distance in (-1, 1, 2, 3):
        row, col, mac, ring, host_in, host_out = (list(queue) for queue in respelt(compiled))
        at = [index for index, op in enumerate(row) if op["kind"] == GatherKind.TARGET][1]
        for queue in (row, ring):
            queue.insert(at + distance, queue.pop(at))
        if distance > 0:  # The host's words follow.
            at = [index for index, op in enumerate(host_in)][2]
            host_in.insert(at + 1, host_in.pop(at))
        message = refusal(compiled, (row, col, mac, ring, host_in, host_out))
        if distance in (-1, 2, 3):
            assert message is not None, distance
    queues = respelt(compiled)
    assert "targets that never come" in refusal(compiled, ([
        {**op, "kind": GatherKind.GRADIENT.value} if op["kind"] == GatherKind.TARGET else op
        for op in queues[0]], *queues[1:]))


def test_a_gradient_that_is_read_before_it_lands_is_refused(compiled):
    queues = [list(map(dict, queue)) for queue in respelt(compiled)]
    back = next(op for op in queues[2] if op["kind"] == 3)
    assert back["need_free"] > 0
    back["need_free"] = 0
    assert re.search("may read gradients before|either may come first", refusal(compiled, queues))


def test_configurations_and_nets_that_do_not_go_together():
    with pytest.raises(ConfigError, match="target_gain_bits must be 0 where there are no targets"):
        TrainingConfig(target_gain_bits=1)
    with pytest.raises(ConfigError, match="target_gain_bits must be at most 24, so that a result"):
        TorusConfig(training=TrainingConfig(targets=1, target_gain_bits=25))
    form = dataclasses.replace(random_format(SHAPES, seed=1), error_shift=0)
    plain = TorusConfig(rows=2, cols=2, training=TrainingConfig())
    with pytest.raises(FitError, match="targets must be 1 for a net with an error_shift, not 0"):
        compile(form, plain)
    narrow = dataclasses.replace(plain, training=TrainingConfig(
        targets=1, target_gain_bits=3, grad_shift_bits=6))
    with pytest.raises(FitError, match="target_gain_bits must be 20 to 83 for an error_shift of -"):
        compile(dataclasses.replace(form, error_shift=-20), narrow)
    with pytest.raises(DriverError, match="order must be 'program' .* where targets are sent"):
        velocities = dataclasses.replace(form, velocity_bits=36)
        compile(velocities, "2x2", batches=True, order="interleaved")


def test_a_torus_without_targets_keeps_its_id():
    plain = TorusConfig(training=TrainingConfig())
    assert '"targets"' not in plain.canonical_json()
    assert '"targets":1' in with_targets(plain).canonical_json()


def test_gradients_from_the_host_are_refused():
    job = random_target_job(with_targets(TorusConfig(
        rows=1, cols=1, weight_words=4096, bias_words=128, rep_bits=12, program_words=4096,
        buffer_words=512, max_fan_in=256, training=TrainingConfig(velocity_bits=32))), 5)
    assert golden_targets(job).outputs.shape[0] == len(job.x)
    events = job.compiled.executable.train_targets(job.x.numpy(), job.targets.numpy())
    assert next(events).beats.ndim == 2


def test_recipes_of_squared_error():
    recipe = Recipe(loss="squared-error", learning_rate=0.06, epochs=6, batch_size=4)
    rates = [recipe.rate(epoch) for epoch in range(6)]
    assert rates == [2.0**-4, 2.0**-4, 2.0**-5, 2.0**-5, 2.0**-6, 2.0**-7]
    assert Recipe(loss="squared-error", epochs=90).rate(89) == 2.0**-8
    with pytest.raises(DriverError, match="batch must be a power of two with squared-error, not 3"):
        Recipe(loss="squared-error", batch_size=3)


def test_target_gradients_keep_losses(compiled):
    targets = data()[1].double()
    seen = []
    source = TargetGradients(compiled.format, targets, RATE, lambda sample, y: seen.append(sample))
    y = np.zeros(8, np.int64)
    words = source(2, y)
    assert seen == [2] and len(source.losses) == 1
    assert (np.sign(words) <= 0).all()
