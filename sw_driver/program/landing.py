"""When the gradients of a BACK op come to the shifter that results and targets also go through."""

from hw.config import TorusConfig
from hw.op_fields import Axis
from sw_driver.program.image import Op
from sw_driver.program.sums import walks_of

__all__ = ["lands_after_results"]

_REDUCE_CYCLES = 2  # `hw.ring.reduce`: from a contribution to the sum that stays.
_DIFFERENCE_CYCLES = 1  # `hw.mac.gradient_memory`: from a result to its difference from a target.


def lands_after_results(config: TorusConfig, op: Op) -> bool:
    """Whether a BACK op's first gradient always comes behind the results of the RUN before it.

    The op begins in the cycle after the last step of that RUN at the earliest. Its first gradient
    then has the steps of a sum, the sum itself and a hop from every other PE of the ring before it,
    and the results have their own latency. With lanes, an op that changes biases also reads its
    gradients between that last step and its own first one, one a cycle. Where this is False, the op
    has to wait for the last result.
    """
    walks, rest = walks_of(config, op)
    groups = op.get("last_group", 0) + 1
    reads_later = config.lanes_out > 1 and bool(op.get("bias"))
    reads = groups * ((walks - 1) * config.lanes_out + rest) if reads_later else 0
    ring = config.rows if op["axis"] == Axis.COL.value else config.cols
    gradient_cycles = reads + groups * walks + config.share_cycles + _REDUCE_CYCLES + ring - 1
    result_cycles = config.result_cycles + config.lanes_out - 1 + _DIFFERENCE_CYCLES
    return gradient_cycles > result_cycles
