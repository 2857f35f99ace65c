"""What is worth reading of a routed design: its critical path by module, its largest cells."""

import dataclasses
import re
from collections.abc import Sequence

from hw.config import TorusConfig

from .boundary import DESIGN
from .designs import Design
from .errors import FlowFailed
from .families import ECP5, Family
from .memories import engine_rams, memory_rams
from .place_route import Step
from .synthesis import Area

__all__ = ["PathSummary", "check_blocks", "expected_blocks", "short_cell",
           "summarise"]

# What Yosys appends to the name of the net that a cell drives, or is driven by.
_CELL_KIND = re.compile(r"_(?:LUT\d|TRELLIS_FF|CCU2C|DP16KD|MULT18X18D|TRELLIS_DPR16X4|"
                        r"SB_[A-Z0-9]+|DFF[A-Z]*|ALU|FD1P3[A-Z]+)(?:_|$).*")


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
        start=short_cell(path[0].cell), end=short_cell(path[-1].cell),
        levels=sum(step.kind == "logic" for step in path),
        logic_ns=sum(step.delay_ns for step in path) - routing, routing_ns=routing)


def short_cell(cell: str) -> str:
    """The place of a cell in the design, without what Yosys appends to its name."""
    return _CELL_KIND.sub("", cell.removeprefix(f"{DESIGN}."))


def expected_blocks(design: Design, family: Family = ECP5, *,
                    folded: bool = False) -> tuple[int, int]:
    """Multipliers and block RAMs that a design must have at the least.

    A MAC has a multiplier for each weight of a step if its words fit one; of wider words Yosys
    makes some more, and of narrow ones LUTs on the iCE40; on a GW5A all are LUTs.

    One that trains has two for each. Memories are those of `fpga.memories`; biases, host FIFOs and
    the programs of gateways are not counted. Weights that are `folded` are in no memory.
    """
    config = design.config
    pes = config.rows * config.cols
    routers, pes = {"link-side": (0, 0), "router": (1, 0), "pe": (1, 1)}.get(
        design.kind, (pes, pes))
    multipliers = sum(bool(family.multipliers) and sum(widths) >= family.least_product_bits
                      for widths in _products(config))

    buffers = engine_rams(config, family) if routers else 0
    memories = memory_rams(config, family, folded=folded) if pes else 0
    return pes * multipliers, routers * buffers + pes * memories


def _products(config: TorusConfig) -> list[tuple[int, int]]:
    """Widths of the factors of each product of an element."""
    products = [(config.operand_bits, config.weight_bits)] * config.row_weights
    if config.training is not None:
        products += [(config.act_bits, config.training.grad_bits)] * config.lanes_out
    return products


def check_blocks(area: Area, design: Design, family: Family = ECP5, *,
                 folded: bool = False) -> None:
    """Check that nothing of a design was optimised away: `expected_blocks` are there.

    Where words fit a multiplier there must not be more of them either.

    Raises
    ------
    FlowFailed
        It has other multipliers, or fewer block RAMs, than its PEs and routers must have.
    """
    multipliers, block_rams = expected_blocks(design, family, folded=folded)
    one_each = all(max(widths) <= family.dsp_bits for widths in _products(design.config))
    wrong = area.multipliers != multipliers if one_each else area.multipliers < multipliers
    if wrong or area.block_rams < block_rams:
        raise FlowFailed(
            f"{design.name} must have {'' if one_each else 'at least '}{multipliers} multipliers "
            f"and at least {block_rams} block RAMs, not {area.multipliers} and "
            f"{area.block_rams}: its netlist is not the torus of this configuration, or something "
            "was optimised away")
