"""From Verilog to netlists of word cells, by Yosys."""

import json
import re
from collections.abc import Collection
from pathlib import Path

from ..errors import BuildFailed, VectorRefused
from ..model.modules import YOSYS, merged, repeated
from ..toolchain import Toolchain
from .cells import check_kind
from .cuts import cut
from .frame import Design, split
from .memories import check_memory
from .netlist import Netlist, read_module
from .variables import watched

__all__ = ["SCRIPT", "WIDE_SHIFTS", "design_of"]

WIDE_SHIFTS = Path(__file__).with_name("wide.v")
SCRIPT = """\
read_verilog -sv design.v
hierarchy -top {top}
{keep}
{names}
proc
opt
memory -nomap
opt
flatten
opt
opt_clean -purge
wreduce
peepopt
bmuxmap
demuxmap
techmap -map wide.v t:$shl t:$sshl %u r:Y_WIDTH>64 %i
opt -full
opt_clean -purge
write_json design.json
"""


def design_of(verilog: str, top: str, tools: Toolchain, folder: Path,
              names: Collection[str] = ()) -> Design:
    """Split a design into netlists of the modules that it has many copies of, and a frame.

    Parameters
    ----------
    verilog, top
        The design, as Amaranth writes it, and the name of its top module.
    tools
        Runs Yosys.
    folder
        Where files in between are written.
    names
        Of signals that stay as they are in every module, each an output of its module.

    Raises
    ------
    VectorRefused
        The engine does not simulate it.
    BuildFailed
        Yosys refuses it.
    """
    text = merged(verilog)
    units = repeated(text, top)
    (folder / "design.v").write_text(text)
    keep = "".join(f"setattr -mod -set keep_hierarchy 1 \\{unit}\n" for unit in units)
    (folder / WIDE_SHIFTS.name).write_text(WIDE_SHIFTS.read_text())
    (folder / "design.ys").write_text(SCRIPT.format(
        top=top, keep=keep, names=_keep_names(names)))
    tools.run([YOSYS, "-q", "design.ys"], folder)
    try:
        found = json.loads((folder / "design.json").read_text())["modules"]
    except (OSError, ValueError) as error:
        raise BuildFailed(f"{YOSYS} has not written the whole design") from error
    netlists = {name: watched(read_module(name, found[name], units), names)
                for name in (top, *units) if name in found}
    for netlist in netlists.values():
        _check(netlist)
    # One lane computes with wide words as fast as with narrow ones.
    frame = cut(netlists.pop(top), everywhere=False)
    return split(frame, {name: cut(unit) for name, unit in netlists.items()})


def _keep_names(names: Collection[str]) -> str:
    """The command after which a signal is neither renamed nor cut; it does not mind a memory."""
    wires = " ".join(f"w:{name}" for name in sorted(names) if re.fullmatch(r"\w+", name))
    return f"setattr -set keep 1 {wires}" if wires else ""


def _check(netlist: Netlist) -> None:
    for cell in netlist.cells:
        check_kind(cell, netlist.name)
        if cell.is_memory:
            check_memory(cell, netlist.name)
    driven = {bit for cell in netlist.cells for bit in cell.output}
    if len(driven) < sum(len(cell.output) for cell in netlist.cells):
        raise VectorRefused(f"the vector engine simulates no net with two drivers: there is one in "
                            f"module {netlist.name}")
