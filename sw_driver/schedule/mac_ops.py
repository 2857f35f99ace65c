"""The fields of RUN and BACK ops that follow from the plan alone, not from what an op waits for."""

from hw.config import TorusConfig
from hw.op_fields import Axis, MacKind
from sw_driver.errors import ProgramError
from sw_driver.plan.back import Back
from sw_driver.plan.entries import Entry
from sw_driver.plan.plan import Plan
from sw_driver.plan.stage import Stage
from sw_driver.program.image import Op
from sw_driver.program.target_ops import target_fields

__all__ = ["back_op", "run_op"]


def run_op(config: TorusConfig, plan: Plan, index: int, entry: Entry, need_free: int) -> Op:
    """Write the RUN op of an entry of stage `index`; the caller adds a `fence`."""
    stage = plan.stages[index]
    wrap = 1 << config.addr_bits
    word_step = max(stage.word_step, config.lanes_in)
    skipping = {"word_step": word_step} if config.word_steps else {}
    return {
        "kind": MacKind.RUN.value,
        "axis": _axis(stage),
        "dest": _axis(plan.stages[index + 1]),
        "reps": entry.reps - 1,
        "last_word": (stage.steps - 1) * word_step,
        **_sums(config, stage),
        "x_base": entry.base,
        "x_stride": entry.stride % wrap,
        "w_base": entry.w_base,
        "bias": int(stage.biases),
        "b_base": entry.b_base if stage.biases else 0,
        "y_base": entry.y_base,
        "y_stride": entry.y_stride % wrap,
        "y_rep_stride": entry.y_rep_stride % wrap,
        "shift": stage.shift - config.min_shift,
        "relu": int(stage.finish.relu),
        "need_free": need_free,
        **skipping,
        **_finish_options(config, stage),
        **_target_options(config, plan, index),
    }


def _sums(config: TorusConfig, stage: Stage) -> Op:
    """How many sums a repetition makes, and how many of them at once."""
    if config.lanes_out == 1:
        return {"last_output": stage.outputs - 1}
    return {
        "last_walk": stage.walks - 1,
        "last_rest": (stage.outputs - 1) % config.lanes_out,
    }


def _target_options(config: TorusConfig, plan: Plan, index: int) -> Op:
    """What makes a gradient of every result of the net."""
    if not (plan.with_targets and index + 2 == len(plan.stages)):
        return {}
    return target_fields(config, plan.form.error_shift or 0)


def _finish_options(config: TorusConfig, stage: Stage) -> Op:
    """What a torus with more than ReLUs is told of every stage."""
    found: Op = {}
    if config.leaky:
        found["negative_shift"] = stage.shift + stage.finish.leak_shift - config.min_shift
    if config.bounded:
        whole = 1 << config.act_bits
        low, high = stage.finish.bounds or (whole // 2, whole // 2 - 1)
        found |= {"low": low % whole, "high": high % whole}
    return found


def back_op(config: TorusConfig, plan: Plan, index: int, op: Back, sample: int) -> Op:
    """Write a BACK op of stage `index`.

    The caller adds what it waits for, its `fence`, and how its updates begin and end (`decay` and
    `apply`).
    """
    stage, following = plan.stages[index], plan.stages[index + 1]
    entry, training = op.entry, config.training
    if training is None:
        raise ProgramError("a BACK op needs a torus that trains, with a TrainingConfig")
    from_host = index + 2 == len(plan.stages) and not plan.with_targets
    reduces, updates = plan.reduces(index), plan.updates(index)
    group_stride = op.group_stride
    wrap = 1 << config.addr_bits
    y_base, y_rep_stride = entry.y_base, entry.y_rep_stride
    if from_host:
        # In the memory of the host's gradients the own words of the result's regions lie one behind
        # the other.
        blocks = [region for (region,) in entry.written]
        y_base = plan.copy(index + 1, sample) * plan.gradient_words + blocks[0] * following.own
        y_rep_stride = (blocks[-1] - blocks[0]) // max(len(blocks) - 1, 1) * following.own
        group_stride = y_rep_stride if op.groups > 1 else 0
    mac: Op = {
        "kind": MacKind.BACK.value,
        "axis": _axis(stage),
        "dest": _axis(following),
        "reps": op.reps - 1,
        "last_word": op.words - 1,
        "last_block": op.blocks - 1,
        "block_jump": op.jump,
        **_sums(config, stage),
        "last_group": op.groups - 1,
        "group_stride": group_stride % wrap,
        "x_base": entry.base + op.first,
        "x_stride": entry.stride % wrap if op.reps > 1 else 0,
        "w_base": entry.w_base + op.first,
        "w_step": op.fan_in,
        "w_stride": op.weight_stride if op.reps > 1 else 0,
        "y_base": y_base,
        "y_stride": entry.y_stride % wrap,
        "y_rep_stride": y_rep_stride % wrap if op.reps > 1 else 0,
        "reduce": int(reduces),
        "host": int(stage.from_host),
        "from_host": int(from_host),
        "update": int(updates),
    }
    if reduces and not stage.from_host:
        mac["shift"] = plan.gradient_shift(index) - training.min_grad_shift
        mac["relu"] = int(plan.masks(index))
    if updates:
        mac["update_shift"] = plan.update_shift(index) - training.min_update_shift
    if op.biases and plan.updates_biases(index):
        mac["bias"], mac["b_base"] = 1, entry.b_base
        mac["bias_shift"] = plan.bias_shift(index) - training.min_bias_shift
    return mac


def _axis(stage: Stage) -> int:
    return (Axis.COL if stage.on_columns else Axis.ROW).value
