"""Who imports whom: the modules of all packages, the rooms that they lie in, and their imports."""

import ast
import functools

from tests.support.project import ROOT

__all__ = ["ORDER", "PACKAGES", "edges", "imports", "layer", "modules", "room", "room_graph"]

ORDER = ("hw", "golden", "clostorus", "sw_driver", "fpga", "sim", "sw_driver.cli")
"""Each package imports those before it; `hw` and `golden` import nothing of ours.

`clostorus` re-exports names of `golden`, and nothing imports it.
"""

PACKAGES = ("hw", "golden", "clostorus", "sw_driver", "fpga", "sim")


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
    """The one of `ORDER` that a module belongs to."""
    return max((one for one in ORDER if f"{module}.".startswith(f"{one}.")), key=len)


def room(module):
    """The folder that a module lies in, or the package."""
    parts = module.split(".")
    is_room = len(parts) > 2 or len(parts) == 2 and modules()[module].name == "__init__.py"
    return ".".join(parts[:2]) if is_room else parts[0]


@functools.cache
def room_graph():
    """The rooms, and packages for what lies in none, that each of them imports; without itself."""
    graph = {room(name): set() for name in modules()}
    for name, target in edges():
        graph[room(name)].add(room(target))
    return {one: others - {one} for one, others in graph.items()}
