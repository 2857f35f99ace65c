"""`clostorus bench`: what is kept, what is written, and what is measured."""

import json
import re

import pytest
from typer.testing import CliRunner

from fpga.designs import DESIGNS
from fpga.errors import FlowFailed
from fpga.families import ECP5
from fpga.place_route import Routed
from fpga.synthesis import Area
from sim.measure import placements
from sim.measure.page import write_page
from sim.measure.placements import Work
from sim.measure.results import Bench, markdown_table, paragraphs, source_digest
from sim.measure.tables import TABLES
from sw_driver.cli import app
from sw_driver.errors import DriverError
from tests.support.project import ROOT

PAGE = ROOT / "docs" / "benchmarks.md"
TITLES = {"first": "The first", "the-second": "The second"}


def bench(*arguments):
    return CliRunner().invoke(app, ["bench", *map(str, arguments)])


def test_a_result_is_measured_once_for_what_it_depends_on(tmp_path):
    measured = []

    def measure():
        measured.append(len(measured))
        return {"value": measured[-1]}

    for depends, expected in (({"a": 1}, 0), ({"a": 2}, 1), ({"a": 1}, 0)):
        assert Bench(tmp_path).result("x", depends, measure) == {"value": expected}
    assert Bench(tmp_path).result("y", {"a": 1}, measure) == {"value": 2}


def test_a_measurement_that_fails_leaves_nothing(tmp_path):
    def fail():
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        Bench(tmp_path).result("x", {}, fail)
    assert list(tmp_path.iterdir()) == []
    assert Bench(tmp_path).result("x", {}, lambda: {"value": 3}) == {"value": 3}


def test_the_page_keeps_what_was_not_measured(tmp_path):
    page = tmp_path / "docs" / "page.md"
    write_page(page, TITLES, {"the-second": "two\n"})
    write_page(page, TITLES, {"first": "one\n"})
    text = page.read_text()
    assert text.index("## The first") < text.index("one") < text.index("## The second")
    assert "    clostorus bench the-second\n\ntwo\n" in text
    write_page(page, TITLES, {"the-second": "three\n"})
    assert "two" not in page.read_text() and "three" in page.read_text()
    write_page(page, TITLES, {})
    assert page.read_text() == text.replace("two", "three")


def test_all_else_on_the_page_stays(tmp_path):
    """A table that cannot be measured any more, and what people wrote between the sections."""
    page = tmp_path / "page.md"
    write_page(page, TITLES, {"first": "one", "the-second": "two"})
    text = page.read_text().replace("# Benchmarks\n", "# Benchmarks\n\nMine.\n")
    page.write_text(f"{text}\nWritten by hand: ä.\n", encoding="utf-8")
    before = page.read_text(encoding="utf-8")
    write_page(page, {"first": "The first"}, {})
    assert page.read_text(encoding="utf-8") == before
    write_page(page, {"first": "The first"}, {"first": "three"})
    assert page.read_text(encoding="utf-8") == before.replace("one\n", "three\n")


def test_the_page_of_this_project_is_one(tmp_path):
    """Each of its sections is put back as it is, and none of its tables is unknown."""
    text = PAGE.read_text(encoding="utf-8")
    page = tmp_path / "page.md"
    page.write_text(text, encoding="utf-8")
    titles = {name: kind.title for name, kind in TABLES.items()}
    for name in re.findall(r"^<!-- begin (\S+) -->$", text, re.M):
        content = text.split(f"    clostorus bench {name}\n\n")[1].split("<!-- end")[0]
        write_page(page, titles, {name: content})
        assert page.read_text(encoding="utf-8") == text


@pytest.mark.parametrize("content", [
    b"\xff\x00", b"my notes\n", b"<!-- begin area -->\nmine\n",
    b"<!-- begin area -->\n<!-- end areas -->\n", b"<!-- end area -->\n",
    2 * b"<!-- begin area -->\n<!-- end area -->\n",
    b"<!-- begin area -->\n<!-- begin x -->\n<!-- end x -->\n<!-- end area -->\n"])
def test_a_file_that_is_no_page_is_refused_before_the_work(tmp_path, monkeypatch, content):
    page = tmp_path / "page.md"
    page.write_bytes(content)
    kind = TABLES["area"]._replace(measure=lambda bench: pytest.fail("nothing may be measured"))
    monkeypatch.setattr("sim.measure.tables.TABLES", {"area": kind})
    result = bench("area", "--page", page, "--results", tmp_path / "results")
    assert result.exit_code == 2 and page.read_bytes() == content
    assert re.fullmatch(r"clostorus: --page \S+page.md must .*\n", result.stderr)
    with pytest.raises(DriverError, match="page.md must "):
        write_page(page, {"area": "Area"}, {"area": "new"})
    assert page.read_bytes() == content


@pytest.mark.parametrize("content", ["", "{", "[]", "3", "{}", '{"result": {"value": 9}}',
                                     '{"depends": {"a": 2}, "result": {"value": 9}}',
                                     '{"depends": {"a": 1}, "result": 9}', "[" * 10**5])
def test_a_damaged_result_is_measured_again(tmp_path, capsys, content):
    Bench(tmp_path).result("x", {"a": 1}, lambda: {"value": 1})
    path, = tmp_path.iterdir()
    whole = path.read_text()
    path.write_text(content)
    assert Bench(tmp_path).result("x", {"a": 1}, lambda: {"value": 2}) == {"value": 2}
    assert capsys.readouterr().err == f"{path} is damaged: what it is of is measured again\n"
    for length in range(len(whole) - 1):  # The last character ends a line, and says nothing.
        path.write_text(whole[:length])
        assert Bench(tmp_path).result("x", {"a": 1}, lambda: {"value": 1}) == {"value": 1}
    assert path.read_text() == whole and list(tmp_path.iterdir()) == [path]


@pytest.fixture
def flow(monkeypatch):
    """A flow that takes no tools: where it synthesised, and the seeds and netlists it placed."""
    made, routed = [], []

    def synthesise(folder, verilog, top, family):
        made.append(folder)
        (folder / "netlist.json").write_text("{}")
        return Area(1, 1, 1, 1, 1, 1)

    def place(folder, device, *, seed, target_mhz):
        routed.append((seed, (folder / "netlist.json").read_text()))
        return Routed(100.0, (), {})

    monkeypatch.setattr(placements, "synthesise", synthesise)
    monkeypatch.setattr(placements, "check_blocks", lambda *_: None)
    monkeypatch.setattr(placements, "with_boundary", lambda verilog, top: verilog)
    monkeypatch.setattr(placements, "place_and_route", place)
    monkeypatch.setattr(placements, "summarise", lambda path: Area(1, 1, 1, 1, 1, 1))
    return made, routed


def test_what_is_the_same_is_made_once_and_all_get_it(tmp_path, flow):
    """A design without cells of a vendor is the same Verilog in both kinds."""
    made, routed = flow
    works = [Work(DESIGNS["link-side"], cells, "module m; endmodule", (1, 2))
             for cells in ("generic", "ecp5")]
    bench_ = Bench(tmp_path)
    assert list(placements.areas(bench_, "area", works, ECP5)) == works
    assert len(made) == 1
    found = placements.routes(bench_, "area", works)
    assert list(found) == [(work, seed) for work in works for seed in (1, 2)]
    assert len(made) == 2 and [seed for seed, _ in routed] == [1, 2]


def test_a_damaged_netlist_is_synthesised_again(tmp_path, flow):
    made, routed = flow
    for last in (1, 2, 3, 4):
        work = Work(DESIGNS["pe"], "ecp5", "module m; endmodule", tuple(range(1, last + 1)))
        found = placements.routes(Bench(tmp_path), "area", [work])
        assert [seed for _, seed in found] == list(work.seeds)
        if last == 2:
            netlist, = tmp_path.glob("netlists/*/netlist.json")
            netlist.write_text("{")
    assert len(made) == 2 and routed == [(seed, "{}") for seed in (1, 2, 3, 4)]


def test_many_results_are_made_once_and_told_of(tmp_path):
    """A runner may make them in any order; what is kept when it fails is not made again."""
    told, asked = [], []

    def make(missing):
        asked.append(list(missing))
        for key in reversed(missing):
            if key == 1 and len(asked) == 1:
                raise ValueError("no")
            yield key, {"square": key**2}

    depends = {key: {"key": key} for key in (1, 2, 3)}
    with pytest.raises(ValueError, match="no"):
        Bench(tmp_path).results("squares", "x", depends, make)
    bench_ = Bench(tmp_path, lambda *what: told.append(what))
    for _ in range(2):
        found = bench_.results("squares", "x", depends, make)
        assert found == {key: {"square": key**2} for key in depends}
    assert asked == [[1, 2, 3], [1]]
    assert told == [("squares", 2, 3), ("squares", 3, 3), ("squares", 3, 3)]


def test_a_tool_of_another_version_is_refused():
    for make, job in (
            (placements._area, placements._Synthesis(DESIGNS["pe"], "", "m", "ecp5", "yosys 0")),
            (placements._placed, placements._Placement(b"", 1, "nextpnr 0"))):
        with pytest.raises(FlowFailed, match=f"must be {job.tool} wherever .* not yowasp-"):
            make(job)


def test_markdown():
    assert markdown_table(("a", "b"), [(1, 2.5)]) == "| a | b |\n| --- | ---: |\n| 1 | 2.5 |\n"


def test_paragraphs():
    assert paragraphs("""
        a
        b

        c""") == "a b\n\nc\n"
    assert max(map(len, paragraphs("word " * 100).splitlines())) <= 100


def test_sources_are_those_of_the_packages():
    assert source_digest("hw") == source_digest("hw") != source_digest("hw", "golden")


def test_the_list_says_what_there_is():
    text = bench("--list").stdout
    assert all(re.search(rf"^{name} +\S", text, re.M) for name in TABLES)
    assert set(json.loads(bench("--list", "--json").stdout)["tables"]) == set(TABLES)


def test_bad_input_is_named(tmp_path):
    result = bench("speed")
    assert result.exit_code == 2
    assert result.stderr == f"clostorus: NAME must be one of {', '.join(TABLES)}, not 'speed'\n"
    result = bench("area", "--page", tmp_path / "none" / "page.md")
    assert result.exit_code == 2 and "there is no folder" in result.stderr
    result = bench("software", "--torch-device", "gpu")
    assert result.stderr.startswith(
        "clostorus: --torch-device must be cpu or cuda, not 'gpu'")
    result = bench("area", "--quick", "--results", tmp_path, "--workers", 2, "--scheduler", "a:1")
    assert result.exit_code == 2 and "--workers and --scheduler cannot both" in result.stderr
    result = bench("area", "--torch-device", "cuda")
    assert result.exit_code == 2 and "cuda needs the table software and no other" in result.stderr


def test_a_device_that_is_not_there_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    page = tmp_path / "page.md"
    result = bench("software", "--torch-device", "cuda", "--page", page, "--results", tmp_path)
    assert result.exit_code == 3 and not list(tmp_path.iterdir())
    assert "torch-device cuda needs a GPU" in result.stderr


@pytest.mark.usefixtures("toolchain")
def test_a_quick_table_is_measured_and_kept(tmp_path):
    """Also that the RTL takes the cycles that are predicted: else it fails."""
    arguments = ("systolic", "--quick", "--json", "--results", tmp_path)
    first, again = (json.loads(bench(*arguments).stdout) for _ in range(2))
    assert first == again
    assert first["page"] is None
    single, batch = first["tables"]["systolic"]
    assert single["measured"] and batch["measured"]
    assert single["cycles"] < batch["cycles"] < 32 * single["cycles"]
    assert single["dense_cycles"] > single["clos_cycles"] > single["cycles"]


@pytest.mark.slow
@pytest.mark.usefixtures("toolchain")
@pytest.mark.parametrize("name", ["utilisation", "area", "simulation"])
def test_every_quick_table_can_be_measured(name, tmp_path):
    result = bench(name, "--quick", "--json", "--results", tmp_path)
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["tables"][name]
