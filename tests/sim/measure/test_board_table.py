"""The tables of docs/fpga.md: their lines, what is left out, and the cycles that they rest on."""

import dataclasses
import hashlib
import json
import os

import pytest

from fpga.board_design import board_config
from fpga.boards import BOARDS
from fpga.errors import BoardError, FlowFailed
from sim.measure.board_estimates import estimated_text
from sim.measure.board_rows import ROWS
from sim.measure.board_table import estimated
from sim.measure.board_throughput import speed
from tests.support.board_tables import BUILT, NAME, REFUSED, REPORT, table_flow, write


@pytest.fixture
def flow(monkeypatch, tmp_path):
    return table_flow(monkeypatch, tmp_path)


def test_lines(flow, tmp_path):
    write(flow, BUILT.name)
    flow["error"] = BoardError("too large\nin two lines")
    failed, text = write(flow, REFUSED.name)
    assert not failed
    assert text.startswith("before\n<!-- begin table -->\n| row |")
    assert "<!-- end table -->\nafter\n<!-- begin estimated -->\nformer" in text
    assert text.count("former") == 1 and "two lines" not in text
    assert (f"| {NAME} | 12 | 2000 | 1500 | 1 | 20 | 2000 | 1500 | 1 | 20 | 24.0 | 1 | `a` to `b` |"
            in text)
    # 24 MHz, 1000 cycles a sample, 900 multiply-accumulates; two thousand LUTs.
    assert f"| {NAME} | 22 | 24000 | 12000 | 24000 * | 12000 |" in text
    assert f"- {NAME}: 3500 of 5280 logic cells (ICESTORM_LC)" in text
    assert "- icebreaker 1x1, folded: too large\n" in text
    assert "- not built yet: ulx3s-25f 1x1, infers; " in text
    assert sorted(os.listdir(tmp_path)) == ["page.md", "results"]


def test_a_row_is_kept_as_long_as_its_design(flow):
    for _ in range(2):
        write(flow, BUILT.name)
    flow["error"] = BoardError("too large")
    for _ in range(2):
        write(flow, REFUSED.name)
    assert flow["built"] == [BUILT.name, REFUSED.name]
    flow |= {"design": "module tomorrow; endmodule", "error": None}
    _, text = write(flow, ROWS[2].name)
    assert f"| {NAME} (a former design) | 12 |" in text
    assert "- icebreaker 1x1, folded (a former design): too large" in text
    _, text = write(flow, BUILT.name, REFUSED.name)
    assert flow["built"][2:] == [ROWS[2].name, BUILT.name, REFUSED.name]
    assert f"| {NAME} | 12 |" in text and "| icebreaker 1x1, folded | 12 |" in text
    assert "former design" not in text and "too large" not in text


def test_how_blocks_start_in_simulators_changes_no_row(flow):
    """A row of Verilog in which a declaration started them is of today's design."""
    former = "  reg \\$auto$verilog_backend.cc:1:dump_module$1  = 0;\n"
    flow["design"] = former
    write(flow, BUILT.name)
    flow["error"] = BoardError("too large")
    write(flow, REFUSED.name)
    kept = json.loads((flow["results"] / f"{REFUSED.name}.refused.json").read_text())
    assert kept["design"] == hashlib.sha256(former.encode()).hexdigest()
    name = former.split()[1]
    flow |= {"design": f"  reg {name} ; initial {name} <= 0;\n", "error": None}
    _, text = write(flow, BUILT.name, REFUSED.name)
    assert flow["built"] == [BUILT.name, REFUSED.name] and "former design" not in text
    flow["design"] = f"  reg {name} ; initial {name} <= 1;\n"
    _, text = write(flow, ROWS[2].name)
    assert f"| {NAME} (a former design) | 12 |" in text
    assert "- icebreaker 1x1, folded (a former design): too large" in text


@pytest.mark.parametrize("changed", [{"synthesis": "another"}, {"target_mhz": 1.0},
                                     {"fmax_mhz_by_seed": {}}])
def test_a_row_is_kept_as_long_as_its_flow(changed, flow):
    write(flow, BUILT.name)
    report = flow["results"] / BUILT.name / "report.json"
    report.write_text(json.dumps(json.loads(report.read_text()) | changed))
    _, text = write(flow, ROWS[2].name)
    assert f"| {NAME} (a former design) | 12 |" in text
    _, text = write(flow, BUILT.name)
    assert "former design" not in text
    assert flow["built"].count(BUILT.name) == 2


def test_a_row_has_as_many_seeds_as_it_asks_for(flow):
    row = next(row for row in ROWS if row.tries > 1)
    write(flow, row.name)
    report = json.loads((flow["results"] / row.name / "report.json").read_text())
    assert len(report["fmax_mhz_by_seed"]) == row.tries


def test_what_refuses_a_design_stands_before_its_former_build(flow):
    write(flow, BUILT.name)
    flow |= {"design": "module larger; endmodule", "error": BoardError("too large")}
    _, text = write(flow, BUILT.name)
    assert f"- {NAME}: too large" in text and f"| {NAME}" not in text


def test_a_refusal_of_an_unknown_design_is_stale(flow):
    flow["results"].mkdir()
    (flow["results"] / f"{BUILT.name}.refused.json").write_text(json.dumps("too large"))
    _, text = write(flow, REFUSED.name)
    assert f"- {NAME} (a former design): too large" in text


def test_a_tool_that_fails_refuses_nothing(flow, capsys):
    flow["error"] = FlowFailed("yosys was killed")
    failed, text = write(flow, BUILT.name)
    assert failed == [BUILT.name]
    assert f"- not built yet: {NAME};" in text
    assert f"{BUILT.name}: yosys was killed" in capsys.readouterr().err
    flow["error"] = None
    failed, text = write(flow, BUILT.name)
    assert not failed and f"| {NAME} | 12 |" in text


def test_a_page_without_marks_is_refused(flow):
    flow["page"].write_text("nothing\n")
    with pytest.raises(ValueError, match="must have the lines <!-- begin table --> and"):
        write(flow, BUILT.name)
    assert flow["page"].read_text() == "nothing\n"


def test_what_the_model_knows_nothing_of_has_no_estimate():
    torus = dataclasses.asdict(board_config(BOARDS["icebreaker"], 1, 1))
    text = estimated_text([
        ("small", REPORT | {"torus": torus}),
        ("folded", REPORT | {"torus": torus, "folded": True}),
        ("Gowin", REPORT | {"torus": torus, "board": "tangnano9k"}),
    ], [(row.title, row.board, row.config) for row in ROWS if row.board_name == "tangnano9k"])
    assert "| small | 2000 |" in text and "folded" not in text and "Gowin" not in text


def test_estimates_stand_beside_what_was_built(flow):
    write(flow, BUILT.name)
    before = list(flow["built"])
    estimated(flow["results"], flow["page"])
    text = flow["page"].read_text().split("<!-- begin estimated -->\n")[1]
    assert flow["built"] == before
    assert "| ulx3s-85f | 4x8 | " in text and "| ulx3s-85f | 4x5, trains | " in text
    assert "- board icebreaker holds no torus that trains" in text
    missing = text.split("not built:\n", 1)[1].split("Whole board")[0]
    assert missing.count("\n| ulx3s-85f ") == sum(row.board_name == "ulx3s-85f" for row in ROWS)
    assert NAME not in missing
    assert f"| {NAME} | 2000 | " in text.split("the fit has not seen:\n", 1)[1]
    assert "- ice40: each of 4 measured tori" in text and "tangnano9k" not in text


@pytest.mark.parametrize("train, cycles", [(False, 632.0), (True, 1308.0)])
def test_cycles_do_not_depend_on_the_size_of_memories(train, cycles):
    """docs/fpga.md rests on that: a net that does not fit is predicted with larger ones."""
    config = board_config(BOARDS["ulx3s-85f"], 2, 2, train=train)
    found = speed(config, "digits")
    assert (found.cycles, found.fits) == (cycles, True)
    assert found.macs == 2448 * (3 if train else 1)
    small = speed(dataclasses.replace(config, weight_words=64), "digits")
    assert (small.cycles, small.fits) == (cycles, False)
