"""Plans of runs that only compute outputs, in one order or another."""

import dataclasses
from collections.abc import Sequence

from golden.fixed.format import TrainingFormat
from sw_driver.plan.order import ExtraTurns, Order, program_order
from sw_driver.plan.plan import Plan, make_plan
from sw_driver.plan.stage import Stage
from sw_driver.plan.tasks import list_tasks

__all__ = ["plan_forward", "reordered"]


def plan_forward(
    stages: Sequence[Stage],
    form: TrainingFormat | None = None,
    *,
    order: Order | None = None,
    extra_turns: ExtraTurns = (),
) -> Plan:
    """Plan runs that only compute outputs; see `Plan` for `form` and the extra turns.

    Without an order, one sample comes after the other.
    """
    tasks = list_tasks(len(stages), None)
    order = program_order(len(tasks)) if order is None else order
    return make_plan(stages, order, tasks, extra_turns=extra_turns, form=form)


def reordered(plan: Plan, order: Order, extra_turns: ExtraTurns = ()) -> Plan:
    """Plan the runs of `plan`, which only compute outputs, in another order.

    Stages with extra turns get a second region for each word that they read.
    """
    if not (any(extra_turns) or any(plan.extra_turns)):
        return dataclasses.replace(plan, order=order)  # Its regions are the same.
    return plan_forward(plan.stages, plan.training_form, order=order, extra_turns=extra_turns)
