"""The step of a run that each op of its program comes from."""

from collections.abc import Iterable, Sequence

from sw_driver.plan.plan import Plan
from sw_driver.program.loops import expand
from sw_driver.program.program import QUEUE_NAMES, Program, Queues
from sw_driver.schedule.queues import Step

__all__ = ["loading_ops", "names_of_ops", "queue_steps"]


def queue_steps(steps: Iterable[Step]) -> dict[str, list[Step]]:
    """List for each queue the step that each op comes from, with LOOPs carried out."""
    found: dict[str, list[Step]] = {name: [] for name in QUEUE_NAMES}
    for step in steps:
        for name in step.ops:
            found[name].append(step)
    return found


def names_of_ops(plan: Plan, queues: Queues, steps: Sequence[Step]) -> dict[str, dict[int, str]]:
    """Return for each queue the name of the task of each op, by the op's index in the queue."""
    found = queue_steps(steps)
    return {
        name: {
            index: plan.name(step.task)
            for (index, _), step in zip(expand(queue), found[name], strict=True)
        }
        for name, queue in zip(QUEUE_NAMES, queues, strict=True)
    }


def loading_ops(program: Program, queues: Queues) -> dict[str, int]:
    """Count for each queue of a program the ops before a run's own, which load the PEs' program.

    `queues` are the run's own.
    """
    packed = (*queues[:3], *program.gateway)
    return {
        name: len(all_ops) - len(own)
        for name, all_ops, own in zip(QUEUE_NAMES, packed, queues, strict=True)
    }
