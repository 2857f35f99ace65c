"""The order in which a host sends and receives what belongs to the samples of a run."""

import enum
from collections.abc import Iterator

from sw_driver.plan.order import instances
from sw_driver.plan.plan import Plan
from sw_driver.plan.tasks import Direction

__all__ = ["HostPart", "host_order"]


class HostPart(enum.Enum):
    """What passes between host and torus for one sample."""

    INPUTS = "inputs"  # They go to the torus.
    OUTPUTS = "outputs"  # They go to the host.
    GRADIENT = "gradient"  # The gradient of the outputs goes to the torus.
    SUMS = "sums"  # The gradient of the inputs goes to the host.


def host_order(plan: Plan, samples: int) -> Iterator[tuple[HostPart, int]]:
    """List what passes between host and torus in a run, and for which sample, in order."""
    for number, sample in instances(plan.order, samples, plan.extra_turns):
        task = plan.tasks[number]
        if task.direction is Direction.GRADIENT:
            yield HostPart.GRADIENT, sample
        elif task.direction is Direction.FORWARD and task.stage == len(plan.stages) - 1:
            yield HostPart.OUTPUTS, sample
        elif task.direction is Direction.FORWARD and task.stage == 0:
            yield HostPart.INPUTS, sample
        elif task.stage == 0 and plan.input_gradient:
            yield HostPart.SUMS, sample
