"""docs/index.md: its pictures are those of the code, and every page of docs/ is in it."""

import re

import pytest

from hw.presets import SMALLEST
from hw.top import ClostorusTop
from sim.measure.markdown import text_between_marks
from tests.support.block_pictures import wires
from tests.support.imports import PACKAGES, room_graph
from tests.support.pictures import PAGE, PICTURES, main, pipeline, room_map
from tests.support.project import ROOT


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_that_of_the_code(name):
    expected = PICTURES[name]()
    assert text_between_marks(PAGE, name) == expected, (
        "stale: run python -m tests.support.pictures --write")


def test_nothing_else_stands_between_marks():
    assert re.findall(r"^<!-- begin (.*) -->$", PAGE.read_text(), re.M) != []
    assert set(re.findall(r"^<!-- begin (.*) -->$", PAGE.read_text(), re.M)) == set(PICTURES)


def test_every_page_is_in_the_index():
    linked = set(re.findall(r"\]\(([\w-]+\.md)\)", PAGE.read_text()))
    assert {page.name for page in (ROOT / "docs").glob("*.md")} - {"index.md"} <= linked


def test_every_room_is_in_the_map():
    named = set(re.findall(r"^\| \[`([\w/]+)/`\]", "\n".join(room_map()), re.M))
    assert named == {room.replace(".", "/") for room in room_graph()}
    assert set(PACKAGES) <= named


def test_every_room_has_tests_that_are_there():
    for line in room_map()[2:]:
        links = re.findall(r"\]\(\.\./([\w/.]+)\)", line.split(" | ")[-1])
        assert links and all((ROOT / link).exists() for link in links), line


def test_the_wires_of_a_torus_of_one_element():
    """Its ring leads from the gateway to the element and back, its column to itself."""
    blocks, found = wires(ClostorusTop(SMALLEST), ("torus",))
    gateway, element, bridge = ("torus", "gateway_0"), ("torus", "pe_0_0"), ("bridge",)
    assert {gateway, element, bridge} <= set(blocks)
    between = {(wire.source, wire.sink) for wire in found}
    assert {(gateway, bridge), (bridge, gateway), (gateway, element)} <= between
    assert not any(wire.words for wire in found)


def test_what_one_function_gives_another_takes():
    assert '    build_stages -->|"Stage"| make_plan' in pipeline("sw_driver.training_compiler")
    assert '    schedule -->|"Step"| build_queues' in pipeline("sw_driver.schedule.loops")


def test_pictures_are_printed(capsys):
    main([])
    assert capsys.readouterr().out.count("<!-- begin ") == len(PICTURES)
