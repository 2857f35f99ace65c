"""How many sums a repetition of a MAC op has, and in how many walks through its words."""

from hw.config import TorusConfig
from sw_driver.program.image import Op

__all__ = ["walks_of"]


def walks_of(config: TorusConfig, op: Op) -> tuple[int, int]:
    """Return the walks of a repetition of a RUN op, and the sums of the last of them.

    Of a BACK op these are the rows of a group of outputs, and the outputs of the last row.

    Every other walk makes `lanes_out` sums.
    """
    if config.lanes_out == 1:
        return op["last_output"] + 1, 1
    return op["last_walk"] + 1, op["last_rest"] + 1
