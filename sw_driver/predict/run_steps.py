"""Which step of a net each op of its programs comes from."""

from collections.abc import Iterable, Sequence

from hw.op_fields import GATEWAY_QUEUES, PE_QUEUES
from sw_driver.plan.entries import Entry
from sw_driver.plan.order import Order
from sw_driver.plan.stages import Stage
from sw_driver.program.loops import expand
from sw_driver.program.sample_loop import SampleLoop
from sw_driver.schedule.scheduler import Step, schedule_steps

__all__ = ["QUEUE_NAMES", "queue_steps", "stage_of_ops"]

QUEUE_NAMES = (*PE_QUEUES, *GATEWAY_QUEUES)
"""All queues of a program, in the order of `sw_driver.program.program.Queues`."""


def queue_steps(stages: Sequence[Stage], steps: Iterable[Step]) -> dict[str, list[Step]]:
    """The step that each op of a run comes from, by queue, loops carried out."""
    found: dict[str, list[Step]] = {name: [] for name in QUEUE_NAMES}
    for step in steps:
        stage = stages[step.entry.stage]
        names = ["col"] if stage.on_columns else ["row", "ring"]
        names.append("mac" if stage.outputs else "host_out")
        if stage.from_host:
            names.append("host_in")
        for name in names:
            found[name].append(step)
    return found


def stage_of_ops(
    stages: Sequence[Stage], entries: Sequence[Sequence[Entry]], order: Order, loop: SampleLoop
) -> dict[str, dict[int, str]]:
    """Names of stages, by queue and by an op's index in a long run of a net."""
    samples = len(loop.flat) + 2  # The fewest with a LOOP.
    queues = dict(zip(QUEUE_NAMES, loop.queues(samples), strict=True))
    steps = queue_steps(stages, schedule_steps(stages, entries, order, samples))
    return {
        name: {
            index: stages[step.entry.stage].name
            for (index, _), step in zip(expand(queues[name]), steps[name], strict=True)
        }
        for name in QUEUE_NAMES
    }
