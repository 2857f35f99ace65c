"""`golden` is usable by itself: it imports nothing of ours, no Amaranth and no command line."""

import ast
import subprocess
import sys

import pytest

import golden
from tests.support.project import ROOT

FOLDER = ROOT / "golden"
ALLOWED = {"golden", "matplotlib", "networkx", "numpy", "scipy", "sklearn", "torch"}


def roots(source):
    """Packages that a module imports, wherever it does: torch of `from torch.nn import Linear`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (name.name.partition(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "golden" if node.level else node.module.partition(".")[0]
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "import_module":
            name = node.args[0]
            yield name.value.partition(".")[0] if isinstance(name, ast.Constant) else "computed"


def test_roots_are_found_wherever_they_are():
    text = "import a.b\nfrom c.d import e\ndef f():\n import g\n importlib.import_module('h.i')"
    assert set(roots(text)) == {"a", "c", "g", "h"}


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.py")), ids=lambda path: path.stem)
def test_module_imports_only_what_golden_may(path):
    found = set(roots(path.read_text()))
    if path == FOLDER / "__init__.py":
        found -= {"computed"}  # Its own modules; see below.
    assert found <= ALLOWED | sys.stdlib_module_names


def test_public_names_are_looked_up_on_first_use():
    """A program can be stopped, and a file written, before PyTorch is imported."""
    code = ("import golden.system.ending, golden.system.files, sys; "
            "assert 'torch' not in sys.modules")
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)
    homes = {name: getattr(golden, name).__module__ for name in golden.__all__
             if name != "DIGITS_SHAPES"}
    assert {home.partition(".")[0] for home in homes.values()} == {"golden"}
    assert golden.quantise is golden.fixed.quantise.quantise
    with pytest.raises(ImportError, match="cannot import name 'nothing'"):
        from golden import nothing  # noqa: F401
