"""Every claim of docs/SECURITY.md names the tests that hold it, and these are there."""

import ast
import re

import pytest

from tests.support.project import ROOT

PAGE = (ROOT / "docs" / "SECURITY.md").read_text()
CLAIMS = PAGE.partition("## What holds these claims")[2].partition("\n## ")[0]
HELD = dict(re.findall(r"^\| (.+?) \| (`tests/.+`) \|$", CLAIMS, re.M))
ROWS = re.findall(r"^\| (.+?) \| (?:yes|with care|\*\*no\*\*) \|", PAGE, re.M)


@pytest.mark.parametrize("claim", HELD)
def test_its_tests_are_there(claim):
    for name in re.findall(r"`([^`]+)`", HELD[claim]):
        file, _, test = name.partition("::")
        tree = ast.parse((ROOT / file).read_text())
        assert test in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, name


def test_every_row_of_the_table_is_held():
    assert len(ROWS) > 10
    assert len(HELD) == CLAIMS.count("\n| ") - 1  # Beside the header.
    for row in ROWS:
        kind = re.split(r", `(?:net|--)|, gzip|, or the folder|, `[.\w]+`$| \(`~", row)[0]
        assert [claim for claim in HELD if claim.startswith(kind)], kind
