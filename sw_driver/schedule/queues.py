"""The steps of a run, and the queues that their ops make."""

import dataclasses
from collections.abc import Sequence

from hw.config import TorusConfig
from sw_driver.errors import ProgramError
from sw_driver.plan.entries import Entry
from sw_driver.plan.tasks import Task
from sw_driver.program.image import Op
from sw_driver.program.program import QUEUE_NAMES, Queues

__all__ = ["Step", "build_queues"]

# Counts in ops that `rep_bits` must hold.
_COUNTS = ("reps", "need_first", "need_step", "lag", "need_read", "need_read_step", "need_free",
           "last_group")  # fmt: skip


@dataclasses.dataclass(frozen=True, eq=False)
class Step:
    """The ops that an entry, a BACK op, or a gradient from the host adds to the queues.

    Parameters
    ----------
    task, sample
        The task that the step belongs to, and the sample.
    entry
        The entry that the step carries out, forwards or backwards; None for a gradient from the
        host.
    ops
        The op that the step adds to each queue, by the queue's name.
    """

    task: Task
    sample: int
    entry: Entry | None
    ops: dict[str, Op]


def build_queues(config: TorusConfig, steps: Sequence[Step]) -> Queues:
    """Put the ops of steps into queues: the three of a PE, and then the three of a gateway.

    Raises
    ------
    ProgramError
        If a count does not fit its field.
    """
    queues = tuple([step.ops[name] for step in steps if name in step.ops] for name in QUEUE_NAMES)
    most = (1 << config.rep_bits) - 1
    for queue in queues:
        for op in queue:
            for name in _COUNTS:
                if op.get(name, 0) > most:
                    raise ProgramError(
                        f"rep_bits must be at least {op[name].bit_length()} for {name} = "
                        f"{op[name]}, not {config.rep_bits}"
                    )
    return queues
