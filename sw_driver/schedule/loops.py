"""Schedules for runs of any number of samples, from those of short runs."""

from hw.config import TorusConfig
from sw_driver.plan.plan import Plan
from sw_driver.program.sample_loop import SampleLoops, find_sample_loops
from sw_driver.schedule.queues import build_queues
from sw_driver.schedule.scheduler import KnownOps, schedule

__all__ = ["schedule_loops"]


def schedule_loops(
    config: TorusConfig, plan: Plan, *, momentum: int | None = None, one_batch: bool = False
) -> SampleLoops:
    """Schedule runs of a few samples, and find what repeats in longer ones.

    The parameters are as in `sw_driver.schedule.scheduler.schedule`.

    Raises
    ------
    ProgramError
        If a count does not fit its field, or the runs do not become regular.
    """
    known: KnownOps = {}
    return find_sample_loops(
        lambda samples: build_queues(
            config,
            schedule(
                config, plan, samples, momentum=momentum, one_batch=one_batch, known=known
            ),
        ),
        plan.period,
        most_flat=2 * len(plan.tasks) + 2,
    )
