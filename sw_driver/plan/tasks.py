"""The tasks of a sample on a torus, and orders in which the tasks of successive samples follow.

A sample passes the stages of the net forwards, and its outputs go to the host. On a torus that
trains, the gradient of the outputs comes back, and the sample passes the stages backwards. An order
is a permutation of these tasks, as in `sw_driver.plan.order`: a task that stands in it before the
task that it follows works on the sample before.

Not every order can do with one region per word: a stage that starts an extra turn later reads its
inputs after the next sample has come, and where a torus trains, the way back reads them again.
`copies` counts how many samples' words must be there at once. That sample s uses copy s mod copies
makes a program regular after that many samples.
"""

import dataclasses
import enum
import math
from collections.abc import Sequence

from sw_driver.errors import DriverError
from sw_driver.plan.order import ExtraTurns, Order, delays, program_order

__all__ = [
    "ORDERS",
    "Direction",
    "Task",
    "copies",
    "list_tasks",
    "period",
    "reads_stale",
    "stale_order",
    "task_order",
]

ORDERS = ("program", "interleaved")


class Direction(enum.Enum):
    """Which way a task goes through its stage."""

    FORWARD = "forward"
    GRADIENT = "gradient"  # It, or what makes it, comes from the host to the stage of outputs.
    BACKWARD = "backward"


@dataclasses.dataclass(frozen=True)
class Task:
    """One stage of a sample, forwards or backwards, or the gradient that comes from the host."""

    direction: Direction
    stage: int


def list_tasks(
    stages: int, last_backward: int | None, *, with_targets: bool = False
) -> tuple[Task, ...]:
    """List the tasks of a sample.

    Parameters
    ----------
    stages
        Number of stages of the net, with the one that gives the outputs to the host.
    last_backward
        The stage that the way back ends with; None if there is none.
    with_targets
        Whether the host sends targets before the inputs, in the place of gradients.
    """
    tasks = [Task(Direction.FORWARD, stage) for stage in range(stages)]
    if last_backward is not None:
        tasks.insert(0 if with_targets else stages, Task(Direction.GRADIENT, stages - 1))
        tasks += [
            Task(Direction.BACKWARD, stage) for stage in range(stages - 2, last_backward - 1, -1)
        ]
    return tuple(tasks)


def task_order(name: str, tasks: Sequence[Task]) -> Order:
    """Return a known order of tasks.

    Parameters
    ----------
    name
        "program" takes one sample after the other. "interleaved" has the way back of each sample
        beside the way forward of the next one, stage for stage, and between the two ways of a
        sample the host has time to answer.
    tasks
        The tasks of a sample, from `list_tasks`.

    Raises
    ------
    DriverError
        If there is no such order.
    """
    if name not in ORDERS:
        raise DriverError(f"order must be one of {', '.join(ORDERS)}, not {name!r}")
    if name == "program":
        return program_order(len(tasks))
    *forward, result = _those(tasks, Direction.FORWARD)
    backward = _those(tasks, Direction.BACKWARD)
    order: list[int] = []
    for index, task in enumerate(forward):
        order.append(task)
        order += [result] if index == len(forward) - 1 else []
        order += backward[index : index + 1]
    return (*order, *_those(tasks, Direction.GRADIENT))


def stale_order(tasks: Sequence[Task], *, on_columns: bool = True) -> Order:
    """Return the order in which samples on their own train stale by one: "interleaved".

    Targets of a sample come first. What is compared with them may not meet a gradient that lands in
    the rows, for these have one shifter. The way back up to stage 1 is over by then, and stage 0
    leaves none there. Where the gradients of stage 1 may still land, the comparison comes after
    stage 0, which waits for them.

    Parameters
    ----------
    tasks
        The tasks of a sample, from `list_tasks`.
    on_columns
        Whether stage 1 gathers on the columns, where its gradients land.
    """
    if tasks[0].direction is not Direction.GRADIENT:
        return task_order("interleaved", tasks)
    *forward, last, result = _those(tasks, Direction.FORWARD)
    backward = _those(tasks, Direction.BACKWARD)
    order = _those(tasks, Direction.GRADIENT)
    if not forward:
        return (*order, last, *backward, result)
    for index, task in enumerate(forward):
        order += [task, *backward[index : index + 1]]
    rest = backward[len(forward) :]
    return (*order, last, result, *rest) if on_columns else (*order, *rest, last, result)


def reads_stale(tasks: Sequence[Task], order: Order, stage: int) -> bool:
    """Whether a sample passes a stage before the sample before it has gone back through it.

    It then sees weights that do not yet have the change of the sample before. Any earlier change
    they have, in the orders of `stale_order`.
    """
    number = {task: index for index, task in enumerate(tasks)}
    back = number.get(Task(Direction.BACKWARD, stage))
    forward = number[Task(Direction.FORWARD, stage)]
    if back is None:
        return False
    delay = delays(order)
    when = delay[back] - delay[forward], order.index(back)
    return when > (1, order.index(forward))


def _those(tasks: Sequence[Task], direction: Direction) -> list[int]:
    return [index for index, task in enumerate(tasks) if task.direction is direction]


def copies(
    tasks: Sequence[Task], order: Order, gradient_reader: int, extra: ExtraTurns = ()
) -> list[int]:
    """Count how many samples have words in the regions of each stage at once.

    Parameters
    ----------
    tasks, order, extra
        The tasks of a sample, their order, and the extra turns before each of them.
    gradient_reader
        The stage whose way back must have read before the gradients from the host make room for
        others: see `Plan.gradient_reader`.
    """
    position = {tasks[task]: place for place, task in enumerate(order)}
    delay = dict(zip(tasks, delays(order, extra), strict=True))
    stages = max(task.stage for task in tasks) + 1
    with_targets = tasks[0].direction is Direction.GRADIENT

    def samples(first: Task, last: Task) -> int:
        """Count the samples that may have passed `first` before one of them has passed `last`."""
        if first not in delay or last not in delay:
            return 1
        ahead = delay[last] - delay[first]
        return ahead + (position[first] < position[last])

    found: list[int] = []
    for stage in range(stages):
        forward = Task(Direction.FORWARD, max(stage - 1, 0))
        read = Task(Direction.FORWARD, stage)
        backward = Task(Direction.BACKWARD, stage)
        if stage == stages - 1:
            # Outputs are read by the forward task of this stage alone, and their gradients by the
            # stage before.
            backward = Task(Direction.GRADIENT, stage)
            needed = samples(forward, read)
            reader = gradient_reader
            if with_targets:
                # Gradients are made where outputs are, and read by the stage that makes these.
                backward, reader = forward, stage - 1
        else:
            needed = samples(forward, backward if backward in delay else read)
            reader = stage - 1
        gradient = samples(backward, Task(Direction.BACKWARD, reader))
        found.append(max(needed, gradient, 1))
    return found


def period(counts: Sequence[int]) -> int:
    """Samples after which all copies are the same again."""
    return math.lcm(*counts)
