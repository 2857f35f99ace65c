"""`clostorus bench`: what is kept, what is written, and what is measured."""

import json
import re

import pytest
from typer.testing import CliRunner

from sim.bench.page import write_page
from sim.bench.results import Bench, markdown_table, source_digest
from sim.bench.tables import TABLES
from sw_driver.cli import app

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


def test_a_table_that_is_gone_leaves_the_page(tmp_path):
    page = tmp_path / "page.md"
    write_page(page, TITLES, {"first": "one", "the-second": "two"})
    write_page(page, {"first": "The first"}, {})
    assert "one" in page.read_text() and "two" not in page.read_text()


def test_markdown():
    assert markdown_table(("a", "b"), [(1, 2.5)]) == "| a | b |\n| --- | ---: |\n| 1 | 2.5 |\n"


def test_sources_are_those_of_the_packages():
    assert source_digest("hw") == source_digest("hw") != source_digest("hw", "golden")


def test_the_list_says_what_there_is():
    text = bench("--list").stdout
    assert all(re.search(rf"^{name} +\S", text, re.M) for name in TABLES)
    assert set(json.loads(bench("--list", "--json").stdout)["tables"]) == set(TABLES)


def test_bad_input_is_named(tmp_path):
    result = bench("speed")
    assert result.exit_code == 2
    assert result.stderr == f"clostorus: name must be one of {', '.join(TABLES)}, not 'speed'\n"
    result = bench("area", "--page", tmp_path / "none" / "page.md")
    assert result.exit_code == 2 and "there is no folder" in result.stderr
    result = bench("software", "--torch-device", "gpu")
    assert result.stderr == "clostorus: torch-device must be cpu or cuda, not 'gpu'\n"
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
