"""What is worth reading of a routed design: its critical path by module, its largest cells."""

import dataclasses
import re
from collections.abc import Sequence

from hw.config import TorusConfig

from .boundary import DESIGN
from .errors import FlowFailed
from .place_route import Step
from .synthesis import Area

__all__ = ["PathSummary", "check_blocks", "expected_blocks", "summarise"]

# An 18 Kbit block RAM of the ECP5 by the width of its ports: bits, words.
_RAM_SHAPES = ((36, 512), (18, 1024), (9, 2048), (4, 4096), (2, 8192), (1, 16384))
_DSP_BITS = 18
# What Yosys appends to the name of the net that a cell drives, or is driven by.
_CELL_KIND = re.compile(r"_(?:LUT4|TRELLIS_FF|CCU2C|DP16KD|MULT18X18D|TRELLIS_DPR16X4)(?:_|$).*")


@dataclasses.dataclass(frozen=True)
class PathSummary:
    """A path from register to register.

    Parameters
    ----------
    start, end
        The modules of its two registers, by their place in the design, with the name of the signal.
    levels
        Cells of logic between them.
    logic_ns, routing_ns
        Its delay: in cells, registers included, and on wires.
    """

    start: str
    end: str
    levels: int
    logic_ns: float
    routing_ns: float


def summarise(path: Sequence[Step]) -> PathSummary:
    """Sum a critical path up."""
    routing = sum(step.delay_ns for step in path if step.kind == "routing")
    return PathSummary(
        start=_place(path[0].cell), end=_place(path[-1].cell),
        levels=sum(step.kind == "logic" for step in path),
        logic_ns=sum(step.delay_ns for step in path) - routing, routing_ns=routing)


def _place(cell: str) -> str:
    return _CELL_KIND.sub("", cell.removeprefix(f"{DESIGN}."))


def expected_blocks(config: TorusConfig, top: str) -> tuple[int, int]:
    """Multipliers and block RAMs that a top of `hw.tops` must have on an ECP5.

    A gather buffer is read by the MAC and by the link, from a copy each; every PE has two, a
    memory of weights and one of programs; every gateway one of programs and two host FIFOs, and
    the bridge one of programs.
    """
    buffers = 4 * _rams(config.word_bits, config.buffer_words)
    program = _rams(config.line_bits, config.program_lines)
    pe = buffers + _rams(config.weight_bits, config.weight_words) + program
    multipliers = 1 if max(config.act_bits, config.weight_bits) <= _DSP_BITS else 0
    if top == "inference-router":
        return 0, buffers
    if top == "pe":
        return multipliers, pe
    count = config.rows * config.cols
    return count * multipliers, count * pe


def _rams(bits: int, words: int) -> int:
    return min(-(-bits // width) * -(-words // depth) for width, depth in _RAM_SHAPES)


def check_blocks(area: Area, config: TorusConfig, top: str) -> None:
    """Check that nothing of a design was optimised away.

    Raises
    ------
    FlowFailed
        It has fewer multipliers or block RAMs than its PEs and routers must have.
    """
    multipliers, block_rams = expected_blocks(config, top)
    if area.multipliers != multipliers or area.block_rams < block_rams:
        raise FlowFailed(
            f"{top} must have {multipliers} multipliers and at least {block_rams} block RAMs, not "
            f"{area.multipliers} and {area.block_rams}: something was optimised away")
