"""Compiling for training: orders and copies, options, and which torus it takes."""

import dataclasses

import pytest

from golden import ClosShape
from hw.config import TorusConfig
from hw.op_fields import MacKind
from sw_driver.compiler import compile
from sw_driver.errors import DriverError, FitError
from sw_driver.plan.back import back_ops
from sw_driver.plan.handover import hand_in_row
from sw_driver.plan.placement import place
from sw_driver.plan.tasks import Direction, copies, list_tasks, period, task_order
from tests.support.training_cases import random_case

SHAPES = [ClosShape(12, 8, 3, 2, 2), ClosShape(8, 4, 2, 2, 2)]


def form(shapes=tuple(SHAPES), velocity_bits=0):
    """A format for these shapes, whatever its scales."""
    case = random_case(0, depth=len(shapes))
    layers = tuple(dataclasses.replace(layer, shape=shape)
                   for layer, shape in zip(case.form.layers, shapes, strict=True))
    return dataclasses.replace(case.form, layers=layers, velocity_bits=velocity_bits)


def test_one_sample_after_the_other_needs_one_copy():
    tasks = list_tasks(4, 0)
    order = task_order("program", tasks)
    assert order == tuple(range(len(tasks)))
    assert copies(tasks, order, 2) == [1, 1, 1, 1]


def test_interleaved_samples_keep_two_of_what_comes_first():
    """The way back of a sample goes stage for stage beside the way forward of the next."""
    tasks = list_tasks(4, 0)
    order = task_order("interleaved", tasks)
    names = [(tasks[task].direction.value, tasks[task].stage) for task in order]
    assert names == [("forward", 0), ("backward", 2), ("forward", 1), ("backward", 1),
                     ("forward", 2), ("forward", 3), ("backward", 0), ("gradient", 3)]
    # Inputs and first results are still needed when those of the next sample come.
    assert copies(tasks, order, 2) == [2, 2, 1, 1]
    # Gradients from the host that come before stage 0 has gone back, which is to make room.
    early = (*order[:-2], order[-1], order[-2])
    assert copies(tasks, early, 2) == [2, 2, 1, 1]
    assert copies(tasks, early, 0) == [2, 2, 1, 2]
    assert period([2, 2, 1, 1]) == 2


def test_copies_are_counted_by_hand():
    """Samples that have come to a stage, while the first has not been back there."""
    for name in ("program", "interleaved"):
        for stages in (4, 5, 8):
            tasks = list_tasks(stages, 0)
            order = task_order(name, tasks)
            position = {task: place for place, task in enumerate(order)}
            delay = [0]
            for task in range(1, len(tasks)):
                delay.append(delay[-1] + (position[task] < position[task - 1]))
            number = {task: index for index, task in enumerate(tasks)}

            def when(direction, stage, sample, number=number, delay=delay, position=position):
                task = next(index for task, index in number.items()
                            if task.direction is direction and task.stage == stage)
                return sample + delay[task], position[task]

            for stage, count in enumerate(copies(tasks, order, stages - 2)[:-1]):
                end = when(Direction.BACKWARD, stage, 0)
                alive = sum(when(Direction.FORWARD, max(stage - 1, 0), sample) < end
                            for sample in range(10))
                assert count == max(alive, 1), (name, stages, stage)


def test_unknown_orders_are_refused():
    with pytest.raises(DriverError, match="order must be one of program, interleaved"):
        compile(form(), "2x2", order="fast")
    with pytest.raises(DriverError, match="order must be a permutation"):
        compile(form(velocity_bits=36), "2x2", batches=True, order=(0, 0))
    with pytest.raises(DriverError, match="order must be 'program'"):
        compile(form(), "2x2", order="interleaved")


@pytest.mark.parametrize("options, match", [
    ({"batches": True}, "velocity_bits must be at least 16"),
    ({"momentum": 3}, "velocity_bits must be at least 16"),
    ({"momentum": 0}, "momentum must be 1 to 14"),
    ({"momentum": 15}, "momentum must be 1 to 14"),
    ({"momentum": 1.5}, "momentum must be 1 to 14, or None, not 1.5"),
    ({"momentum": True}, "momentum must be 1 to 14, or None, not True"),
    ({"frozen": 0}, r"frozen must be a collection of layers, such as \(0,\), not 0"),
    ({"batches": "no"}, "batches must be True or False, not 'no'"),
    ({"input_gradient": None}, "input_gradient must be True or False, not None"),
    ({"order": 5}, "order must be a permutation of 0 to 13, not 5"),
    ({"order": [0] * 14}, "order must be a permutation of 0 to 13, not"),
    ({"frozen": ["a"]}, "frozen must hold layers 0 to 1, not 'a'"),
    ({"frozen": [2]}, "frozen must hold layers 0 to 1, not 2"),
    ({"frozen": [0, 1]}, "frozen must leave a layer that trains"),
], ids=str)
def test_bad_options(options, match):
    with pytest.raises(DriverError, match=match):
        compile(form(), "2x2", **options)


def test_nobody_goes_back_further_than_needed():
    """Frozen first layers end the way back early, unless the host wants gradients."""
    def backs(**options):
        compiled = compile(form(), "2x2", **options)
        return [bool(ops) for ops in compiled.plan.backs[0]]

    stages = len(compile(form(), "2x2").stages)
    assert backs() == [True] * (stages - 1) + [False]
    first = 3 if stages == 7 else 4
    assert backs(frozen=[0]) == [False] * first + [True] * (stages - 1 - first) + [False]
    assert backs(frozen=[0], input_gradient=True) == backs()


def test_frozen_weights_and_moves_are_never_updated():
    case = random_case(0)
    shapes = (ClosShape(20, 18, 4, 3, 6), ClosShape(18, 11, 4, 2, 3))
    compiled = compile(form(shapes), "3x2", frozen=[1])
    assert any(stage.kind.value == "move" for stage in compiled.stages), case
    queue = compiled.executable.training.loops.queues(1)[2]
    updates = [op["update"] for op in queue if op["kind"] == MacKind.BACK]
    # From the last layer's three stages over the move to the first layer's.
    assert updates == [0, 0, 0, 0, 1, 1, 1]


def test_gradients_never_come_in_parts():
    """Blocks that several others read are moved, in training, not gathered again and again."""
    left, right = ClosShape(8, 8, 2, 2, 1), ClosShape(8, 4, 4, 2, 2)
    slots = hand_in_row(left, right, 1, 2).slots
    assert len(set(slots)) < len(slots)
    plain, training = (place([left, right], 1, 2, training=training) for training in (False, True))
    assert plain[0].handover.moved is None and training[0].handover.moved is not None


@pytest.mark.parametrize("most, sizes", [(None, [7]), (16, [7]), (4, [4, 3]), (2, [2, 2, 2, 1])])
def test_blocks_are_cut_to_fit(most, sizes):
    """All words of all blocks are taken once, and each op's are counted right."""
    compiled = compile(form(), "2x2")
    stage, entry = compiled.stages[1], compiled.plan.entries[0][1][0]
    stage = dataclasses.replace(stage, own=7, sources=stage.sources[..., :1].repeat(14, axis=3))
    ops = back_ops(stage, entry, most)
    assert [op.words for op in ops] == sizes
    walked = [(block, position) for op in ops for block, position in op.walk()]
    assert sorted(position for _, position in walked) == list(range(14))
    assert all(block == position // 7 for block, position in walked)
    for op in ops:
        assert [block for block, _ in op.walk()] == [1] * op.words + [0] * op.words
        assert op.steps == op.reps * 2 * op.words * op.outputs * op.groups


SMALL = {"buffer_words": 16, "weight_words": 16, "bias_words": 2, "max_fan_in": 2, "rep_bits": 4}


@pytest.mark.parametrize("field", ["buffer_words", "weight_words", "bias_words", "rep_bits"])
def test_a_torus_that_is_too_small_is_refused(field):
    net = form((ClosShape(24, 16, 6, 3, 4),))
    config = compile(net, "2x2").config
    assert compile(net, config).config == config
    changes = {field: SMALL[field]}
    if field == "buffer_words":
        changes["max_fan_in"] = 16
    if field == "rep_bits":
        changes["program_words"] = 256
    with pytest.raises(FitError, match=f"{field} must be at least"):
        compile(net, dataclasses.replace(config, **changes))


@pytest.mark.parametrize("field, change, match", [
    ("master_bits", 2, "master_bits must be"), ("velocity_bits", 20, "velocity_bits must be 0"),
    ("min_grad_shift", 1, "min_grad_shift and grad_shift_bits must allow"),
    ("min_update_shift", 1, "min_update_shift and update_shift_bits must allow"),
    ("min_bias_shift", 1, "min_bias_shift and bias_shift_bits must allow"),
])
def test_a_torus_of_other_widths_is_refused(field, change, match):
    net = form()
    config = compile(net, "2x2").config
    training = dataclasses.replace(config.training,
                                   **{field: getattr(config.training, field) + change})
    with pytest.raises(FitError, match=match):
        compile(net, dataclasses.replace(config, training=training))


def test_a_torus_that_only_infers_is_refused():
    with pytest.raises(DriverError, match="torus must be one that trains"):
        compile(form(), TorusConfig(rows=2, cols=2))


def test_the_torus_grows_for_many_results():
    net = form((ClosShape(8, 100, 2, 2, 2),))
    config = compile(net, "1x2").config
    assert config.training.result_words >= 50


def test_same_input_same_result():
    first, second = (compile(form(), "2x2") for _ in range(2))
    assert first.config == second.config
    runs = [one.executable.train_program(5) for one in (first, second)]
    assert runs[0].pe_image == runs[1].pe_image
    assert runs[0].gateway_image == runs[1].gateway_image
