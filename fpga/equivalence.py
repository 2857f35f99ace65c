"""Equivalence of a design and its netlist, proved by Yosys."""

import re
from fnmatch import fnmatchcase
from pathlib import Path

from .cell_models import cell_sources, modules_of
from .errors import FlowFailed
from .families import Family
from .yosys import run_yosys

__all__ = ["check_equivalence"]

_STATUS = re.compile(r"Of those cells (\d+) are proven and (\d+) are unproven")
_UNPROVEN = re.compile(r"Unproven \$equiv \S+ (\S+)_gold")
# Values within expressions, which Amaranth numbers: a netlist need not compute every one. They are
# no registers, whose names may begin with `$`, too.
_UNNAMED = "w:*.$[0123456789]*"
_INSIDE = "LUT2"  # Of the ECP5's carry cell.
_OPTIONS = {"ecp5": "-nobram -nolutram", "ice40": "-nobram"}
# Registers that are always alike are one in the netlist, and have to be one in the design, too.
# Initial values are left out: a flip-flop that begins at 1 is turned into one that begins at 0 and
# is inverted, which no wire of the design is equal to.
_PREPARE = ("hierarchy -top {top}; proc; flatten; opt -full; memory_map; setattr -unset init w:*; "
            "opt -full; opt -full; opt_clean -purge")
# Top bits of the design that nothing reads, as of a count that is only added to an address, are in
# no netlist.
_NARROW = "wreduce; opt_clean -purge"


def check_equivalence(folder: Path, verilog: str, top: str, family: Family, *,
                      netlist_of: str | None = None) -> int:
    """Synthesise a design and prove that its netlist is equal to it, from any state on.

    Memories are registers on both sides. Wires of the same name are proved to be equal one by one,
    from those before them; that covers all outputs, and all registers but for top bits that nothing
    reads. Values within expressions, whose names are numbers, are left out.

    Parameters
    ----------
    folder
        Where it runs.
    verilog, top
        The design, without multipliers, and its top module.
    family
        Whose cells the netlist is made of.
    netlist_of
        What is synthesised, if not the same.

    Returns
    -------
    int
        Bits of wires that are proved to be equal.

    Raises
    ------
    FpgaToolMissing, FlowFailed
        As `run_yosys`; also if a bit cannot be proved, or there is none.
    """
    (folder / "golden.v").write_text(verilog)
    (folder / "cells.v").write_text(_cells(family))
    prepare = _PREPARE.format(top=top)
    run_yosys(folder, verilog if netlist_of is None else netlist_of, "; ".join((
        prepare, f"{family.command} {_OPTIONS[family.name]} -top {top}",
        "techmap -autoproc -map cells.v", "clean", "rename -top gate", "design -stash gate",
        "read_verilog golden.v", prepare, _NARROW, "rename -top gold", "design -stash gold",
        "design -copy-from gold gold", "design -copy-from gate gate",
        f"rename -hide gold/{_UNNAMED} gate/{_UNNAMED}", "equiv_make gold gate equiv",
        "hierarchy -top equiv", "clean -purge", "equiv_simple -short", "equiv_induct",
        "tee -q -o status.txt equiv_status")))
    status = (folder / "status.txt").read_text()
    found = _STATUS.search(status)
    if found is None or not int(found[1]) or int(found[2]):
        names = sorted({name.removeprefix("\\") for name in _UNPROVEN.findall(status)})
        raise FlowFailed(f"{top} must be equal to its {family.name} netlist, but that is not "
                         f"proved for {', '.join(names) or 'any wire'}")
    return int(found[1])


def _cells(family: Family) -> str:
    """Models of the cells for logic alone: Yosys takes minutes to read those of large memories."""
    text = cell_sources(family)
    wanted = (*family.luts, *family.carries, *family.flip_flops, _INSIDE)
    modules = modules_of(text)
    header = text[:text.index(next(iter(modules.values()), ""))]
    return header + "\n".join(module for name, module in modules.items()
                              if any(fnmatchcase(name, one) for one in wanted)) + "\n"
