"""Levels of logic between registers: how they are counted, and that no block has more of them."""

import json

import pytest

from fpga import levels
from fpga.errors import FlowFailed
from fpga.level_blocks import BLOCKS, block_netlist
from fpga.logic_levels import Path, paths_of

OUTPUTS = {"Q", "Z", "S0", "S1", "COUT", "DO", "DOB", "P"}
QUICK = ("bridge",)  # The others take longer, all by the same way.


def cell(kind, parameters=(), **connections):
    return {"type": kind, "parameters": dict(parameters),
            "port_directions": {port: "output" if port in OUTPUTS else "input"
                                for port in connections},
            "connections": {port: list(bits) if isinstance(bits, tuple) else [bits]
                            for port, bits in connections.items()}}


def netlist(cells, **names):
    """A netlist of cells; bit 1 is its clock, and bit 2 what a register `start` drives."""
    cells = {"first": cell("TRELLIS_FF", CLK=1, DI="0", Q=2), **cells}
    nets = {name: {"hide_name": 0, "bits": [bit]} for name, bit in {"start": 2, **names}.items()}
    return {"modules": {"LUT4": {"cells": {}}, "top": {"cells": cells, "netnames": nets}}}


def ends(bit, out=90):
    """A register at the end of a path."""
    return cell("TRELLIS_FF", CLK=1, DI=bit, Q=out)


def lut(out, *inputs):
    return cell("LUT4", Z=out, **dict(zip("ABCD", [*inputs, "0", "0", "0"], strict=False)))


def test_a_path_is_as_deep_as_its_deepest_way():
    cells = {"one": lut(3, 2), "two": lut(4, 3, 2), "three": lut(5, 2, 4), "end": ends(5)}
    path, = paths_of(netlist(cells, end=90))
    assert path == Path(3, pytest.approx(0.52 + 3 * (1.05 + 0.24) + 1.05), "start", "end", "DI")


def test_a_carry_chain_counts_once_and_no_input_of_the_upper_half_is_in_the_lower_sum():
    chain = {f"carry_{place}": cell("CCU2C", A0=2, B0="0", A1=3, CIN=10 + place, COUT=11 + place,
                                    S0=30 + place, S1=40 + place) for place in range(3)}
    cells = {"deep": lut(3, 2), **chain, "low": ends(30, 91), "high": ends(32, 92)}
    found = {path.end: path for path in paths_of(netlist(cells, low=91, high=92))}
    assert found["low"].levels == 1 and found["high"].levels == 2
    # A LUT, into the chain, along a cell, out of it, and to the register.
    assert found["high"].delay_ns == pytest.approx(
        0.52 + 1.05 + 0.24 + 1.05 + 0.45 + 0.07 + 0.4 + 1.05)


@pytest.mark.parametrize("parameters, expected", [({"REGMODE_B": "OUTREG"}, 1),
                                                  ({"REGMODE_B": "NOREG"}, 5)])
def test_a_memory_without_its_output_register_counts_as_what_its_delay_is_worth(
        parameters, expected):
    cells = {"ram": cell("DP16KD", parameters, CLKB=1, ADB=2, DOB=3), "one": lut(4, 3),
             "end": ends(4)}
    found = {path.end: path.levels for path in paths_of(netlist(cells, end=90))}
    assert found == {"end": expected, "ram": 0}


@pytest.mark.parametrize("parameters, expected", [
    ({"REG_INPUTA_CLK": "CLK0", "REG_INPUTB_CLK": "CLK0", "REG_OUTPUT_CLK": "CLK0"}, {
        "end": 0, "product": 1}),
    ({"REG_INPUTA_CLK": "CLK0", "REG_INPUTB_CLK": "CLK0"}, {"end": 3, "product": 1}),
    ({}, {"end": 4})])
def test_a_multiplier_counts_by_the_registers_that_it_uses(parameters, expected):
    cells = {"one": lut(3, 2), "product": cell("MULT18X18D", parameters, CLK0=1, A=3, P=4),
             "end": ends(4)}
    assert {path.end: path.levels for path in paths_of(netlist(cells, end=90))} == expected


def test_what_a_reset_network_and_pins_drive_is_no_path():
    cells = {"network": cell("DCCA", CLKI=2, Q=3), "pin": lut(5, 4),
             "end": cell("TRELLIS_FF", CLK=1, DI=5, LSR=3, Q=90)}
    assert [path.port for path in paths_of(netlist(cells, end=90))] == []


@pytest.mark.parametrize("broken, message", [
    ({}, "lacks 'modules'"), ({"modules": {}}, "0 of its modules"),
    (netlist({"one": lut(3, 4), "two": lut(4, 3), "end": ends(4)}), "loop of logic")])
def test_no_netlist_is_refused(broken, message):
    with pytest.raises(FlowFailed, match=message):
        paths_of(broken)


@pytest.fixture
def small(tmp_path):
    path = tmp_path / "netlist.json"
    path.write_text(json.dumps(netlist(
        {"one": lut(3, 2), "two": lut(4, 3), "end": ends(4), "other": ends(3, 91)},
        **{"design.a.end[0]": 90, "design.a.end[1]": 91})))
    return path


def test_the_table_and_the_file_say_the_same(small, tmp_path, capsys):
    report = tmp_path / "levels.json"
    assert levels.main(["--netlist", str(small), "--json", str(report), "--paths", "1"]) == 0
    said = capsys.readouterr().out
    assert "deepest 2 levels" in said and "2 levels, 4.2 ns: start -> a.end.DI" in said
    kept = json.loads(report.read_text())
    assert kept["levels"] == kept["modules"]["a"] == {"1": 1, "2": 1}
    assert [path["end"] for path in kept["paths"]] == ["design.a.end[0]"]


@pytest.mark.parametrize("limit, status", [("2", 0), ("1", 1)])
def test_a_limit_decides_the_status(small, limit, status, capsys):
    assert levels.main(["--netlist", str(small), "--limit", limit]) == status
    assert ("paths of more than 1 levels: 1" in capsys.readouterr().out) == bool(status)


@pytest.mark.parametrize("arguments, message", [
    (["--top", "ring"], "--top must be one of pe, .*, not 'ring'"),
    (["--torus", "0x4"], "torus 0x4: rows must be"), (["--torus", "four"], "ROWSxCOLUMNS"),
    (["--limit", "few"], "--limit must be a whole number from 0 to 99, not 'few'"),
    (["--paths", "-1"], "--paths"), (["--netlist", "none.json"], "there is no none.json"),
    (["--netlist", "{}", "--top", "pe"], "leave them out"), (["--deep"], "--deep"),
    (["--netlist", "{}", "--json", "{}"], "another file"),
    (["--netlist", "{}", "--json", "/dev/null/out"], "/dev/null")])
def test_bad_input_is_refused_before_anything_is_done(small, arguments, message, monkeypatch):
    monkeypatch.setattr(levels, "block_netlist", None)
    monkeypatch.setattr(levels, "paths_of", None)
    before = small.read_text()
    with pytest.raises((ValueError, RuntimeError), match=message) as error:
        levels.main([text.format(small) for text in arguments])
    assert "\n" not in str(error.value) and getattr(error.value, "exit_status", 0) == 2
    assert small.read_text() == before


def test_a_damaged_netlist_is_refused(small):
    small.write_text("{")
    with pytest.raises(FlowFailed, match="netlist.json"):
        levels.main(["--netlist", str(small)])


@pytest.mark.parametrize("name", [
    pytest.param(name, marks=[] if name in QUICK else [pytest.mark.slow])
    for name, block in BLOCKS.items() if block.most_levels is not None])
def test_no_block_has_more_levels_than_it_had(name, tmp_path):
    """A path that has become slow is found here, long before a board is placed."""
    found = paths_of(block_netlist(name, 4, 4, tmp_path))
    worst = [path for path in found if path.levels > BLOCKS[name].most_levels]
    assert not worst, worst[:5]
    # It has not become better unnoticed, either.
    assert found[0].levels == BLOCKS[name].most_levels
