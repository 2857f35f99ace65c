"""The table of `clostorus bench simulation`: speeds beside the aims that they were built for."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from .results import markdown_table
from .verdicts import Verdicts

__all__ = ["AVX2", "MOST_BUILD_S", "VECTOR", "VERILATOR", "Case", "simulation_table"]

VERILATOR, VECTOR, AVX2 = "verilator", "vector", "vector, AVX2"
"""The engines: the vector engine as it is, and built for AVX2 on a processor that has more."""

MOST_BUILD_S = 15.0
"""What a build of the vector engine may take, whatever the size of the torus."""

# Times Verilator's cycles a second, at least.
_AIMS: Mapping[tuple[str, str, str], float] = {
    ("inference", "4x4", VECTOR): 2.0,
    ("inference", "8x8", VECTOR): 8.0, ("inference", "8x8", AVX2): 3.5,
    ("inference", "16x16", VECTOR): 12.0, ("inference", "16x16", AVX2): 4.0,
    ("training", "4x4", VECTOR): 1.5, ("training", "8x8", VECTOR): 7.0,
}


@dataclasses.dataclass(frozen=True)
class Case:
    """What is simulated.

    Parameters
    ----------
    computes
        "inference" or "training".
    torus
        "RxC".
    verilator, cocotb
        What simulates it beside the vector engine.
    """

    computes: str
    torus: str
    verilator: bool = True
    cocotb: bool = False


def simulation_table(values: Sequence[Mapping[str, Any]]) -> str:
    """The engines side by side, with what is aimed at; and how many aims are met.

    Parameters
    ----------
    values
        Of each case: `computes`, `torus`, `pes`, and of its `engines`, by their names, `build_s`,
        `rate` in cycles a second and `memory_mb`.
    """
    header = ("computes", "torus", "engine", "build s", f"at most {MOST_BUILD_S:g} s", "memory MB",
              "cycles/s", "PE cycles/s", "times Verilator", "aim", "verdict")
    verdicts = Verdicts()
    rows = [_row(value, name, verdicts) for value in values for name in value["engines"]]
    return f"{markdown_table(header, rows)}\n{verdicts}\n"


def _row(value: Mapping[str, Any], name: str, verdicts: Verdicts) -> tuple[str, ...]:
    found, reference = value["engines"][name], value["engines"].get(VERILATOR)
    times = None if reference is None else found["rate"] / reference["rate"]
    aim = None if times is None else _AIMS.get((value["computes"], value["torus"], name))
    built = verdicts.at_most(found["build_s"], MOST_BUILD_S if name == VECTOR else None)
    memory_mb = found["memory_mb"]
    return (value["computes"], value["torus"], name, f"{found['build_s']:.1f}", built,
            "" if memory_mb is None else f"{memory_mb:.1f}",
            f"{found['rate']:,.0f}", f"{found['rate'] * value['pes']:,.0f}",
            "" if times is None else f"{times:.1f}", "" if aim is None else f"{aim:g}",
            verdicts.at_least(times or 0.0, aim))
