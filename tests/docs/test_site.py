"""The site of docs/site: it builds, what is in it is found, and whatever leads nowhere ends it."""

import collections
import importlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import markdown
import pytest
from markdown_it import MarkdownIt

from tests.support.offered import ROOMS
from tests.support.pages import PAGES
from tests.support.project import ROOT

SITE = ROOT / "docs" / "site"
LINK = re.compile(r'<(a|img|script|link)\b[^>]*?\b(?:href|src)="([^"]*)"')
ANCHOR = re.compile(r'\b(?:id|name)="([^"]*)"')
COUNTED = re.compile(r"<(li|table|tr|td|th|pre|h[1-6]|blockquote|em|strong|a|img)\b")
DRAWN = "# Home\n\n```mermaid\nflowchart LR\n    a --> b\n```\n"
PLANTED = {
    "a page": ("[x](nothing.md)", "'nothing.md', but the target is not found"),
    "an anchor": ("[x](#nothing)", "'#nothing', but there is no such anchor"),
    "a file": ("[x](../hw/nothing.py)", "'../hw/nothing.py', but the target"),
    "an anchor of the README": ("[x](../README.md#nothing)", "not contain an anchor '#nothing'"),
    "a name of the reference": ("[x][hw.nothing]", "cross-reference target 'hw.nothing'"),
    "a diagram": ("```mermaid\nflowchart XX\n    a --> b\n```", "index.md: Mermaid refuses"),
}


def build(project, site):
    """Build the site of a project by the command of `make docs`."""
    command = re.search(r"^\tNO_MKDOCS_2_WARNING=1 \$\(PY\) (-m mkdocs build .*) -f (\S+)$",
                        (ROOT / "Makefile").read_text(), re.M)
    return subprocess.run(
        [sys.executable, *command[1].split(), "-f", project / command[2], "-d", site],
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True, check=False)


def dead(site):
    """(page, link) of all that leads nowhere in a site; readers may follow links out of it."""
    texts = {path: path.read_text() for path in site.rglob("*.html") if path.name != "404.html"}
    anchors = {path: set(ANCHOR.findall(text)) for path, text in texts.items()}
    found = []
    for path, text in texts.items():
        for tag, link in set(LINK.findall(text)):
            parts = urlsplit(link)
            if tag == "a" and parts.scheme == "https":
                continue
            target = Path(os.path.normpath(path.parent / unquote(parts.path))
                          if parts.path else path)
            anchor = unquote(parts.fragment)
            if (parts.scheme or parts.netloc or not target.is_file()
                    or anchor and anchor not in anchors[target]):
                found.append((path.relative_to(site).as_posix(), link))
    return found


@pytest.mark.slow
def test_the_site(tmp_path):
    """In one test, since it is built once."""
    done = build(ROOT, tmp_path)
    assert done.returncode == 0, done.stderr
    assert not dead(tmp_path)
    index = json.loads((tmp_path / "search" / "search_index.json").read_text())["docs"]
    found = {entry["location"]: entry for entry in index}
    assert "landed" in found["glossary.html"]["text"]
    page = found["reference/golden.clos.html#golden.clos.layer.ClosLinear"]
    assert "A drop-in for nn.Linear" in re.sub(r"<[^>]*>", "", page["text"])
    members = found["reference/hw.ring.html#hw.ring.hop.Hop"]["text"]
    assert "Attributes:" in members and "<code>caught_up</code> <code>In(1)</code>" in members
    assert not [location for location in found if location.startswith("source/")]
    assert "class Hop" in re.sub(
        r"<[^>]*>", "", (tmp_path / "source" / "hw" / "ring" / "hop.py.html").read_text())
    home = (tmp_path / "index.html").read_text()
    drawn = set(re.findall(r'<img [^>]*src="(pictures/\w+\.svg)"', home))
    assert len(drawn) == (ROOT / "docs" / "index.md").read_text().count("\n```mermaid\n")
    assert all("<svg" in (tmp_path / name).read_text() for name in drawn)


@pytest.fixture
def small(tmp_path):
    """A project of two pages and a module, with the site's own configuration but for its menu."""
    shutil.copytree(SITE, tmp_path / "docs" / "site",
                    ignore=shutil.ignore_patterns("__pycache__"))
    config = tmp_path / "docs" / "site" / "mkdocs.yml"
    menu = "nav: [index.md, readme.md, reference/hw.md]\n\n"
    config.write_text(re.sub(r"^nav:\n.*?\n\n", menu, config.read_text(), flags=re.M | re.S))
    (tmp_path / "README.md").write_text("# Small\n\n[the pages](docs/index.md), [hw](hw/)\n")
    (tmp_path / "hw").mkdir()
    (tmp_path / "hw" / "__init__.py").write_text('"""A room."""\n')
    (tmp_path / "hw" / "part.py").write_text('"""A part."""\n')
    return tmp_path


@pytest.mark.slow
def test_a_small_site(small, tmp_path):
    home = f"{DRAWN}\n[README](../README.md#small) [part](../hw/part.py) [x][hw.part]\n"
    (small / "docs" / "index.md").write_text(home)
    done = build(small, tmp_path / "made")
    assert done.returncode == 0, done.stderr
    assert not dead(tmp_path / "made")


@pytest.mark.slow
@pytest.mark.parametrize("text, says", PLANTED.values(), ids=PLANTED)
def test_what_leads_nowhere_ends_it(text, says, small, tmp_path):
    (small / "docs" / "index.md").write_text(f"# Home\n\n{text}\n")
    done = build(small, tmp_path / "made")
    assert done.returncode != 0 and says in done.stderr


@pytest.mark.slow
def test_a_docstring_of_another_function_ends_it(small, tmp_path):
    (small / "docs" / "index.md").write_text("# Home\n")
    (small / "hw" / "part.py").write_text(
        'def f(a):\n    """F.\n\n    Parameters\n    ----------\n    b\n        B.\n    """\n')
    done = build(small, tmp_path / "made")
    assert done.returncode != 0 and "Parameter 'b' does not appear" in done.stderr


@pytest.mark.parametrize("page, link, leads", [
    ("index.md", "../hw/ring/hop.py", "source/hw/ring/hop.py.md"),
    ("index.md", "../tests/hw/", "source/tests/hw/index.md"),
    ("index.md", "../README.md#try-it", "readme.md#try-it"),
    ("index.md", "glossary.md", "glossary.md"),
    ("index.md", "#the-folders", "#the-folders"),
    ("index.md", "https://example.org/../hw", "https://example.org/../hw"),
    ("index.md", "../hw/nothing.py", "../hw/nothing.py"),
    ("index.md", "../../elsewhere", "../../elsewhere"),
    ("index.md", "../golden/data/mnist10k/t10k-labels-idx1-ubyte.gz",
     "../golden/data/mnist10k/t10k-labels-idx1-ubyte.gz"),
    ("readme.md", "docs/area.md#where", "area.md#where"),
    ("readme.md", "docs/", "index.md"),
    ("readme.md", "hw", "source/hw/index.md"),
    ("source/hw/index.md", "ring/index.md", "ring/index.md"),
])
def test_a_link_of_the_repository_leads_to_its_page(page, link, leads, monkeypatch):
    monkeypatch.syspath_prepend(SITE)
    assert importlib.import_module("links").followed(link, page) == leads


def test_every_page_is_in_the_menu():
    menu = set(re.findall(r"^ +- (?:\w+: )?(\S+)\.md$", (SITE / "mkdocs.yml").read_text(), re.M))
    assert {name for name in menu if "/" not in name} - {"readme"} == {
        path.stem for path in PAGES if path.name != "README.md"}
    rooms = {name.removeprefix("reference/") for name in menu if "/" in name}
    assert {"clostorus.nn", *ROOMS} <= rooms
    assert {"golden", "sw_driver", "sim.device", "fpga", "hw"} <= rooms
    assert all((ROOT / room.replace(".", "/") / "__init__.py").exists() for room in rooms)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_page_has_the_same_parts_on_a_forge(path):
    """Its lists, tables and blocks, which the two kinds of Markdown tell apart differently."""
    text = path.read_text()
    forge = MarkdownIt("commonmark").enable("table").render(text)
    site = markdown.markdown(text, extensions=["tables", "pymdownx.superfences"])
    made = re.sub(r'<a id="__', "<", site)
    assert collections.Counter(COUNTED.findall(made)) == collections.Counter(COUNTED.findall(forge))
