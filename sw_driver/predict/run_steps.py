"""Which step of a run each op of its programs comes from."""

from collections.abc import Iterable, Sequence

from sw_driver.plan.plan import Plan
from sw_driver.program.loops import expand
from sw_driver.program.program import QUEUE_NAMES, Program, Queues
from sw_driver.schedule.queues import Step

__all__ = ["loading_ops", "names_of_ops", "queue_steps"]


def queue_steps(steps: Iterable[Step]) -> dict[str, list[Step]]:
    """The step that each op of a run comes from, by queue, loops carried out."""
    found: dict[str, list[Step]] = {name: [] for name in QUEUE_NAMES}
    for step in steps:
        for name in step.ops:
            found[name].append(step)
    return found


def names_of_ops(plan: Plan, queues: Queues, steps: Sequence[Step]) -> dict[str, dict[int, str]]:
    """Names of tasks, by queue and by an op's index in the queues of a run."""
    found = queue_steps(steps)
    return {
        name: {
            index: plan.name(step.task)
            for (index, _), step in zip(expand(queue), found[name], strict=True)
        }
        for name, queue in zip(QUEUE_NAMES, queues, strict=True)
    }


def loading_ops(program: Program, queues: Queues) -> dict[str, int]:
    """How many ops of each queue of a program stand before a run's own: they load the PEs' program.

    `queues` are those of the run.
    """
    packed = (*queues[:3], *program.gateway)
    return {
        name: len(all_ops) - len(own)
        for name, all_ops, own in zip(QUEUE_NAMES, packed, queues, strict=True)
    }
