"""The compiler for training: from a net's words and their widths to all that a torus needs."""

import dataclasses
from collections.abc import Collection

from golden.fixed.format import MAX_DECAY, TrainingFormat
from golden.fixed.visits import Placement
from hw.config import ConfigError, TorusConfig, TrainingConfig
from sw_driver.check.runs import check_runs, check_training_runs
from sw_driver.compiler import parse_torus
from sw_driver.errors import DriverError
from sw_driver.plan.maps import build_maps
from sw_driver.plan.order import Order, program_order
from sw_driver.plan.placement import LayerPlacement, place
from sw_driver.plan.plan import Plan, check_frozen, last_backward, make_plan
from sw_driver.plan.stages import Requantised, Stage, build_stages
from sw_driver.plan.tasks import list_tasks, task_order
from sw_driver.plan.training_fit import check_training_fit, grown_for_training, measure_training
from sw_driver.plan.visits import build_placement
from sw_driver.program.executable import Executable, TrainingRuns
from sw_driver.program.host_words import HostWords
from sw_driver.program.sample_loop import SampleLoop, SampleLoops, find_sample_loops
from sw_driver.schedule.queues import build_queues
from sw_driver.schedule.scheduler import schedule

__all__ = ["CompiledTraining", "compile_training"]


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class CompiledTraining:
    """A net, and how a torus trains it.

    Parameters
    ----------
    format
        Widths and fraction bits of the net's words, with the torus's `bias_bits`.
    executable
        What the torus runs: configuration, programs, host words.
    layers
        Where the blocks of each layer lie.
    plan
        The ops of a run that trains.
    placement
        Where and when every weight is visited, for `golden.FixedTrainingNet`.
    momentum
        n, if accumulated gradients lose a 2**-n-th part per batch; None if they begin with nothing.
    batches
        Whether a run is one batch; else every sample is one of its own.
    """

    format: TrainingFormat
    executable: Executable
    layers: tuple[LayerPlacement, ...]
    plan: Plan
    placement: Placement
    momentum: int | None
    batches: bool

    def __repr__(self) -> str:
        """Say in a few lines what is compiled for what."""
        config, form = self.config, self.format
        shapes = ", ".join(map(str, form.shapes))
        return (
            f"<{type(self).__name__}: layers {shapes}\n"
            f"  {form.act_bits}-bit activations, {form.weight_bits}-bit weights, "
            f"{form.master_bits}-bit stored weights, {form.grad_bits}-bit gradients\n"
            f"  on a {config.rows}x{config.cols} torus that trains, hardware id "
            f"{config.hardware_id:016x}>"
        )

    @property
    def config(self) -> TorusConfig:
        """The torus that the net is compiled for."""
        return self.executable.config

    @property
    def stages(self) -> tuple[Stage, ...]:
        """In the order in which a sample passes them."""
        return self.plan.stages

    @property
    def frozen(self) -> frozenset[int]:
        """Layers that do not change."""
        return self.plan.frozen

    @property
    def input_gradient(self) -> bool:
        """Whether the host gets the gradient of its inputs."""
        return self.plan.input_gradient


def compile_training(
    form: TrainingFormat,
    torus: str | tuple[int, int] | TorusConfig,
    *,
    batches: bool = False,
    momentum: int | None = None,
    frozen: Collection[int] = (),
    input_gradient: bool = False,
    order: str | Order | None = None,
    host_bits: int = 64,
) -> CompiledTraining:
    """Compile the training of a net for a torus.

    Parameters
    ----------
    form
        The layers, and widths and fraction bits of all words; `golden` proposes one.
    torus
        "RxC" or (R, C), for a torus whose memories are made large enough; or a configuration, into
        which the net must fit.
    batches
        Whether a run of any number of samples is one batch, whose gradients are accumulated before
        any weight changes; else every sample is a batch of its own.
    momentum
        n for a momentum of 1 - 2**-n, 1 to 14; None for none.
    frozen
        Layers that do not change.
    input_gradient
        Whether the host wants the gradient of the net's inputs.
    order
        One of `ORDERS`, or an order of `list_tasks`; by default "interleaved" in batches, else
        "program", the only one that samples on their own can have.
    host_bits
        Width of a host beat, if `torus` is no configuration.

    Raises
    ------
    DriverError
        If an argument is not as said here, or the net does not fit the torus.
    """
    if not isinstance(form, TrainingFormat):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise DriverError(
            "form must be a TrainingFormat, such as golden.propose_format makes of a model and its "
            f"data, not a {type(form).__name__}"
        )
    _check_options(form, batches, momentum)
    check_frozen(frozen, len(form.layers), input_gradient=input_gradient)
    grow = not isinstance(torus, TorusConfig)
    config = _given_torus(form, torus, host_bits)
    training = config.training
    if training is None:
        raise DriverError("torus must be one that trains: its configuration has no training part")

    layers = place(form.shapes, config.rows, config.cols, training=True)
    requantised = [
        Requantised(shifts.forward, layer.relu)
        for shifts, layer in zip(form.shifts, form.layers, strict=True)
    ]
    stages = build_stages(layers, requantised, form.weight_bits, config.rows, config.cols)
    # What is stored has more lower bits than what is multiplied.
    maps = build_maps(form.shapes, stages, one=1 << form.dropped_bits, trains=True)
    last = last_backward(stages, frozen, input_gradient=input_gradient)
    tasks = list_tasks(len(stages), last)
    if order is None:
        order = "interleaved" if batches else "program"
    if isinstance(order, str):
        order = task_order(order, tasks)
    if sorted(order) != list(range(len(tasks))):
        raise DriverError(f"order must be a permutation of 0 to {len(tasks) - 1}, not {order}")
    if not batches and order != program_order(len(tasks)):
        raise DriverError(
            "order must be 'program' where every sample is a batch of its own, since its weights "
            "are those that the sample before left"
        )
    plan = make_plan(
        stages,
        order,
        tasks,
        form=form,
        reduce_words=training.reduce_words,
        input_gradient=input_gradient,
        frozen=frozen,
    )
    forward_tasks = list_tasks(len(stages), None)
    forward = make_plan(stages, program_order(len(forward_tasks)), forward_tasks, form=form)

    needs, more = measure_training(config, plan, maps)
    if grow:
        try:
            config = grown_for_training(config, form, needs, more)
        except ConfigError as error:
            raise _too_large(error) from error
    check_training_fit(config, form, needs, more)
    loops = _loops(config, plan, forward, momentum, batches)
    if grow:
        words = max(found.program_words(config) for found in loops)
        try:
            large = grown_for_training(config, form, needs, more, words)
        except ConfigError as error:
            raise _too_large(error) from error
        if large != config:
            config = large
            loops = _loops(config, plan, forward, momentum, batches)
    form = dataclasses.replace(form, bias_bits=config.bias_bits)
    plan = dataclasses.replace(plan, training_form=form)
    training_loops, loop = loops
    check_training_runs(config, plan, training_loops)
    check_runs(config, loop)
    runs = TrainingRuns(plan, maps, training_loops)
    executable = Executable(config, HostWords.of(plan), loop, trained=runs)
    return CompiledTraining(
        format=form,
        executable=executable,
        layers=layers,
        plan=plan,
        placement=build_placement(plan, maps),
        momentum=momentum,
        batches=batches,
    )


def _too_large(error: ConfigError) -> DriverError:
    return DriverError(f"the net is too large for any torus of this size: {error}")


def _check_options(form: TrainingFormat, batches: bool, momentum: int | None) -> None:
    if momentum is not None and (type(momentum) is not int or not 1 <= momentum <= MAX_DECAY):
        raise DriverError(f"momentum must be 1 to {MAX_DECAY}, or None, not {momentum!r}")
    if (batches or momentum is not None) and not form.velocity_bits:
        raise DriverError(
            "velocity_bits must be at least 16 for batches and momentum, which accumulate "
            "gradients, not 0"
        )


def _given_torus(
    form: TrainingFormat, torus: str | tuple[int, int] | TorusConfig, host_bits: int
) -> TorusConfig:
    if isinstance(torus, TorusConfig):
        return torus
    rows, cols = parse_torus(torus)
    try:
        return TorusConfig(
            rows=rows,
            cols=cols,
            act_bits=form.act_bits,
            weight_bits=form.weight_bits,
            host_bits=host_bits,
            training=TrainingConfig(
                master_bits=form.master_bits,
                grad_bits=form.grad_bits,
                velocity_bits=form.velocity_bits,
            ),
        )
    except ConfigError as error:
        raise DriverError(str(error)) from error


def _loops(
    config: TorusConfig, plan: Plan, forward: Plan, momentum: int | None, batches: bool
) -> tuple[SampleLoops, SampleLoop]:
    """The runs that train, and those that only compute outputs."""

    def loops(plan: Plan, one_batch: bool) -> SampleLoops:
        return find_sample_loops(
            lambda samples: build_queues(
                config, schedule(config, plan, samples, momentum=momentum, one_batch=one_batch)
            ),
            plan.period,
            most_flat=2 * len(plan.tasks) + 2,
        )

    return loops(plan, batches), loops(forward, False).loops[0]


