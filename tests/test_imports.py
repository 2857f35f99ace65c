"""Who may import whom: packages in one order, rooms of a package without a circle."""

import ast
import functools
import subprocess
import sys
from collections import defaultdict
from graphlib import CycleError, TopologicalSorter
from itertools import product

import pytest

import golden
from tests.support.project import ROOT

# Each package imports those before it; `hw` and `golden` import nothing of ours.
ORDER = ("hw", "golden", "sw_driver", "fpga", "sim", "sw_driver.cli")
ALONE = ("hw", "golden")
GOLDEN_NEEDS = {"matplotlib", "networkx", "numpy", "scipy", "sklearn", "torch"}
PACKAGES = ("hw", "golden", "sw_driver", "fpga", "sim")


def imports(source, package):
    """Dotted names that a module imports, wherever it does; `package` is what it lies in."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            up = package.split(".")[:len(package.split(".")) + 1 - node.level] if node.level else []
            base = ".".join([*up, *([node.module] if node.module else [])])
            yield from (f"{base}.{name.name}" for name in node.names)
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "import_module":
            if isinstance(node.args[0], ast.Constant):
                yield node.args[0].value


@functools.cache
def modules():
    """All modules of ours but re-exports of old names, by name, with their files."""
    found = {}
    for path in (path for one in PACKAGES for path in (ROOT / one).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        if "moved_names(" not in path.read_text() or name == "golden.system.names":
            found[name] = path
    assert len(found) > 300, PACKAGES
    return found


@functools.cache
def edges():
    """Pairs of modules of ours, of which one imports the other."""
    known, found = modules(), []
    for name, path in known.items():
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        for target in imports(path.read_text(), package):
            for one in (target, target.rpartition(".")[0]):
                if one in known:
                    found.append((name, one))
                    break
    return found


def layer(module):
    return max((one for one in ORDER if f"{module}.".startswith(f"{one}.")), key=len)


def room(module):
    """The folder that a module lies in, or the package."""
    parts = module.split(".")
    is_room = len(parts) > 2 or len(parts) == 2 and modules()[module].name == "__init__.py"
    return ".".join(parts[:2]) if is_room else parts[0]


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


def test_golden_needs_no_library_of_hardware():
    found = {name.partition(".")[0] for module, path in modules().items()
             if layer(module) == "golden" for name in imports(path.read_text(), module)}
    assert found <= GOLDEN_NEEDS | {"golden", *sys.stdlib_module_names}


@pytest.mark.parametrize("package", PACKAGES)
def test_rooms_are_no_circle(package):
    """A room may import another one, or the package itself, but not in a circle."""
    graph = defaultdict(set)
    for name, target in edges():
        if layer(name) == layer(target) and name.split(".")[0] == package:
            one, other = room(name), room(target)
            if one != other and package not in (one, other):
                graph[one].add(other)
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
