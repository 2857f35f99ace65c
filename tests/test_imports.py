"""Who may import whom: packages in one order, rooms of a package without a circle."""

import ast
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from itertools import product

import pytest

import golden
from tests.support.imports import (
    ORDER,
    PACKAGES,
    edges,
    imports,
    layer,
    modules,
    room_graph,
)
from tests.support.project import ROOT

ALONE = ("hw", "golden")
GOLDEN_NEEDS = {"PIL", "google", "matplotlib", "networkx", "numpy", "onnx", "onnxruntime",
                "pyarrow", "scipy", "sklearn", "torch", "transformers"}


def test_imports_are_found_wherever_they_are():
    text = ("import a.b\nfrom c.d import e\ndef f():\n import g\n importlib.import_module('h.i')\n"
            "from . import j\nfrom ..k import l")
    assert set(imports(text, "x.y")) == {"a.b", "c.d.e", "g", "h.i", "x.y.j", "x.k.l"}


def test_packages_stand_in_one_order():
    wrong = [(name, target) for name, target in edges()
             if ORDER.index(layer(target)) > ORDER.index(layer(name))]
    assert not wrong


@pytest.mark.parametrize("alone, other", list(product(ALONE, PACKAGES)))
def test_hw_and_golden_import_nothing_of_ours(alone, other):
    assert alone == other or not [
        edge for edge in edges() if layer(edge[0]) == alone and layer(edge[1]) == other]


def test_clostorus_re_exports_golden_and_nothing_imports_it():
    ends = {(layer(name), layer(target)) for name, target in edges()
            if layer(name) != layer(target)}
    assert {pair for pair in ends if "clostorus" in pair} == {("clostorus", "golden")}
    code = [node for path in (ROOT / "clostorus").rglob("*.py")
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.ClassDef | ast.For | ast.While)]
    assert not code, "what computes belongs into golden"


def test_golden_needs_no_library_of_hardware():
    found = {name.partition(".")[0] for module, path in modules().items()
             if layer(module) == "golden" for name in imports(path.read_text(), module)}
    assert found <= GOLDEN_NEEDS | {"golden", *sys.stdlib_module_names}


@pytest.mark.parametrize("package", PACKAGES)
def test_rooms_are_no_circle(package):
    """A room may import another one, or the package itself, but not in a circle."""
    inside = {one for one in room_graph() if one.startswith(f"{package}.") and one not in ORDER}
    graph = {one: room_graph()[one] & inside for one in inside}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"rooms in a circle: {error.args[1]}")


def test_public_names_are_looked_up_on_first_use():
    """A program can be stopped, and a file written, before PyTorch is imported."""
    code = ("import golden.system.ending, golden.system.files, sys; "
            "assert 'torch' not in sys.modules")
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)
    homes = {name: getattr(golden, name).__module__ for name in golden.__all__
             if name != "DIGITS_SHAPES"}
    assert {home.partition(".")[0] for home in homes.values()} == {"golden"}
    with pytest.raises(ImportError, match="cannot import name 'nothing'"):
        from golden import nothing  # noqa: F401


@pytest.mark.parametrize("path", sorted((ROOT / "tests").rglob("test_*.py")), ids=lambda p: p.stem)
def test_no_test_file_imports_another(path):
    package = ".".join(path.relative_to(ROOT).parts[:-1])
    found = [name for name in imports(path.read_text(), package)
             if name.startswith("tests.") and any(part.startswith("test_")
                                                  for part in name.split("."))]
    assert not found


@pytest.mark.parametrize("path", sorted((ROOT / "hw").rglob("*.py")), ids=lambda p: p.stem)
def test_hw_imports_itself_relatively_and_keeps_its_annotations(path):
    """Proofs copy `hw` under another name, and a postponed annotation is no field of a Struct."""
    absolute = [node.module if isinstance(node, ast.ImportFrom) else node.names[0].name
                for node in ast.walk(ast.parse(path.read_text()))
                if isinstance(node, ast.Import) or isinstance(node, ast.ImportFrom)
                and not node.level]
    assert not [name for name in absolute if name.partition(".")[0] in ("hw", "__future__")]
