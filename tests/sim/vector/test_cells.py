"""Each kind of cell against Yosys' own evaluation, on random values; and a mutant of each."""

import pytest

import sim.vector.cells
from sim.errors import VectorRefused
from sim.vector.cells import check_kind
from sim.vector.netlist import Cell
from tests.support.vector_cells import KINDS, all_kinds, by_engine, by_yosys, random_inputs

CASES = 64

# What a kind might be mistaken for.
MUTANTS = {
    "$and": "$or", "$or": "$xor", "$xor": "$or", "$xnor": "$xor", "$add": "$sub", "$sub": "$add",
    "$mul": "$add", "$eq": "$ne", "$ne": "$eq", "$lt": "$le", "$le": "$lt", "$gt": "$ge",
    "$ge": "$gt", "$logic_and": "$logic_or", "$logic_or": "$logic_and", "$not": "$neg",
    "$neg": "$not", "$reduce_or": "$reduce_xor", "$reduce_bool": "$reduce_and",
    "$reduce_and": "$reduce_or", "$reduce_xor": "$reduce_or", "$reduce_xnor": "$reduce_xor",
    "$logic_not": "$reduce_or", "$shl": "$shr", "$sshl": "$shr", "$shr": "$sshr", "$sshr": "$shr"}


@pytest.fixture(scope="module")
def bench():
    return all_kinds()


@pytest.fixture(scope="module")
def inputs(bench):
    return random_inputs(bench, CASES, seed=0)


@pytest.fixture(scope="module")
def expected(bench, inputs, tmp_path_factory):
    return by_yosys(bench, inputs, tmp_path_factory.mktemp("yosys"))


@pytest.mark.parametrize("copies", [64, 1])
def test_every_kind_computes_what_yosys_computes(bench, inputs, expected, copies, tmp_path):
    found = by_engine(bench, inputs, tmp_path, copies)
    assert set(bench.kind_of.values()) == set(KINDS)
    for values, wanted, got in zip(inputs, expected, found, strict=True):
        for name, kind in bench.kind_of.items():
            assert got[name] == wanted[name], (
                f"{kind}: {bench.module['cells'][f'cell{name[1:]}']['parameters']}, "
                f"{ {port: values.get(f'{port}{name[1:]}') for port in 'abs'} }")


def test_a_mutant_of_every_kind_is_caught(bench, inputs, expected, tmp_path):
    """Each kind is computed as another; $mux and $pmux take their other input."""
    found = by_engine(bench, inputs, tmp_path, kinds=MUTANTS)
    caught = {bench.kind_of[name] for wanted, got in zip(expected, found, strict=True)
              for name in wanted if got[name] != wanted[name]}
    assert caught == set(MUTANTS)


@pytest.mark.parametrize("kind", ["$mux", "$pmux"])
def test_a_multiplexer_that_takes_the_wrong_input_is_caught(bench, inputs, expected, kind,
                                                             tmp_path, monkeypatch):
    monkeypatch.setitem(sim.vector.cells._VALUES, kind,
                        lambda cell, body: body.word(cell.ports["A"]))
    found = by_engine(bench, inputs, tmp_path)
    caught = {bench.kind_of[name] for wanted, got in zip(expected, found, strict=True)
              for name in wanted if got[name] != wanted[name]}
    assert caught == {kind}


@pytest.mark.parametrize("kind", ["$div", "$dlatch", "$adff", "$tribuf"])
def test_an_unknown_kind_is_refused_by_name(kind):
    cell = Cell("some_cell", kind, {}, {"A": [2], "Y": [3]})
    with pytest.raises(VectorRefused, match=rf"\{kind}.*some_cell of module pe: take --engine ver"):
        check_kind(cell, "pe")


def test_words_that_are_too_wide_are_refused():
    cell = Cell("sum", "$add", {}, {"A": list(range(65)), "B": [0], "Y": [1]})
    with pytest.raises(VectorRefused, match=r"at most 64 bits: \$add sum of module pe is wider"):
        check_kind(cell, "pe")
