"""Cycles of a sample beside what bounds them, and what the engines do in that time."""

from collections.abc import Mapping

from sw_driver.compiled import Compiled
from sw_driver.cycle_model import ACTIVITIES
from sw_driver.files.report import OP_HEADER, op_rows
from sw_driver.report.bars import Bar, bars, legend
from sw_driver.report.markup import details, join, note, number, percent, table, tag
from sw_driver.report.page import Section

__all__ = ["cycles_section"]

_ENGINES = {
    "mac": "MACs",
    "row": "row rings, PEs",
    "col": "column rings",
    "ring": "row rings, gateways",
    "host_in": "host input",
    "host_out": "host output",
}
# Colours of activities; what is not here has that of waits.
_COLOURS = {"working": "k0", "words": "k1", "own words": "k4", "free region": "k5",
            "downstream": "k3", "host": "k2", "op fetch": "bad"}  # fmt: skip
_OTHER = "a1"


def cycles_section(compiled: Compiled) -> Section:
    """Draw the bounds, the time of each engine and the cycles of each stage."""
    prediction = compiled.prediction
    reached = prediction.cycles
    bounds = {"ideal multipliers": prediction.ideal_cycles, **prediction.bounds}
    most = max(reached, *bounds.values())
    bounding = prediction.bound_by
    limits = [
        Bar(name, number(cycles), [(cycles, "k2" if name == bounding else "k6",
                                    f"{name}: {number(cycles)} cycles a sample")])
        for name, cycles in bounds.items()
    ]  # fmt: skip
    engines = prediction.breakdown.engines
    there = [name for name in _ENGINES if name in engines]
    shares = [
        Bar(_ENGINES[name], percent(engines[name].get("working", 0.0)),
            _parts(engines[name], 1.0, ""))
        for name in there
    ]  # fmt: skip
    activities = [one for one in ACTIVITIES if any(one in engines[name] for name in there)]
    stages = [
        Bar(name, f"{number(float(sum(by_engine['mac'].values())))} cycles",
            _parts(by_engine["mac"], reached, " cycles"))
        for name in dict.fromkeys(stage.name for stage in compiled.stages)
        for by_engine in [prediction.breakdown.stages.get(name, {})] if "mac" in by_engine
    ]  # fmt: skip
    longest = max(sum(length for length, *_ in bar.parts) for bar in stages)
    content = join([
        note("What each part needs by itself for a sample, however the ops are ordered, beside the "
             f"{number(reached)} cycles that a sample takes in a long run (cycle model). The "
             f"longest, {bounding}, is the bound: no order of ops can beat it."),
        tag("figure", bars(limits, "Cycles of a sample and what bounds them", most, reached,
                           f"reached: {number(reached)} cycles")),
        tag("h3", "What the engines do, part of the time"),
        tag("figure", bars(shares, "What the engines do, part of the time", 1.0)),
        legend([(_COLOURS.get(one, _OTHER), f"{one}: {ACTIVITIES[one]}") for one in activities]),
        tag("h3", "Cycles of a MAC for each stage"),
        tag("figure", bars(stages, "Cycles of a MAC for each stage of a sample", longest)),
        details("All ops of a sample", table(OP_HEADER, op_rows(compiled),
                "words and sums are those of a PE in a repetition; cycles are those of the last "
                "PE, and 0 is when its row ring begins with the sample")),
    ])  # fmt: skip
    return Section("cycles", "Cycles beside the bound", content)


def _parts(
    activities: Mapping[str, float], whole: float, unit: str
) -> list[tuple[float, str, str]]:
    """The parts of a bar: what is spent on each activity, in the order of their list."""
    return [
        (activities[one], _COLOURS.get(one, _OTHER),
         f"{one}: {number(activities[one]) if unit else percent(activities[one] / whole)}{unit}")
        for one in ACTIVITIES if activities.get(one)
    ]  # fmt: skip
