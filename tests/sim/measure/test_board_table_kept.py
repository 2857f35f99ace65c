"""What the tables of docs/fpga.md rest on, a page and kept builds: neither of them is lost."""

import json
import shutil

import pytest

from fpga.errors import BoardError, FlowFailed
from sim.measure.board_rows import ROWS, build_row, read_row
from sim.measure.board_table import estimated, table
from sim.measure.markdown import cells_by_row, notes_by_row, text_between_marks
from sw_driver.errors import DriverError
from tests.support.board_tables import BUILT, NAME, REFUSED, table_flow, write
from tests.support.project import ROOT

PAGE = ROOT / "docs" / "fpga.md"


@pytest.fixture
def flow(monkeypatch, tmp_path):
    return table_flow(monkeypatch, tmp_path)


@pytest.fixture
def page(flow):
    """The page as a fresh clone has it, without anything kept of a build."""
    shutil.copy(PAGE, flow["page"])
    return flow["page"]


def test_estimates_of_a_fresh_clone_change_nothing(page, tmp_path):
    before = page.read_text()
    estimated(tmp_path / "none", page)
    assert page.read_text() == before


def test_a_row_built_in_a_fresh_clone_leaves_the_others(flow, page):
    before = text_between_marks(page, "table")
    _, text = write(flow, BUILT.name)
    after = text_between_marks(page, "table")
    rows = [row.title for row in ROWS if row is not BUILT]
    for title, cells in cells_by_row(before).items():
        assert (cells == cells_by_row(after)[title]) == (title != BUILT.title)
    assert f"| {NAME} | 12 | 2000 |" in text
    for title in rows:
        assert notes_by_row(after).get(title) == notes_by_row(before).get(title)
    # Estimated beside what the page says of the others, and what is kept of this one.
    models = cells_by_row(text_between_marks(page, "estimated"))
    estimated(flow["results"], page)
    again = cells_by_row(text_between_marks(page, "estimated"))
    assert again.pop(NAME)["LUT, built"] == "2000" and models.pop(NAME)["LUT, built"] != "2000"
    assert again == models


def test_a_former_build_does_not_displace_a_later_one_of_the_page(flow):
    """The same build is marked once its design has changed; another one of the page is not."""
    write(flow, BUILT.name)
    flow["design"] = "module tomorrow; endmodule"
    later = flow["page"].read_text().replace(f"| {NAME} | 12 | 2000 |", f"| {NAME} | 12 | 1999 |")
    _, marked = write(flow, ROWS[2].name)
    assert f"| {NAME} (a former design) | 12 | 2000 |" in marked
    flow["page"].write_text(later)
    _, text = write(flow, ROWS[2].name)
    assert f"| {NAME} | 12 | 1999 |" in text and f"{NAME} (a" not in text
    estimated(flow["results"], flow["page"])
    assert f"| {NAME} | 1999 |" in text_between_marks(flow["page"], "estimated")


def test_columns_that_are_new_are_empty_for_rows_that_are_not_built(flow):
    text = flow["page"].read_text().replace(
        "former\n<!-- end table -->",
        f"| row | LUT | gone |\n| --- | ---: | ---: |\n| {NAME} | 5 | 6 |\n<!-- end table -->")
    flow["page"].write_text(text)
    _, after = write(flow, ROWS[2].name)
    assert f"| {NAME} |  | 5 |  |" in after and "| 6 |" not in after


@pytest.mark.parametrize("content", ["", "{", "[]", "3", '{"torus": 1}', "[" * 10**5, b"\xff"])
def test_a_damaged_report_is_built_again(flow, capsys, content):
    write(flow, BUILT.name)
    report = flow["results"] / BUILT.name / "report.json"
    whole = report.read_bytes()
    report.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert read_row(BUILT, flow["results"]) is None
    _, text = write(flow, ROWS[2].name)
    assert f"| {NAME} | 12 |" in text  # As the page had it.
    build_row(BUILT, flow["results"])
    assert report.read_bytes() == whole and flow["built"].count(BUILT.name) == 2
    assert "report.json is damaged: the row is built again" in capsys.readouterr().err


def test_any_cut_of_a_report_is_found(flow):
    write(flow, BUILT.name)
    report = flow["results"] / BUILT.name / "report.json"
    whole = report.read_bytes()
    for length in range(len(whole)):
        report.write_bytes(whole[:length])
        assert read_row(BUILT, flow["results"]) is None
    for name in set(json.loads(whole)) - {"synthesis", "target_mhz"}:
        values = json.loads(whole)
        del values[name]
        report.write_text(json.dumps(values))
        assert read_row(BUILT, flow["results"]) is None, name


@pytest.mark.parametrize("content", ["", "{", "[]", '{"design": "a"}', '{"message": 3}'])
def test_a_damaged_refusal_is_asked_for_again(flow, content):
    flow["error"] = BoardError("too large")
    write(flow, REFUSED.name)
    kept = flow["results"] / f"{REFUSED.name}.refused.json"
    kept.write_text(content)
    assert read_row(REFUSED, flow["results"]) is None
    write(flow, REFUSED.name)
    assert json.loads(kept.read_text())["message"] == "too large"


def test_a_design_that_is_gone_makes_a_build_a_former_one(flow):
    write(flow, BUILT.name)
    (flow["results"] / BUILT.name / "design.v").unlink()
    kept = read_row(BUILT, flow["results"])
    assert kept is not None and kept.stale


def test_a_full_disk_refuses_no_design(flow):
    """What cannot be written now may be later: it is not kept as what refuses the design."""
    flow["error"] = DriverError("out cannot be written: No space left on device")
    with pytest.raises(DriverError, match="No space left"):
        write(flow, BUILT.name)
    assert read_row(BUILT, flow["results"]) is None
    flow["error"] = None
    assert f"| {NAME} | 12 |" in write(flow, BUILT.name)[1]


def test_bad_input_is_refused_before_anything_is_built(flow, tmp_path):
    def refuse(error, message, page=flow["page"], names=frozenset()):
        with pytest.raises(error, match=message):
            table(flow["results"], page, set(names))
        assert not flow["built"]

    refuse(BoardError, "row must be one of icebreaker-1x1-infers, .*, not 'nine'", names={"nine"})
    refuse(BoardError, "page.md must be a page .* No such file", page=tmp_path / "no" / "page.md")
    refuse(BoardError, "must be a page .*directory", page=tmp_path)
    flow["page"].write_bytes(b"\xff")
    refuse(BoardError, "must be a page to write tables to: 'utf-8' codec")
    flow["page"].write_text("nothing")
    refuse(BoardError, "must have the lines <!-- begin table -->")
    with pytest.raises(BoardError, match="must have the lines <!-- begin table -->"):
        estimated(flow["results"], flow["page"])


def test_what_fails_is_said_in_the_end(flow, monkeypatch):
    from sim.measure import board_table as page_table
    from sim.measure import row_program

    flow["error"] = FlowFailed("yosys was killed")
    monkeypatch.setattr(row_program, "RESULTS", flow["results"])
    monkeypatch.setattr(row_program, "PAGE", flow["page"])
    monkeypatch.setattr("sys.argv", ["table", BUILT.name])
    with pytest.raises(FlowFailed, match=f"failed, and were not kept: {BUILT.name}"):
        page_table.main()
