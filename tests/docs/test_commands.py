"""Commands that sentences of the pages name: their programs, targets, options and files exist.

Those of blocks are in tests/docs/test_blocks.py, those of docs/CONTRIBUTING.md in
tests/docs/test_contributing.py. Those of docs/changelog.md were right when they were written.
"""

import importlib.util
import re

import pytest
from typer.main import get_command

from sw_driver.cli import app
from tests.support.pages import FENCE, PAGES
from tests.support.project import ROOT

TARGETS = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.M))
PROGRAMS = get_command(app)


def named(path):
    """The commands that stand in backquotes within the sentences of a page."""
    codes = (" ".join(code.split()) for code in
             re.findall(r"`([^`]+)`", FENCE.sub("", path.read_text())))
    return [code for code in codes if re.match(r"(make|clostorus|python -m|pytest) \S", code)]


COMMANDS = sorted({(path.name, command) for path in PAGES
                   if path.name not in ("CONTRIBUTING.md", "changelog.md")
                   for command in named(path)})


def unknown(command):
    """What a command names that does not exist."""
    program, *words = command.split()
    if program == "make":
        return set(words) - TARGETS
    if program == "pytest":
        return {word for word in words if word.startswith("tests/") and not (ROOT / word).exists()}
    if program == "python":
        module = words[1].removesuffix(".NAME")
        return set() if importlib.util.find_spec(module) else {module}
    found = PROGRAMS.get_command(None, words[0])
    if found is None:
        return {words[0]}
    options = {name for parameter in found.params for name in parameter.opts}
    return {word for word in words if word.startswith("--")} - options


@pytest.mark.parametrize("page, command", COMMANDS)
def test_what_a_command_names_exists(page, command):
    assert not unknown(command)


@pytest.mark.parametrize("command, missing", [
    ("make docs nothing", {"nothing"}), ("pytest tests/nothing tests/docs", {"tests/nothing"}),
    ("python -m sim.nothing", {"sim.nothing"}), ("clostorus nothing", {"nothing"}),
    ("clostorus run model.ctz --nothing --device sim", {"--nothing"})])
def test_what_does_not_exist_is_found(command, missing):
    assert unknown(command) == missing


def test_commands_are_found():
    assert len(COMMANDS) > 40
