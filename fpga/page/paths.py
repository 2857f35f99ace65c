"""The longest paths of a build: the critical one as routed, and the deepest of the netlist."""

import itertools
from typing import Any

from sw_driver.report.bars import Bar, bars, legend
from sw_driver.report.markup import details, facts, join, note, table, tag
from sw_driver.report.page import Section

from ..place_route import Step
from ..report import short_cell
from .area import AGAIN

__all__ = ["paths_section"]

_LOGIC, _WIRE = "k0", "k1"
_ROUTING = "routing"


def paths_section(report: dict[str, Any]) -> Section:
    """Draw the critical path step by step, and list the deepest paths."""
    path = report["critical_path"]
    steps = [Step(**one) for one in report.get("critical_steps", ())]
    content = [
        note("The critical path is the slowest of the routed design, as nextpnr times it: it says "
             "how fast the clock may be."),
        facts([("begins at", path["start"]), ("ends at", path["end"]), *_sums(path)]),
    ]  # fmt: skip
    if steps:
        content += [tag("h3", "The critical path, step by step"), _steps(steps),
                    legend([(_LOGIC, "in a cell"), (_WIRE, "on a wire")])]  # fmt: skip
    else:
        content.append(note(f"This report.json has no steps of it: {AGAIN}."))
    deepest = report.get("paths")
    if deepest:
        header = ("from", "to", "levels", "estimated, ns", "bits")
        rows = [(one["start"], one["end"], one["levels"], f"{one['delay_ns']:.2f}", one["bits"])
                for one in deepest]  # fmt: skip
        content += [
            tag("h3", "The deepest paths of the netlist"),
            note("Before placement: a level is a LUT or a carry chain, and the delay counts an "
                 "average wire before each. Paths between the bits of two registers are one."),
            table(header, rows),
        ]  # fmt: skip
    elif deepest is not None:
        content.append(note("The deepest paths of the netlist are known of the ECP5 alone."))
    return Section("paths", "Longest paths", join(content))


def _sums(path: dict[str, Any]) -> list[tuple[str, str]]:
    if not {"logic_ns", "routing_ns", "levels"} <= path.keys():
        return []
    logic, routing = path["logic_ns"], path["routing_ns"]
    return [
        ("delay", f"{logic + routing:.2f} ns"),
        ("in cells", f"{logic:.2f} ns, {path['levels']} levels of logic"),
        ("on wires", f"{routing:.2f} ns"),
    ]


def _steps(steps: list[Step]) -> Any:
    """A bar for each cell: the wire that leads to it, and the cell, after all steps before."""
    ends = list(itertools.accumulate(step.delay_ns for step in steps))
    found: list[Bar] = []
    wire = 0.0
    for step, end in zip(steps, ends, strict=True):
        if step.kind == _ROUTING:
            wire = step.delay_ns
            continue
        before = end - step.delay_ns - wire
        name = short_cell(step.cell)
        found.append(Bar(_tail(name), f"{end:.2f} ns", [
            (before, "none", ""),
            (wire, _WIRE, f"wire to {name}: {wire:.2f} ns"),
            (step.delay_ns, _LOGIC, f"{step.kind} of {name}: {step.delay_ns:.2f} ns"),
        ]))  # fmt: skip
        wire = 0.0
    rows = [(short_cell(step.cell), step.kind, f"{step.delay_ns:.2f}", f"{end:.2f}")
            for step, end in zip(steps, ends, strict=True)]  # fmt: skip
    return join([
        tag("figure", bars(found, "The critical path, step by step", ends[-1] or 1.0)),
        details("The same as a table", table(("cell", "kind", "ns", "ns so far"), rows)),
    ])  # fmt: skip


def _tail(name: str) -> str:
    return name if len(name) <= 26 else f"\u2026{name[-25:]}"
