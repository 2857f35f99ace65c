"""The table of `clostorus bench simulation`: speeds beside the targets that they were built for."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from .results import markdown_table

__all__ = ["AVX2", "VECTOR", "VERILATOR", "Case", "simulation_tables"]

VERILATOR, VECTOR, AVX2 = "verilator", "vector", "vector, AVX2"
"""The engines: the vector engine as it is, and built for AVX2 on a processor that has more."""

MOST_BUILD_S = 15.0
"""What a build of the vector engine may take, of any size."""

# Times Verilator's cycles a second.
_TARGETS: dict[tuple[str, str, str], float] = {
    ("inference", "4x4", VECTOR): 2.0,
    ("inference", "8x8", VECTOR): 8.0, ("inference", "8x8", AVX2): 3.5,
    ("inference", "16x16", VECTOR): 12.0, ("inference", "16x16", AVX2): 4.0,
    ("training", "4x4", VECTOR): 1.5, ("training", "8x8", VECTOR): 7.0,
}


@dataclasses.dataclass(frozen=True)
class Case:
    """What is simulated: "inference" or "training", on a torus, and beside the vector engine."""

    computes: str
    torus: str
    verilator: bool = True
    cocotb: bool = False


def simulation_tables(values: Sequence[Mapping[str, Any]]) -> str:
    """The engines side by side; and what is said of the vector engine, as a verdict a row."""
    header = ("computes", "torus", "engine", "build s", "cycles/s", "PE cycles/s", "memory MB",
              "times Verilator", "target", "verdict")
    rows = [_row(value, name) for value in values for name in value["engines"]]
    return markdown_table(header, rows)


def _row(value: Mapping[str, Any], name: str) -> tuple[str, ...]:
    found, reference = value["engines"][name], value["engines"].get(VERILATOR)
    times = "" if reference is None else f"{found['rate'] / reference['rate']:.1f}"
    target = _TARGETS.get((value["computes"], value["torus"], name))
    wanted: list[str] = []
    met: list[bool] = []
    if target is not None and reference is not None:
        wanted.append(f"{target:g} times")
        met.append(found["rate"] >= target * reference["rate"])
    if name == VECTOR:
        wanted.append(f"build {MOST_BUILD_S:g} s")
        met.append(found["build_s"] <= MOST_BUILD_S)
    memory = "" if found["memory_mb"] is None else f"{found['memory_mb']:.1f}"
    return (value["computes"], value["torus"], name, f"{found['build_s']:.1f}",
            f"{found['rate']:,.0f}", f"{found['rate'] * value['pes']:,.0f}", memory, times,
            ", ".join(wanted), _verdict(met))


def _verdict(met: Sequence[bool]) -> str:
    if not met:
        return ""
    if all(met):
        return "met"
    return "missed" if not any(met) else "missed: " + ", ".join(
        name for name, one in zip(("speed", "build"), met[-2:], strict=False) if not one)
