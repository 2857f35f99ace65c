"""Each kind of register and memory against Yosys' own solution, step by step; and its mutants."""

import pytest

import sim.vector.emit
from tests.support.vector_registers import (
    KINDS,
    READS,
    netlist_of,
    random_steps,
    registers,
    steps_by_engine,
    steps_by_yosys,
)

RUNS = 3
# What a kind might be mistaken for.
MUTANTS = {"$dffe": "$dff", "$sdff": "$dff", "$sdffe": "$sdffce", "$sdffce": "$sdffe"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("registers")


@pytest.fixture(scope="module")
def bench(folder, toolchain):
    return registers(folder)


@pytest.fixture(scope="module")
def runs():
    return [random_steps(seed) for seed in range(RUNS)]


@pytest.fixture(scope="module")
def expected(bench, runs, folder):
    return [steps_by_yosys(steps, folder) for steps in runs]


def caught(bench, expected, found):
    """Kinds of which an output is wrong in a step of a lane."""
    return {kind for lane, steps in enumerate(found)
            for wanted, got in zip(expected[lane % RUNS], steps, strict=True)
            for name, kind in bench.kind_of.items() if wanted[name] != got[name]}


@pytest.mark.parametrize("copies", [64, 1])
def test_every_kind_keeps_what_yosys_keeps(bench, runs, expected, tmp_path, copies):
    netlist = netlist_of(bench)
    assert {cell.kind for cell in netlist.cells} >= {*KINDS, "$mem_v2"}
    assert all(steps[0].keys() == bench.kind_of.keys() for steps in expected)
    assert not caught(bench, expected, steps_by_engine(netlist, runs, tmp_path, copies))


def test_a_mutant_of_every_register_is_caught(bench, runs, expected, tmp_path, monkeypatch):
    found = steps_by_engine(netlist_of(bench, MUTANTS), runs, tmp_path)
    assert caught(bench, expected, found) == set(MUTANTS)
    monkeypatch.setattr(sim.vector.emit, "register_value",
                        lambda cell, body, kept: f"{kept}")
    found = steps_by_engine(netlist_of(bench), runs, tmp_path)
    assert caught(bench, expected, found) >= set(KINDS)


def test_registers_that_are_never_changed_are_caught(bench, runs, expected, tmp_path, monkeypatch):
    """Those of a group, which change where an enable or a reset of any copy says so."""
    monkeypatch.setattr(sim.vector.emit, "changes", lambda cell, body: "zeros()")
    found = caught(bench, expected, steps_by_engine(netlist_of(bench), runs, tmp_path))
    assert {"$dffe", "$sdffe"} <= found <= {"$dffe", "$sdffe", "$sdffce"}


def without_enable(cell, body, number):
    return f"n.x{number} = {sim.vector.memories.read(cell, body, number)};"


@pytest.mark.parametrize("part, mutant, kinds", [
    ("write", lambda cell, body, number: ";", set(READS)),
    ("next_read", without_enable, {"enabled", "reset"}),
    ("memory_words", lambda cell: [], set(READS)),
], ids=["no write", "no enable", "no first words"])
def test_a_mutant_of_every_memory_is_caught(bench, runs, expected, tmp_path, monkeypatch, part,
                                            mutant, kinds):
    monkeypatch.setattr(sim.vector.emit, part, mutant)
    found = steps_by_engine(netlist_of(bench), runs, tmp_path)
    assert caught(bench, expected, found) == {f"$mem_v2, read {kind}" for kind in kinds}
