"""What a build is made of, read from its netlist: the cells of each module, the deepest paths."""

import bisect
import re
from collections import Counter, defaultdict
from typing import Any

from .boundary import DESIGN
from .families import ECP5, Family
from .logic_levels import Path, paths_of
from .synthesis import area_of

__all__ = ["deep_paths", "module_cells"]

_SCOPE = "$scopeinfo"
_BIT = re.compile(r"\[\d+\]")


def module_cells(netlist: dict[str, Any], top: str, family: Family) -> dict[str, dict[str, int]]:
    """Count the cells of each module of a flat netlist, without those of modules in it.

    A cell belongs to the deepest module that its name begins with, as Yosys named it when it made
    the netlist flat. What Yosys shares between modules counts for the one it kept the name of, so
    the counts of single modules are near what they would be alone, and their sum is exact.

    Parameters
    ----------
    netlist, top
        As Yosys writes it, and its top module.
    family
        Of its cells.

    Returns
    -------
    dict
        For each module that has cells, by its place in the design, the counts of `Area` that are
        not 0.

    Raises
    ------
    FlowFailed
        A cell is left that the family does not have.
    """
    cells: dict[str, dict[str, Any]] = netlist["modules"][top]["cells"]
    scopes = sorted(name for name, cell in cells.items() if cell["type"] == _SCOPE)
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for name, cell in cells.items():
        if cell["type"] != _SCOPE:
            found[_scope(scopes, name)][cell["type"]] += 1
    return {
        module.removeprefix(f"{DESIGN}."): {
            kind: count for kind, count in vars(area_of(counts, module, family)).items() if count}
        for module, counts in sorted(found.items())}


def _scope(scopes: list[str], cell: str) -> str:
    """The deepest module that the name of a cell begins with."""
    name = cell
    while name:
        at = bisect.bisect_left(scopes, name)
        if at < len(scopes) and scopes[at] == name:
            return name
        name = name.rpartition(".")[0]
    return DESIGN


def deep_paths(netlist: dict[str, Any], family: Family, most: int) -> list[dict[str, Any]]:
    """List the deepest paths of a netlist, those between the same two registers as one.

    Their delays are estimates from the levels of logic (`fpga.logic_levels`), before cells have
    places; they are known of the ECP5 alone.

    Parameters
    ----------
    netlist, family
        As for `module_cells`.
    most
        How many.

    Returns
    -------
    list of dict
        `start` and `end`, by their place in the design; `levels`; `delay_ns`; and `bits`, the
        number of paths. The slowest first; none of another family.
    """
    if family is not ECP5:
        return []
    groups: defaultdict[tuple[str, str], list[Path]] = defaultdict(list)
    for path in paths_of(netlist):
        groups[_register(path.start), f"{_register(path.end)}.{path.port}"].append(path)
    found = [
        {"start": start, "end": end, "levels": max(path.levels for path in paths),
         "delay_ns": round(max(path.delay_ns for path in paths), 2), "bits": len(paths)}
        for (start, end), paths in groups.items()]
    return sorted(found, key=lambda one: (-one["delay_ns"], -one["levels"], one["start"],
                                          one["end"]))[:most]


def _register(name: str) -> str:
    return _BIT.sub("", name).removeprefix(f"{DESIGN}.")
