"""Area by module: the cells of a build, of every kind of module in it."""

import re
from collections import defaultdict
from typing import Any, NamedTuple

from sw_driver.report.bars import Bar, bars, legend
from sw_driver.report.markup import Content, details, join, note, number, percent, table, tag
from sw_driver.report.page import Section

from ..boards import BOARDS
from ..synthesis import Area, lut_sites

__all__ = ["AGAIN", "Kind", "area_section", "module_kinds"]

AGAIN = "build it again with this version of clostorus"
_KINDS = ("luts", "carries", "flip_flops", "multipliers", "block_rams", "lut_rams")
_INDEX = re.compile(r"_\d+(?:_\d+)?(?=\.|$)")
_PE = re.compile(r"(?:^|\.)pe_\d+_\d+(?:\.|$)")
_GROUPS = {"PEs": "k0", "gateways, links and bridge": "k1", "host link and board": "k6"}
_MOST_BARS = 24


class Kind(NamedTuple):
    """All modules whose places differ in numbers alone, such as those of all PEs.

    Attributes
    ----------
    name
        Their place, with `*` for the numbers.
    count
        How many there are.
    area
        Their cells together, those of modules in them left out.
    """

    name: str
    count: int
    area: Area


def module_kinds(modules: dict[str, dict[str, int]]) -> list[Kind]:
    """Sum up modules that are alike, by their order in the design."""
    groups: defaultdict[str, list[dict[str, int]]] = defaultdict(list)
    for name, cells in modules.items():
        groups[_INDEX.sub("_*", name)].append(cells)
    return [
        Kind(name, len(found), Area(**{kind: sum(one.get(kind, 0) for one in found)
                                       for kind in _KINDS}))
        for name, found in groups.items()
    ]  # fmt: skip


def area_section(report: dict[str, Any]) -> Section:
    """Draw the LUTs of each kind of module, with a table of all cells."""
    modules = report.get("modules")
    if not modules:
        content = note(f"This report.json was written before builds kept the area of modules: "
                       f"{AGAIN}.")  # fmt: skip
        return Section("area", "Area by module", content)
    family = BOARDS[report["board"]].family
    kinds = module_kinds(modules)
    sites = {one.name: lut_sites(one.area, family) for one in kinds}
    whole = sum(sites.values()) or 1
    largest = sorted(kinds, key=lambda one: (-sites[one.name], one.name))[:_MOST_BARS]
    most = max(max(sites.values()), 1)
    found = [
        Bar(_short(one.name), f"{number(sites[one.name])}, {percent(sites[one.name] / whole)}",
            [(sites[one.name], _GROUPS[_group(one.name)],
              f"{one.name}: {sites[one.name]} LUTs in {one.count} modules")])
        for one in largest
    ]  # fmt: skip
    groups: defaultdict[str, int] = defaultdict(int)
    for name, count in sites.items():
        groups[_group(name)] += count
    shares = [Bar("LUTs", "", [(groups[name] / whole, colour,
                                f"{name}: {number(groups[name])} LUTs")
                               for name, colour in _GROUPS.items()])]  # fmt: skip
    entries = [(colour, f"{name}: {percent(groups[name] / whole)}")
               for name, colour in _GROUPS.items()]  # fmt: skip
    header = ("module", "how many", "LUTs", "flip-flops", "multipliers", "block RAMs")
    rows: list[tuple[Content, ...]] = [
        (one.name, one.count, number(sites[one.name]), number(one.area.flip_flops),
         number(one.area.multipliers), number(one.area.block_rams))
        for one in sorted(kinds, key=lambda one: one.name)
    ]  # fmt: skip
    rows.append(("all", sum(one.count for one in kinds), number(whole),
                 *(number(sum(getattr(one.area, kind) for one in kinds))
                   for kind in ("flip_flops", "multipliers", "block_rams"))))  # fmt: skip
    content = join([
        note("LUTs of the netlist, carry cells and LUT RAMs as the LUTs that they take. A module's "
             "cells are those that bear its name after synthesis, which optimises across modules; "
             "cells of modules in it count for these. Modules that differ in a number alone, such "
             "as those of all PEs, are one bar."),
        tag("figure", bars(shares, "LUTs by part of the design", 1.0)),
        legend(entries),
        tag("figure", bars(found, "LUTs by kind of module", most)),
        details("All modules, as a table", table(header, rows)),
    ])  # fmt: skip
    return Section("area", "Area by module", content)


def _group(name: str) -> str:
    if _PE.search(name.replace("_*", "_0_0")):
        return "PEs"
    return "gateways, links and bridge" if name.startswith("torus") else "host link and board"


def _short(name: str) -> str:
    """The end of a place, as much as there is room for."""
    parts = name.removeprefix("torus.").removeprefix("torus.").split(".")
    while len(".".join(parts)) > 26 and len(parts) > 1:
        parts = parts[1:]
    return ".".join(parts)
