"""The fields of RUN ops whose results are compared with targets."""

from hw.config import TorusConfig
from sw_driver.errors import ProgramError
from sw_driver.program.image import Op
from sw_driver.program.program import QUEUE_NAMES, Queues

__all__ = ["target_fields", "with_error_shift"]


def target_fields(config: TorusConfig, error_shift: int) -> Op:
    """Return the fields of a RUN op that makes a gradient of every result.

    Raises
    ------
    ProgramError
        If the torus does not have the shift.
    """
    training = config.training
    if training is None or not training.targets:
        raise ProgramError("targets must be 1 for a torus that trains on targets, not 0")
    shift = training.target_gain_bits + error_shift
    low, high = training.min_grad_shift, training.max_grad_shift
    if not low <= shift <= high:
        least, most = (one - training.target_gain_bits for one in (low, high))
        raise ProgramError(
            f"error_shift must be {least} to {most}, those of this torus, not {error_shift}: "
            "a learning rate that is halved adds 1"
        )
    return {"compare": 1, "compare_shift": shift - low}


def with_error_shift(config: TorusConfig, queues: Queues, error_shift: int) -> Queues:
    """Return queues whose errors are shifted so; raises as `target_fields`."""
    fields = target_fields(config, error_shift)
    return tuple(
        [op | fields if name == "mac" and op.get("compare") else op for op in queue]
        for name, queue in zip(QUEUE_NAMES, queues, strict=True)
    )
