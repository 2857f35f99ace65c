"""Whether a net can train on a torus, and which torus it could train on."""

import dataclasses

from golden.fixed.format import TrainingFormat
from hw.config import TorusConfig, TrainingConfig
from sw_driver.errors import FitError
from sw_driver.plan.fit import Needs, check_fit, grown, some_torus
from sw_driver.plan.halvings import MOST_HALVINGS
from sw_driver.plan.maps import Maps
from sw_driver.plan.plan import Plan
from sw_driver.plan.tasks import Direction

__all__ = ["TrainingNeeds", "check_training_fit", "grown_for_training", "measure_training"]

_SAMPLES_COUNTED = 2  # See `sw_driver.plan.fit.measure`.


@dataclasses.dataclass(frozen=True)
class TrainingNeeds:
    """What a placed net needs of a torus to train, beside `Needs`.

    `result_words` is a depth as in `TrainingConfig`, `gradient_rows` the rows of gradients of the
    largest repetition backwards; each of the others is the least and the largest shift that the net
    has.
    """

    result_words: int
    gradient_rows: int
    grad_shift: tuple[int, int]
    update_shift: tuple[int, int]
    bias_shift: tuple[int, int]
    error_shift: int | None


def measure_training(
    config: TorusConfig, plan: Plan, maps: Maps
) -> tuple[Needs, TrainingNeeds]:
    """Add up what a plan needs of a torus; `config` has its size and the widths of its words."""
    form, stages = plan.form, plan.stages
    working = range(len(stages) - 1)
    sums = [stages[index] for index in working]
    passed = [task.stage for task in plan.tasks if task.direction is Direction.BACKWARD]
    fan_in = max(stage.words for stage in sums)
    gradient_fan_in = 0
    for index in passed:
        if plan.reduces(index):
            ring = config.rows if stages[index].on_columns else config.cols
            op = plan.backs[0][index][0]
            gradient_fan_in = max(gradient_fan_in, op.outputs * op.groups * ring)
    chunks = max(config.weight_chunks, config.bias_record_chunks, config.lfsr_chunks)
    backs = [op for index in passed for op in plan.backs[0][index]]
    entries = [entry for cut in plan.entries[0] for entry in cut]
    # What counters may count for one sample: repetitions, results and gradients.
    counted = sum(stage.reps * max(stage.outputs, 1) for stage in stages) + 1
    counted += sum(op.reps * op.words for op in backs)
    needs = Needs(
        act_bits=form.act_bits,
        weight_bits=form.weight_bits,
        buffer_words=max(plan.buffers.row, plan.buffers.col, fan_in, config.cols * chunks),
        weight_words=maps.weights.index.shape[2],
        bias_words=maps.biases.index.shape[2],
        max_fan_in=max(fan_in, gradient_fan_in),
        rep_bits=max(
            (max(entry.reps for entry in entries) - 1).bit_length(),
            ((_SAMPLES_COUNTED + max(plan.copies) - 1) * counted).bit_length(),
        ),
        bias_bits=form.bias_bits,
        min_shift=min(stage.shift for stage in sums),
        max_shift=max(stage.shift for stage in sums),
        word_steps=0,
        leaky=0,
        bounded=0,
    )
    grads = [
        plan.gradient_shift(index)
        for index in passed
        if plan.reduces(index) and not stages[index].from_host
    ]
    updates = [plan.update_shift(index) for index in passed if plan.updates(index)]
    biases = [
        plan.bias_shift(index)
        for index in passed
        if plan.updates_biases(index)
    ]
    return needs, TrainingNeeds(
        # Targets come when those of the sample before have all been taken.
        result_words=(1 if plan.with_targets else plan.copies[-1]) * plan.gradient_words,
        gradient_rows=max(op.rows for op in backs),
        grad_shift=_range(grads),
        update_shift=_range(updates),
        bias_shift=_range(biases),
        error_shift=form.error_shift,
    )


def _range(values: list[int]) -> tuple[int, int]:
    return min(values, default=0), max(values, default=0)


_SHIFTS = ("grad_shift", "update_shift", "bias_shift")


def check_training_fit(
    config: TorusConfig, form: TrainingFormat, needs: Needs, more: TrainingNeeds
) -> None:
    """Refuse a net that a torus cannot train.

    Raises
    ------
    FitError
        The message names the field, what the net needs of it, and what the torus has.
    """
    training = config.training
    if training is None:
        raise FitError("training must be a TrainingConfig for a torus that trains, not None")
    check_fit(config, needs)
    for name, has, wanted in (
        ("weight_bits", config.weight_bits, form.weight_bits),
        ("master_bits", training.master_bits, form.master_bits),
        ("grad_bits", training.grad_bits, form.grad_bits),
        ("velocity_bits", training.velocity_bits, form.velocity_bits),
    ):
        if has != wanted:
            raise FitError(f"{name} must be {wanted}, as training was laid out for, not {has}")
    if training.result_words < more.result_words:
        raise FitError(
            f"result_words must be at least {more.result_words} for this net on a "
            f"{config.rows}x{config.cols} torus, not {training.result_words}"
        )
    if config.lanes_out > 1 and training.gradient_rows < more.gradient_rows:
        raise FitError(
            f"gradient_rows must be at least {more.gradient_rows} for this net on a "
            f"{config.rows}x{config.cols} torus with lanes_out = {config.lanes_out}, "
            f"not {training.gradient_rows}"
        )
    _check_targets(training, more)
    for name in _SHIFTS:
        low, high = getattr(more, name)
        least = getattr(training, f"min_{name}")
        most = getattr(training, f"max_{name}")
        if low < least or high > most:
            raise FitError(
                f"min_{name} and {name}_bits must allow {low} to {high} for this net, "
                f"not {least} to {most}"
            )


def _check_targets(training: TrainingConfig, more: TrainingNeeds) -> None:
    if more.error_shift is None:
        return
    if not training.targets:
        raise FitError("targets must be 1 for a net with an error_shift, not 0")
    least, most = training.min_grad_shift, training.max_grad_shift
    if not least <= training.target_gain_bits + more.error_shift <= most:
        raise FitError(
            f"target_gain_bits must be {least - more.error_shift} to {most - more.error_shift} for "
            f"an error_shift of {more.error_shift}, not {training.target_gain_bits}"
        )


def grown_for_training(
    config: TorusConfig,
    form: TrainingFormat,
    needs: Needs,
    more: TrainingNeeds,
    program_words: int = 0,
) -> TorusConfig:
    """Enlarge the fields of a configuration that are too small; the shifts become those of the net.

    Raises
    ------
    FitError
        If a field would have to be larger than any torus has, or a width is not that of the net.
    """
    training = config.training
    if training is None:
        raise FitError("training must be a TrainingConfig for a torus that trains, not None")
    shifts: dict[str, int] = {}
    grad_shift, error = more.grad_shift, more.error_shift
    if error is not None:
        # The gain brings the shift of an error into the range of the others, if it can.
        gain = max(grad_shift[0] - error, 0)
        shifts |= {"targets": 1, "target_gain_bits": gain}
        grad_shift = (
            min(grad_shift[0], gain + error),
            max(grad_shift[1], gain + error + MOST_HALVINGS),
        )
    for name in _SHIFTS:
        low, high = grad_shift if name == "grad_shift" else getattr(more, name)
        shifts[f"min_{name}"] = low
        shifts[f"{name}_bits"] = max((high - low).bit_length(), 1)
    if config.lanes_out > 1:
        # Room for a repetition, and for as much of the ones after it.
        rows = 1 << (2 * more.gradient_rows - 1).bit_length()
        shifts["gradient_rows"] = max(training.gradient_rows, rows)
    with some_torus():
        config = dataclasses.replace(
            config,
            training=dataclasses.replace(
                training, result_words=max(training.result_words, more.result_words), **shifts
            ),
        )
    config = grown(config, needs, program_words)
    check_training_fit(config, form, needs, more)
    return config
