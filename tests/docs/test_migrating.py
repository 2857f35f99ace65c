"""docs/changelog.md names every old name that warns, and where it is now."""

import ast
import importlib
import re

import pytest

from tests.support.project import ROOT

CHANGELOG = (ROOT / "docs" / "changelog.md").read_text()
SECTION = CHANGELOG.split("\n### Migrating\n")[1].split("\n## ")[0]
NAMES = re.findall(r"^\| `([\w.]+)\.(\w+)` \| `([\w.]+)\.(\w+)` \|$", SECTION, re.M)
PROGRAMS = re.findall(r"^\| `python -m ([\w.]+)` \| `python -m ([\w.]+)` \|$", SECTION, re.M)
PACKAGES = ("golden", "sw_driver", "sim", "fpga", "hw")


def moved_in(source):
    """Names that a module says have moved: `_MOVED`, and what `moved_names` is given."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "_MOVED":
            yield from ast.literal_eval(node.value)
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "moved_names":
            yield from ast.literal_eval(node.args[1])


def test_every_name_that_warns_has_a_row():
    found = set()
    for path in (path for package in PACKAGES for path in (ROOT / package).rglob("*.py")):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        found |= {(module.removesuffix(".__init__"), name)
                  for name in moved_in(path.read_text())}
    assert found == {(module, name) for module, name, _, _ in NAMES}
    assert len(found) == len(NAMES) > 20


@pytest.mark.parametrize("module, name, home, now", NAMES)
def test_a_row_says_what_the_warning_says(module, name, home, now):
    says = f"{module}.{name} is now {home}.{now},"
    with pytest.warns(DeprecationWarning, match=re.escape(says)):
        found = getattr(importlib.import_module(module), name)
    assert found is getattr(importlib.import_module(home), now)


def file_of(module):
    return (ROOT / module.replace(".", "/")).with_suffix(".py")


@pytest.mark.parametrize("old, new", PROGRAMS)
def test_a_program_is_under_its_new_name_only(old, new):
    assert '__name__ == "__main__"' in file_of(new).read_text()
    assert not file_of(old).exists()
    assert not file_of(f"{old}.__main__").exists()


def test_versions_are_in_order_and_the_newest_is_ours():
    headings = re.findall(r"^## (.+)$", CHANGELOG, re.M)
    version = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.M)[1]
    assert headings[:2] == ["Unreleased", version]
