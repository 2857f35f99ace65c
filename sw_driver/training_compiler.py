"""The compiler of a net to be trained: from its words and their widths to all it needs."""

import dataclasses
from collections.abc import Collection, Sequence

from golden.fixed.finish import Finish
from golden.fixed.format import MAX_DECAY, TrainingFormat
from hw.config import TorusConfig
from sw_driver.check.runs import check_runs, check_training_runs
from sw_driver.compiled import Compiled, TrainedNet
from sw_driver.errors import DriverError
from sw_driver.plan.forward import plan_forward
from sw_driver.plan.mac_lanes import MacLanes
from sw_driver.plan.maps import build_maps
from sw_driver.plan.order import Order, program_order
from sw_driver.plan.placement import place
from sw_driver.plan.plan import check_frozen, last_backward, make_plan
from sw_driver.plan.requantised import Requantised
from sw_driver.plan.stage import Stage
from sw_driver.plan.stages import build_stages
from sw_driver.plan.tasks import Task, list_tasks, stale_order, task_order
from sw_driver.plan.training_fit import check_training_fit, grown_for_training, measure_training
from sw_driver.plan.visits import build_placement, staleness_of
from sw_driver.program.executable import Executable, TrainingRuns
from sw_driver.program.host_words import HostWords
from sw_driver.program.sample_loop import SampleLoops
from sw_driver.schedule.loops import schedule_loops
from sw_driver.torus import given_torus

__all__ = ["compile_format"]


def compile_format(
    form: TrainingFormat,
    torus: str | tuple[int, int] | TorusConfig,
    *,
    batches: bool = False,
    momentum: int | None = None,
    frozen: Collection[int] = (),
    input_gradient: bool = False,
    stale: bool = False,
    order: str | Order | None = None,
    host_bits: int = 64,
    lanes_out: int = 1,
    checks: int = 0,
) -> Compiled:
    """Compile the training of a net for a torus.

    Parameters and errors are those of `sw_driver.compiler.compile`.
    """
    _check_options(form, batches, momentum, input_gradient, stale)
    check_frozen(frozen, len(form.layers), input_gradient=input_gradient)
    grow = not isinstance(torus, TorusConfig)
    widths = {name: getattr(form, name) for name in ("master_bits", "grad_bits", "velocity_bits")}
    config = given_torus(torus, form.act_bits, form.weight_bits, host_bits, widths,
                         lanes_out=lanes_out, checks=checks)  # fmt: skip
    lanes = MacLanes.of(config)
    training = config.training
    if training is None:
        raise DriverError("torus must be one that trains: its configuration has no training part")

    layers = place(form.shapes, config.rows, config.cols, training=True, lanes=lanes)
    requantised = [
        Requantised(shifts.forward, Finish(layer.relu), sum(layer.gains))
        for shifts, layer in zip(form.shifts, form.layers, strict=True)
    ]
    stages = build_stages(
        layers, requantised, form.weight_bits, config.rows, config.cols, lanes
    )
    # What is stored has more lower bits than what is multiplied.
    maps = build_maps(form.shapes, stages, one=1 << form.dropped_bits, trains=True)
    last = last_backward(stages, frozen, input_gradient=input_gradient)
    with_targets = form.error_shift is not None
    tasks = list_tasks(len(stages), last, with_targets=with_targets)
    order = _given_order(order, tasks, stages, batches and not with_targets, stale)
    plan = make_plan(
        stages,
        order,
        tasks,
        form=form,
        reduce_words=training.reduce_words,
        input_gradient=input_gradient,
        frozen=frozen,
    )
    forward = plan_forward(stages, form)

    def scheduled() -> tuple[SampleLoops, SampleLoops]:
        """The runs that train, and those that only compute outputs."""
        training = schedule_loops(config, plan, momentum=momentum, one_batch=batches)
        return training, schedule_loops(config, forward)

    needs, more = measure_training(config, plan, maps)
    if grow:
        config = grown_for_training(config, form, needs, more)
    check_training_fit(config, form, needs, more)
    loops = scheduled()
    if grow:
        words = max(found.program_words(config) for found in loops)
        large = grown_for_training(config, form, needs, more, words)
        if large != config:
            config = large
            loops = scheduled()
    form = dataclasses.replace(form, bias_bits=config.bias_bits)
    plan = dataclasses.replace(plan, training_form=form)
    training_loops, loop = loops
    check_training_runs(config, plan, training_loops)
    check_runs(config, loop)
    runs = TrainingRuns(plan, maps, training_loops)
    executable = Executable(config, HostWords.of(plan), loop, training_runs=runs)
    staleness = staleness_of(plan) if stale else None
    trained = TrainedNet(form, build_placement(plan, maps), momentum, batches, staleness)
    return Compiled(source=trained, executable=executable, layers=layers, plan=plan)


def _given_order(
    order: str | Order | None,
    tasks: Sequence[Task],
    stages: Sequence[Stage],
    batches: bool,
    stale: bool,
) -> Order:
    if stale:
        if order is not None:
            raise DriverError(f"order must be left out with stale, which has its own, not {order}")
        return stale_order(tasks, on_columns=len(stages) == 2 or stages[1].on_columns)
    if order is None:
        order = "interleaved" if batches else "program"
    if isinstance(order, str):
        order = task_order(order, tasks)
    listed = isinstance(order, Sequence)  # pyright: ignore[reportUnnecessaryIsInstance]
    given = tuple(order) if listed else ()
    if len(given) != len(tasks) or any(number not in given for number in range(len(tasks))):
        raise DriverError(f"order must be a permutation of 0 to {len(tasks) - 1}, not {order}")
    if not batches and given != program_order(len(tasks)):
        raise DriverError(
            "order must be 'program' where every sample is a batch of its own, since its weights "
            "are those that the sample before left, unless stale is True, and where targets are "
            "sent, since a result and a gradient that lands would meet"
        )
    return given


def _check_options(
    form: TrainingFormat, batches: bool, momentum: int | None, input_gradient: bool, stale: bool
) -> None:
    flags = {"batches": batches, "input_gradient": input_gradient, "stale": stale}
    for name, value in flags.items():
        if type(value) is not bool:
            raise DriverError(f"{name} must be True or False, not {value!r}")
    if stale and batches:
        raise DriverError(
            "stale must be False with batches, whose samples all see the weights that the batch "
            "before left"
        )
    if momentum is not None and (type(momentum) is not int or not 1 <= momentum <= MAX_DECAY):
        raise DriverError(f"momentum must be 1 to {MAX_DECAY}, or None, not {momentum!r}")
    if (batches or momentum is not None) and not form.velocity_bits:
        raise DriverError(
            "velocity_bits must be at least 16 for batches and momentum, which accumulate "
            "gradients, not 0"
        )
