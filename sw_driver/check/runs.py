"""Checks of packed programs, as a torus gets them: the shortest runs, and turns of a loop."""

from collections.abc import Iterator

from hw.config import TorusConfig
from hw.op_fields import gateway_fields, pe_fields
from sw_driver.check.gateways import HostAction
from sw_driver.check.waits import check_program
from sw_driver.plan.host_order import HostPart, host_order
from sw_driver.plan.plan import Plan
from sw_driver.program.image import unpack_image
from sw_driver.program.program import Program
from sw_driver.program.sample_loop import SampleLoops

__all__ = ["check_packed", "check_runs", "check_training_runs", "host_actions"]


def check_runs(config: TorusConfig, loops: SampleLoops) -> None:
    """Check the shortest runs that compute outputs, and runs with two turns of every loop.

    Raises
    ------
    ProgramError
        A field does not fit, or a run could lock up or depend on timing.
    """
    for samples in _checked_samples(loops):
        check_packed(loops.program(config, samples))


def check_training_runs(config: TorusConfig, plan: Plan, loops: SampleLoops) -> None:
    """Check the shortest runs that train, and runs with two turns of every loop.

    It raises as `check_runs` does.
    """
    for samples in _checked_samples(loops):
        host = None if plan.with_targets else list(host_actions(plan, samples))
        check_packed(loops.program(config, samples), host)


def _checked_samples(loops: SampleLoops) -> Iterator[int]:
    for number, looped in enumerate(loops.looped_samples, 1):
        yield from (number, looped)


def check_packed(program: Program, host: list[HostAction] | None = None) -> None:
    """Check one program from its packed words; `host` is as in `check_program`."""
    config = program.config
    check_program(
        config,
        unpack_image(config, pe_fields(config), program.pe_image),
        unpack_image(config, gateway_fields(config), program.gateway_image),
        host,
    )


def host_actions(plan: Plan, samples: int) -> Iterator[HostAction]:
    """Go through what the host does in a run that trains, in repetitions of its queues."""
    for part, sample in host_order(plan, samples):
        if part is HostPart.INPUTS:
            yield "in", plan.stages[0].reps
        elif part is HostPart.OUTPUTS:
            yield "out", plan.result.reps
        elif part is HostPart.GRADIENT:
            yield "in", plan.result.regions
        else:
            yield "out", sum(op.reps for op in plan.backs[sample % plan.period][0])
