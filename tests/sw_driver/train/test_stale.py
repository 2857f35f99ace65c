"""Training stale by one: what is compiled, what checks see, what devices and recipes refuse."""

import dataclasses

import numpy as np
import pytest
import torch

from golden import CheckpointError, ClosShape, Split, mean_squared_error, squared_error
from golden.fixed.stale import Staleness
from golden.layers.dense import DenseShape
from hw.op_fields import MacKind
from sim.device.compare import ComparedTraining
from sw_driver import DriverError, GoldenDevice, compile
from sw_driver.check.runs import check_packed
from sw_driver.cycle_model import simulate_exchanges
from sw_driver.device.targets import error_shift
from sw_driver.errors import ProgramError
from sw_driver.plan.placement import cut_dense
from sw_driver.plan.tasks import Direction, list_tasks, reads_stale, stale_order, task_order
from sw_driver.predict.training_cycles import exchanges, predict_training_steady
from sw_driver.program.program import Program
from sw_driver.schedule.queues import build_queues
from sw_driver.schedule.scheduler import schedule
from sw_driver.train.loop import STALE_RUN, Position, TrainingLoop
from sw_driver.train.recipe import Recipe
from tests.support.trained_devices import RATE, InterpretedDevice, loaded
from tests.support.training_nets import random_format

LAYER = [ClosShape(12, 8, 3, 2, 2)]


def names(tasks, order):
    short = {Direction.FORWARD: "F", Direction.BACKWARD: "B", Direction.GRADIENT: "G"}
    return " ".join(f"{short[tasks[task].direction]}{tasks[task].stage}" for task in order)


def test_the_order_is_that_of_interleaved_batches():
    tasks = list_tasks(4, 0)
    assert stale_order(tasks) == task_order("interleaved", tasks)
    assert names(tasks, stale_order(tasks)) == "F0 B2 F1 B1 F2 F3 B0 G3"


def test_targets_come_first_and_never_meet_gradients_of_the_rows():
    tasks = list_tasks(4, 0, with_targets=True)
    assert names(tasks, stale_order(tasks)) == "G3 F0 B2 F1 B1 F2 F3 B0"
    assert names(tasks, stale_order(tasks, on_columns=False)) == "G3 F0 B2 F1 B1 B0 F2 F3"


@pytest.mark.parametrize("stages, late", [(2, [0]), (4, [0, 1]), (5, [0, 1]), (7, [0, 1, 2])])
@pytest.mark.parametrize("with_targets", [False, True])
def test_the_first_half_of_the_stages_is_late(stages, late, with_targets):
    """Stage k of N is late where 2 k < N: it is passed before the way back comes there."""
    tasks = list_tasks(stages, 0, with_targets=with_targets)
    order = stale_order(tasks)
    assert [one for one in range(stages - 1) if reads_stale(tasks, order, one)] == late
    program = task_order("program", tasks)
    assert not any(reads_stale(tasks, program, one) for one in range(stages - 1))


def test_staleness_is_that_of_the_layers():
    """One Clos layer: H1 and V are late, H2 and the biases are not; no frozen layer is."""
    def of(shapes, torus="2x2", **options):
        return compile(random_format(shapes, seed=1), torus, stale=True, **options).staleness

    assert of(LAYER) == Staleness(((True, True, False),), (False,))
    two = [ClosShape(12, 8, 3, 2, 2), ClosShape(8, 4, 2, 2, 2)]
    assert of(two, "1x1") == Staleness(((True,) * 3, (False,) * 3), (True, False))
    assert of(two, "1x1", frozen=[0]).weights[0] == (False,) * 3
    cut = cut_dense([DenseShape(12, 9)], 2, 2, training=True)
    assert of(cut) == Staleness(((True,),), (True,))
    assert compile(random_format(LAYER, seed=1), "2x2").staleness is None


def test_words_have_the_copies_that_samples_need():
    form = random_format(LAYER, seed=1)
    assert compile(form, "2x2", stale=True).plan.copies == (2, 2, 1, 1)
    form = dataclasses.replace(form, error_shift=0)
    compiled = compile(form, "2x2", stale=True)
    assert compiled.plan.copies == (2, 2, 1, 1)
    backs = [op for op in compiled.executable.training.loops.queues(3)[2]
             if op["kind"] == MacKind.BACK]
    assert all(op["apply"] == 1 for op in backs)


def test_what_does_not_go_together_is_refused():
    form = random_format(LAYER, seed=1, velocity_bits=36)
    for options, message in (
        ({"batches": True}, "stale must be False with batches"),
        ({"order": "program"}, "order must be left out with stale, which has its own, not program"),
    ):
        with pytest.raises(DriverError, match=message):
            compile(form, "2x2", stale=True, **options)
    with pytest.raises(DriverError, match="stale must be True or False, not 1"):
        compile(form, "2x2", stale=1)
    with pytest.raises(DriverError, match="order must be 'program' .* unless stale is True"):
        compile(form, "2x2", order="interleaved")
    device, *_ = loaded(GoldenDevice)
    with pytest.raises(DriverError, match="stale must be left out unless model is a TrainingForm"):
        compile(device.net.operands(), "2x2", stale=True)


def test_results_that_are_compared_beside_gradients_of_the_rows_are_refused():
    """Stage 1 of this net leaves its gradients in the rows."""
    shapes = [DenseShape(8, 6), ClosShape(6, 4, 3, 2, 2)]
    form = dataclasses.replace(random_format(shapes, seed=1), error_shift=0)
    compiled = compile(form, "1x2", stale=True)
    assert not compiled.stages[1].on_columns

    def check(order):
        plan = dataclasses.replace(compiled.plan, order=order)
        queues = build_queues(compiled.config, schedule(compiled.config, plan, 5))
        check_packed(Program.build(compiled.config, queues))

    check(compiled.plan.order)
    with pytest.raises(ProgramError, match="may compare results while gradients of mac op"):
        check(stale_order(compiled.plan.tasks))


@pytest.mark.parametrize("stale", [False, True])
def test_gradients_that_land_beside_results_to_be_compared_are_refused(stale):
    """The last stage has several repetitions: its way back waits for all of their results.

    A PE that waits for the first alone may give a gradient in the cycle in which a later result is
    compared; one of the two is lost, and all that wait for it wait for ever.
    """
    shapes = [DenseShape(26, 19), ClosShape(19, 5, 7, 7, 5)]
    form = dataclasses.replace(random_format(shapes, seed=211), error_shift=0)
    compiled = compile(form, "2x1", stale=stale)
    executable = compiled.executable
    simulate_exchanges(compiled.config, executable.train_program(2), exchanges(executable, 2))
    queues = build_queues(compiled.config, schedule(compiled.config, compiled.plan, 1))
    index, back = next((index, op) for index, op in enumerate(queues[2])
                       if op["kind"] == MacKind.BACK)
    assert (back["reps"], back["need_free"], back["need_step"]) == (2, 3, 0)
    queues[2][index] = back | {"need_free": 1, "need_step": 1}
    with pytest.raises(ProgramError, match="may compare results while gradients of mac op"):
        check_packed(Program.build(compiled.config, queues))


def test_no_timing_changes_a_word():
    """The untimed torus, whose engines move at random, against the definition."""
    found = []
    for kind in (lambda: GoldenDevice(engine="torch"), InterpretedDevice):
        device, x, targets = loaded(kind, stale=True, input_gradient=True)
        losses = [device.train_step(x[first:first + 5], targets[first:first + 5],
                                    learning_rate=RATE).loss for first in (0, 5)]
        found.append((losses, device.read_state()))
    (losses, state), (other_losses, other_state) = found
    assert losses == other_losses and state.differences(other_state) == []
    plain, x, targets = loaded(GoldenDevice)
    for first in (0, 5):
        plain.train_step(x[first:first + 5], targets[first:first + 5], learning_rate=RATE)
    assert plain.read_state() != state


def test_a_run_leaves_nothing_under_way():
    """After a run the outputs are those of the state that is read; a checkpoint goes on."""
    device, x, targets = loaded(GoldenDevice, stale=True)
    device.train_step(x[:6], targets[:6], learning_rate=RATE)
    saved, y = device.checkpoint(), device.infer(x)
    fresh, *_ = loaded(GoldenDevice, stale=True)
    fresh.restore(saved)
    np.testing.assert_array_equal(fresh.infer(x), y)
    for one in (device, fresh):
        one.train_step(x[6:], targets[6:], learning_rate=RATE)
    assert device.read_state() == fresh.read_state()
    # Where a run ends matters: its last sample is seen by the first one of the next run.
    whole, *_ = loaded(GoldenDevice, stale=True)
    whole.train_step(x, targets, learning_rate=RATE)
    assert whole.read_state() != device.read_state()


def test_devices_refuse_what_would_not_be_one_run(monkeypatch):
    device, x, targets = loaded(GoldenDevice, stale=True, loss=mean_squared_error)
    before = device.read_state()
    with pytest.raises(DriverError, match="loss must be one whose gradients have a bound, such as "
                                          "golden.softmax_cross_entropy, for a net that trains st"):
        device.train_step(x, targets, learning_rate=RATE, loss=mean_squared_error)
    executable = type(device.compiled.executable)
    monkeypatch.setattr(executable, "max_training_samples", property(lambda self: 7))
    labels = torch.zeros(len(x), dtype=torch.int64)
    with pytest.raises(DriverError, match="samples must be at most 7 in a run of a net that train"):
        device.train_step(x, labels, learning_rate=RATE)
    assert device.read_state() == before
    with pytest.raises(DriverError, match="compiled must not be stale where memories are compared"):
        ComparedTraining(device.compiled, before)


def test_a_step_on_targets_is_the_definitions():
    found = []
    for engine in ("torch", "compiled"):
        device, x, targets = loaded(
            lambda engine=engine: GoldenDevice(engine=engine), loss=mean_squared_error)
        form = device.compiled.format
        form = dataclasses.replace(form, error_shift=error_shift(form, 0.0625))
        device.load(compile(form, "2x2", stale=True), device.read_state())
        step = device.train_step(x, targets, learning_rate=0.0625, loss=squared_error)
        found.append((step.loss, device.read_state()))
    assert found[0] == found[1]


def test_it_is_faster_with_one_sample_at_a_time():
    form = random_format([ClosShape(24, 16, 4, 4, 4)], seed=1)
    for more in (form, dataclasses.replace(form, error_shift=0)):
        plain, stale = (predict_training_steady(compile(more, "2x2", stale=stale))
                        for stale in (False, True))
        assert stale.steps == plain.steps
        assert stale.steps <= stale.cycles < plain.cycles


def test_recipes():
    assert "stale" not in Recipe().as_dict()
    recipe = Recipe(stale=True, momentum=3)
    assert Recipe.from_dict(recipe.as_dict()) == recipe
    with pytest.raises(DriverError, match="^stale must be left out with batch, .* batch 4"):
        Recipe(stale=True, batch_size=4)
    with pytest.raises(DriverError, match="^stale must be True or False, not 1"):
        Recipe(stale=1)


def test_runs_of_the_loop_do_not_depend_on_when_it_is_saved(monkeypatch):
    monkeypatch.setattr("sw_driver.train.loop.STALE_RUN", 8)
    states = []
    for part in (512, 1, 9):
        device, x, labels = loaded(GoldenDevice, stale=True)
        x, labels = x.numpy(), labels.numpy()
        split = Split(x, labels, x[:4], labels[:4], "some")
        saved = []
        loop = TrainingLoop(device, Recipe(stale=True, epochs=1, learning_rate=RATE), split,
                            part=part)
        list(loop.run(lambda loop=loop, saved=saved: saved.append(loop.position.samples)))
        states.append(device.read_state())
        assert saved == {512: [0], 1: [8, 16, 24, 32, 0], 9: [16, 32, 0]}[part]
    assert states[0] == states[1] == states[2]
    with pytest.raises(CheckpointError, match="must be after whole runs of 8 samples, .* not afte"):
        TrainingLoop(device, Recipe(stale=True), split, position=Position(samples=12))
    assert STALE_RUN == 500
