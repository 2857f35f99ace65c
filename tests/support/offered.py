"""What `clostorus.nn` re-exports: every public name of the rooms for models, and a few others.

    python -m tests.support.offered            # Prints the module.
    python -m tests.support.offered --write    # Writes it, when a room has a new name.

`tests/clostorus/nn/test_names.py` holds the module against them.
"""

import ast
import sys

from tests.support.project import ROOT

__all__ = ["MODULE", "ROOMS", "written"]

MODULE = ROOT / "clostorus" / "nn" / "__init__.py"
ROOMS = ("golden.layers", "golden.convert", "golden.export", "golden.techniques")
ALONE = {
    "ClosLinear": "golden.clos.layer",
    "ClosNet": "golden.clos.net",
    "ClosShape": "golden.clos.shape",
    "CompiledMissing": "golden.errors",
    "GoldenError": "golden.errors",
    "GoldenWarning": "golden.errors",
    "ModelError": "golden.errors",
    "ShapeError": "golden.errors",
    "Topology": "golden.topologies.topology",
    "parse_topology": "golden.topologies.vocabulary",
    "use_compiled": "golden.operators.switch",
    "uses_compiled": "golden.operators.switch",
}


def _exported(room):
    """The modules that the public names of a room are defined in, by name."""
    tree = ast.parse((ROOT / room.replace(".", "/") / "__init__.py").read_text())
    homes = {one.name: node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)
             for one in node.names}
    [names] = [ast.literal_eval(node.value) for node in tree.body if isinstance(node, ast.Assign)
               and getattr(node.targets[0], "id", "") == "__all__"]
    return {name: homes[name] for name in names}


def _import(module, names):
    line = f"    from {module} import {', '.join(names)}"
    if len(line) <= 100:
        return [line]
    return [f"    from {module} import (", *(f"        {name}," for name in names), "    )"]


def _case(name):
    """The order of names in an import: constants, classes, functions."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2), name.lower()


def written():
    """The text of the module; its docstring is the one that it has."""
    homes = {name: home for room in ROOMS for name, home in _exported(room).items()} | ALONE
    names = {}
    for name in sorted(homes, key=_case):
        names.setdefault(homes[name], []).append(name)
    head = MODULE.read_text().partition("\nfrom typing")[0]
    return "\n".join([
        head, "from typing import TYPE_CHECKING", "",
        "from golden.system.names import lazy_names", "", "if TYPE_CHECKING:",
        *(line for module in sorted(names) for line in _import(module, names[module])), "",
        "__all__ = [", *(f'    "{name}",' for name in sorted(homes)), "]", "",
        "_HOMES = {", *(f'    "{name}": "{homes[name].removeprefix("golden.")}",'
                        for name in sorted(homes)), "}", "",
        '__getattr__ = lazy_names(__name__, _HOMES, below="golden")', "", "",
        "def __dir__() -> list[str]:",
        '    """All names, for whoever completes them with a key."""', "    return __all__", ""])


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        MODULE.write_text(written())
    else:
        print(written(), end="")
