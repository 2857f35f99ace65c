"""Elements: what comes from outside is text, whatever it looks like."""

import pytest

from sw_driver.report.bars import Bar, bars
from sw_driver.report.markup import Markup, details, facts, number, percent, table, tag
from tests.support.reports import Read

EVIL = '"><script>alert(1)</script>&amp;\''


def test_an_element_has_its_attributes_and_content():
    assert tag("a", "x", href="#y", class_="z") == '<a href="#y" class="z">x</a>'
    assert tag("rect", x=1.5, y=2.0, rx=1 / 3, stroke_width=None) == (
        '<rect x="1.5" y="2" rx="0.33"></rect>')
    assert tag("meta", name="a", aria_label="b") == '<meta name="a" aria-label="b">'


@pytest.mark.parametrize("made", [
    tag("p", EVIL), tag("p", title=EVIL), table([EVIL], [[EVIL]], EVIL), facts([(EVIL, EVIL)]),
    details(EVIL, EVIL), bars([Bar(EVIL, EVIL, [(1.0, "k0", EVIL)])], EVIL, 1.0, 1.0, EVIL),
])
def test_what_is_no_markup_is_escaped(made):
    found = Read(str(made))
    assert not found.of("script")
    values = [value for _, attributes in found.tags for value in attributes.values()]
    assert EVIL in found.text or EVIL in values


def test_markup_stays_what_it_is():
    assert tag("p", Markup("<b>x</b>"), "<") == "<p><b>x</b>&lt;</p>"


def test_numbers_are_for_people():
    assert [number(one) for one in (1234567, 0.5, 176.0, 1234.567)] == [
        "1\u202f234\u202f567", "0.5", "176", "1\u202f234.57"]
    assert percent(0.869) == "86.9\u00a0%"


def test_bars_are_as_long_as_their_parts():
    found = Read(str(bars([Bar("a", "3", [(1.0, "k0", "one"), (2.0, "k1", "two")]),
                           Bar("b", "6", [(6.0, "k2", "six")])], "title", 6.0)))
    wide = [float(one["width"]) for one in found.of("rect")]
    assert wide[1] == pytest.approx(2 * wide[0]) and wide[2] == pytest.approx(6 * wide[0])
    starts = [float(one["x"]) for one in found.of("rect")]
    assert starts[1] == pytest.approx(starts[0] + wide[0]) and starts[2] == starts[0]
    assert len(found.of("svg", **{"aria-label": "title", "role": "img"})) == 1
