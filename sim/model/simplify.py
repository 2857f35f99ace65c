"""Verilog for quick simulation: the same circuit, of which Verilator makes little code.

Two things make a torus slow in Verilator as Amaranth writes it. Every register's next value is
computed by a block of nested cases of its own, which Verilator keeps as they are; and every
instance of the processing element becomes C++ code of its own, since what is around it is folded
into it. So

- Yosys turns the blocks into expressions and registers with reset and enable;
- modules that differ in their names alone become one;
- what a large module with many instances is given stays a variable of the instance, so that all
  instances have the same code, and Verilator keeps one copy of it.

Measured on a 4x4 torus, two cores, seconds from Verilog to model and cycles/s: as written 30 s and
92,000; with Yosys 24 s and 172,000; and with shared code 9 s and 205,000. Shared code without Yosys
gives 16 s and 86,000, and Verilator's own hierarchical models (`hier_block`) 11 s and 80,000: there
every element is settled by itself, several times a cycle. From 4x4 to 8x8 a model takes twice as
long to build, not four times, since only the wires grow.

Names inside the design change, so waveforms need the design as it is.
"""

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from ..errors import BuildFailed
from ..toolchain import Toolchain
from .modules import YOSYS, bodies, instances, merged, modules_version

__all__ = ["Simplified", "simplifier_version", "simplify"]

_SCRIPT = "hierarchy -top {top}; proc; opt; pmuxtree; opt_clean"
# A module with all that is in it; below this an instance costs less than its borders.
_LEAST_SHARED_LINES = 500

_INPUT = re.compile(r"^  input (?:\[[^]]*\] )?\\?(\S+?) ?;$", re.M)


@dataclass(frozen=True)
class Simplified:
    """A design for Verilator.

    Parameters
    ----------
    verilog
        Its source. Every memory whose initial value is not given starts with zeros.
    control
        Verilator configuration that goes with it.
    """

    verilog: str
    control: str


def simplifier_version() -> str:
    """What the result of `simplify` depends on beside its arguments."""
    return f"{modules_version()}\n{Path(__file__).read_text()}"


def simplify(verilog: str, top: str, tools: Toolchain, folder: Path) -> Simplified:
    """Rewrite a design as Amaranth writes it; any other Verilog passes Yosys only.

    Parameters
    ----------
    verilog, top
        The design, and the name of its top module.
    tools
        Runs Yosys.
    folder
        Where files in between are written.

    Raises
    ------
    BuildFailed
        Yosys refuses the design.
    StorageError
        The folder has no room.
    """
    text = merged(verilog)
    (folder / "design.v").write_text(text)
    script = (f"read_verilog -sv design.v; {_SCRIPT.format(top=top)}; "
              "write_verilog -noattr simple.v")
    tools.run([YOSYS, "-q", "-p", script], folder)
    text = (folder / "simple.v").read_text()
    # Yosys does not tell that it cannot write.
    if not (text.endswith("endmodule\n") and top in bodies(text)):
        raise BuildFailed(f"{YOSYS} has written a part of the design only")
    return Simplified(text, _control(text, top))


def _control(text: str, top: str) -> str:
    """What keeps the code of a large module that has several instances the same for all of them."""
    modules = bodies(text)
    cells = {name: [cell for cell in instances(body) if cell in modules]
             for name, body in modules.items()}

    def lines(name: str) -> int:
        return modules[name].count("\n") + sum(map(lines, cells[name]))

    def shared(name: str) -> list[str]:
        found: list[str] = []
        for cell, count in Counter(cells[name]).items():
            if lines(cell) >= _LEAST_SHARED_LINES:
                found += [cell] if count > 1 else shared(cell)
        return found

    # Bits of a vector that Yosys has put together may depend on each other: no loop for a circuit,
    # but one for Verilator. Loops of the design are found in the design (`sim.model.lint`).
    rules = ["`verilator_config", "lint_off -rule UNOPTFLAT"]
    for name in shared(top):
        module = name.removeprefix("\\")
        rules.append(f'no_inline -module "{module}"')
        rules += [f'public_flat_rw -module "{module}" -var "{port}"'
                  for port in _INPUT.findall(modules[name]) if port not in ("clk", "rst")]
    return "\n".join(rules) + "\n"
