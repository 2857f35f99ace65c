"""The table of placed boards: made from builds that take no tools, and what it rests on."""

import dataclasses

import pytest

from fpga.errors import BoardError
from fpga.lane_search import propose
from sim.measure import net_table
from sim.measure.net_rows import NET_ROWS
from sim.measure.net_table import table
from tests.support.board_tables import table_flow

FASTEST = NET_ROWS[6]
OTHER = NET_ROWS[7]


@pytest.fixture
def flow(monkeypatch, tmp_path):
    state = table_flow(monkeypatch, tmp_path)
    state["page"].write_text("before\n<!-- begin net table -->\n<!-- end net table -->\nafter\n")
    monkeypatch.setattr(net_table, "NET_ROWS", (FASTEST, OTHER))
    return state


def write(flow, *names):
    failed = table(flow["results"], flow["page"], set(names))
    return failed, flow["page"].read_text()


def test_lines(flow):
    failed, text = write(flow, FASTEST.name)
    assert not failed
    # 24 MHz and 692 cycles are 34,682 samples a second, on 2000 LUTs.
    assert (f"| {FASTEST.title} | 692 | 2000 | 1500 | 1 | 20 | 24.0 | 1 | 34682 | 10314 | 3.36 | "
            "17341 | `a` to `b` |") in text
    assert f"- {OTHER.title}: not built yet\n" in text
    flow["error"] = BoardError("too large\nin two lines")
    _, text = write(flow, OTHER.name)
    assert f"- {OTHER.title}: too large\n" in text and "not built" not in text
    assert text.startswith("before\n<!-- begin net table -->\n| row |") and "two lines" not in text


def test_a_row_of_a_fresh_clone_stays(flow, tmp_path):
    _, text = write(flow, FASTEST.name)
    flow["results"] = tmp_path / "none"
    flow["error"] = BoardError("too large")
    _, again = write(flow, OTHER.name)
    assert [line for line in text.splitlines() if line.startswith(f"| {FASTEST.title}")] == [
        line for line in again.splitlines() if line.startswith(f"| {FASTEST.title}")]


def test_a_row_of_another_design_is_marked_and_built_again(flow):
    write(flow, FASTEST.name)
    flow["design"] = "module tomorrow; endmodule"
    _, text = write(flow, OTHER.name)
    assert f"| {FASTEST.title} (a former design) |" in text
    _, text = write(flow, FASTEST.name)
    assert flow["built"] == [FASTEST.name, OTHER.name, FASTEST.name]
    assert "former design" not in text


def test_bad_input_is_refused_before_anything_is_built(flow):
    with pytest.raises(BoardError, match="row must be one of .*, not 'nothing'"):
        write(flow, "nothing")
    flow["page"].write_text("no marks\n")
    with pytest.raises(BoardError, match="must have the lines <!-- begin net table -->"):
        write(flow)
    assert not flow["built"]


def test_names_and_titles_are_unlike():
    assert len({row.name for row in NET_ROWS}) == len({row.title for row in NET_ROWS}) == len(
        NET_ROWS)


def test_the_torus_is_the_one_that_is_proposed():
    row = FASTEST
    best = propose(row.board, row.net, torus=(row.rows, row.cols)).best
    assert (best.config.lanes_in, best.config.lanes_out) == row.lanes
    assert (best.config, best.cycles) == (row.config, row.cycles)


def test_a_torus_that_trains_takes_targets_and_has_its_lanes():
    [row] = [row for row in NET_ROWS if row.kind == "trains"]
    assert row.config.training is not None and row.config.training.targets
    assert row.config.lanes_out == row.lanes[1] and row.cycles == 1532
    assert dataclasses.replace(row, tries=2).config == row.config
