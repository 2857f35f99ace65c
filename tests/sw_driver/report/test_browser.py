"""A page in headless Chromium: what is there, no error of its script, no request to anywhere."""

import html
import json
import re

import pytest

from sw_driver.predict.steady_tracks import steady_stretch
from sw_driver.report.markup import Markup
from sw_driver.report.net_page import net_sections
from sw_driver.report.page import Section, page
from sw_driver.report.precision import precision_section
from sw_driver.report.summary import net_lead
from sw_driver.report.timeline import timeline_section
from tests.support.reports import browse, find_chromium, small_net

INSIDE = ("net", "placement", "heat", "timeline", "cycles", "precision", "energy", "torus")


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """The page as the browser has it, what the browser said, and a picture that is kept."""
    find_chromium()
    folder = tmp_path_factory.mktemp("browser")
    compiled = small_net()
    sections = net_sections(compiled, precision_section(None, "no data", ""), lambda *_: None)
    (folder / "page.html").write_text(page("A net", net_lead(compiled, None), sections))
    dom, said = browse(folder / "page.html", folder, "--dump-dom",
                       f"--screenshot={folder / 'page.png'}")
    assert (folder / "page.png").stat().st_size > 50_000
    return dom, said


def test_all_sections_are_there(seen):
    dom, _ = seen
    for name in INSIDE:
        assert f'<section id="{name}"' in dom
    assert dom.count("<svg") > len(INSIDE)


def test_the_script_has_run_and_has_no_error(seen):
    dom, said = seen
    assert said == []
    assert re.search(r'<div class="scale"><span[^>]*>cycle 0</span><span', dom)
    assert '<line x1="0"' in dom


# What a user does, one thing after the other, and what the page says each time.
_USED = """<script>
const view = document.querySelector(".view"), svg = view.querySelector("svg"), found = [];
const note = () => found.push(svg.getAttribute("viewBox"));
const press = (what) => document.querySelector(`[data-do=${what}]`).click();
const place = svg.getBoundingClientRect();
const at = {clientX: place.left + 1, clientY: place.top + place.height - 18, bubbles: true};
note(); press("in"); note(); press("right"); note(); press("all"); note();
view.dispatchEvent(new KeyboardEvent("keydown", {key: "+", bubbles: true})); note(); press("all");
view.dispatchEvent(new WheelEvent("wheel", {deltaY: -400, ctrlKey: true, ...at})); note();
view.dispatchEvent(new PointerEvent("pointermove", at));
found.push(document.querySelector(".says").textContent);
document.title = JSON.stringify(found);
</script></body>"""


def test_the_timeline_zooms_moves_and_says_what_is_under_the_pointer(tmp_path):
    find_chromium()
    compiled = small_net()
    stretch = steady_stretch(compiled)
    section = timeline_section(compiled, stretch)
    text = page("A net", Markup(), [section])
    # The policy would stop the script of this test, too.
    text = re.sub('<meta http-equiv="Content-Security-Policy"[^>]*>', "", text)
    (tmp_path / "page.html").write_text(text.replace("</body>", _USED))
    dom, said = browse(tmp_path / "page.html", tmp_path, "--dump-dom")
    assert said == []
    *boxes, words = json.loads(html.unescape(re.search("<title>(.*?)</title>", dom)[1]))
    (all_, zoomed, moved, again, key, wheel) = [
        [float(number) for number in box.split()] for box in boxes]
    assert all_ == again == [0, 0, stretch.cycles, 12 * len(stretch.tracks)]
    assert zoomed[2] == key[2] == pytest.approx(stretch.cycles / 1.6)
    assert moved[0] == pytest.approx(zoomed[0] + zoomed[2] / 4) and moved[2] == zoomed[2]
    assert 0 <= wheel[0] < 1 and wheel[2] == pytest.approx(stretch.cycles / 2.718, rel=0.01)
    last = stretch.tracks[-2].engine
    assert re.fullmatch(rf"MAC {last.row}, {last.col}: (layer \d \S+ of sample -?\d+, cycles 0 to "
                        r"\d+, waits in \d+ of them|nothing)", words)


def test_nothing_but_the_page_runs_or_is_asked_for(tmp_path):
    """The policy stops a script, a picture and a style that got in, each with a message."""
    evil = Markup('<script>document.title = "taken"</script><img src="http://example.invalid/a.png">'
                  '<p style="color: red" onclick="0">x</p>')
    (tmp_path / "page.html").write_text(page("mine", Markup(), [Section("a", "a", evil)]))
    dom, said = browse(tmp_path / "page.html", tmp_path, "--dump-dom")
    assert "<title>mine</title>" in dom
    assert len([line for line in said if "Content Security Policy" in line]) >= 3
    assert not [line for line in said if "net::ERR_NAME" in line]
