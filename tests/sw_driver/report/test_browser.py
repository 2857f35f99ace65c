"""A page in headless Chromium: what is there, no error of its script, no request to anywhere."""

import re

import pytest

from sw_driver.report.markup import Markup
from sw_driver.report.net_page import net_sections
from sw_driver.report.page import Section, page
from sw_driver.report.precision import precision_section
from sw_driver.report.summary import net_lead
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


def test_nothing_but_the_page_runs_or_is_asked_for(tmp_path):
    """The policy stops a script, a picture and a style that got in, each with a message."""
    evil = Markup('<script>document.title = "taken"</script><img src="http://example.invalid/a.png">'
                  '<p style="color: red" onclick="0">x</p>')
    (tmp_path / "page.html").write_text(page("mine", Markup(), [Section("a", "a", evil)]))
    dom, said = browse(tmp_path / "page.html", tmp_path, "--dump-dom")
    assert "<title>mine</title>" in dom
    assert len([line for line in said if "Content Security Policy" in line]) >= 3
    assert not [line for line in said if "net::ERR_NAME" in line]
