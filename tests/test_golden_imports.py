"""`golden` is usable by itself: it imports nothing of ours, no Amaranth and no command line."""

import ast
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "golden"
ALLOWED = {"golden", "matplotlib", "networkx", "numpy", "scipy", "sklearn", "torch"}


def roots(source):
    """Packages that a module imports, wherever it does: torch of `from torch.nn import Linear`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (name.name.partition(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "golden" if node.level else node.module.partition(".")[0]
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "import_module":
            yield node.args[0].value.partition(".")[0]


def test_roots_are_found_wherever_they_are():
    text = "import a.b\nfrom c.d import e\ndef f():\n import g\n importlib.import_module('h.i')"
    assert set(roots(text)) == {"a", "c", "g", "h"}


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.py")), ids=lambda path: path.stem)
def test_module_imports_only_what_golden_may(path):
    found = set(roots(path.read_text()))
    assert found <= ALLOWED | sys.stdlib_module_names
