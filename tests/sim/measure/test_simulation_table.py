"""The table of the simulation's speed: every row beside its aim."""

import pytest

from sim.measure.simulation import CASES, VERILATOR
from sim.measure.simulation_table import AVX2, VECTOR, simulation_table


def value(computes="inference", torus="8x8", **rates):
    return {"computes": computes, "torus": torus, "pes": 64, "engines": {
        name: {"build_s": 14.0, "rate": rate, "memory_mb": 1.5} for name, rate in rates.items()}}


def cells(text: str, engine: str) -> list[str]:
    (line,) = (line for line in text.splitlines() if f"| {engine} |" in line)
    return [cell.strip() for cell in line.strip("|").split("|")]


@pytest.mark.parametrize("rate, verdict", [(800.0, "met"), (799.0, "**missed**")])
def test_a_speed_is_held_against_verilator(rate, verdict):
    text = simulation_table([value(**{VERILATOR: 100.0, VECTOR: rate, AVX2: 350.0})])
    assert cells(text, VECTOR) == ["inference", "8x8", VECTOR, "14.0", "met", "1.5",
                                   f"{rate:,.0f}", f"{64 * rate:,.0f}", f"{rate / 100:.1f}", "8",
                                   verdict]
    assert cells(text, AVX2)[-3:] == ["3.5", "3.5", "met"]
    assert cells(text, VERILATOR)[-3:] == ["1.0", "", "-"]
    assert f"Of 3 aims, {3 - ('missed' in verdict)} are met" in text


def test_without_verilator_the_build_alone_is_judged():
    slow = value(torus="64x64", **{VECTOR: 100.0})
    slow["engines"][VECTOR]["build_s"] = 15.1
    text = simulation_table([slow])
    assert cells(text, VECTOR)[3:5] == ["15.1", "**missed**"]
    assert cells(text, VECTOR)[-3:] == ["", "", "-"]


def test_every_aim_is_measured():
    measured = {(case.computes, case.torus) for case in CASES if case.verilator}
    assert measured >= {("inference", "4x4"), ("inference", "8x8"), ("inference", "16x16"),
                        ("training", "4x4"), ("training", "8x8")}
