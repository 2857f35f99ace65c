"""The pictures of docs/index.md, drawn from the code as Mermaid diagrams and a tree.

    python -m tests.support.pictures            # Prints them.
    python -m tests.support.pictures --write    # Puts them into the page, and writes files, too.

`tests/docs/test_index.py` holds what stands in the page against them. The files are those of
`tests.support.picture_files`.
"""

import ast
import dataclasses
import functools
import importlib
import sys
import typing

import networkx

from hw.pe.pe import PE
from hw.pe.training_pe import TrainingPE
from hw.presets import FITTED, FITTED_TRAINING
from hw.top import ClostorusTop
from sim.measure.markdown import replace_between_marks
from sw_driver.compiled import Compiled
from sw_driver.plan.order import Order
from sw_driver.program.program import Queues
from sw_driver.system.files import write_bytes
from tests.support.block_pictures import block_tree, mermaid
from tests.support.imports import ORDER, PACKAGES, layer, modules, room_graph
from tests.support.picture_files import FILES
from tests.support.project import ROOT

__all__ = ["PAGE", "PICTURES", "fenced", "main", "packages", "pipeline", "print_or_write",
           "room_map", "rooms"]

PAGE = ROOT / "docs" / "index.md"
# Where the tests of a room are, if not in the folder that mirrors it.
_TESTED_IN = {
    "golden/vectors": ["tests/golden/fixed"],
    "sw_driver/cli": ["tests/cli"],
    "sw_driver/cycle_model": ["tests/sim/device/test_cycles.py", "tests/sw_driver/predict"],
    "sw_driver/schedule": ["tests/sw_driver/test_compiler.py", "tests/sw_driver/check"],
}
# Types that pass between functions of the compiler and are no classes of ours.
_ALIASES = ((Order, "Order"), (Queues, "Queues"))


@functools.cache
def _torus(config):
    return ClostorusTop(dataclasses.replace(config, rows=2, cols=2))


def fenced(language, lines):
    """A block of code of a page."""
    return "\n".join([f"```{language}", *lines, "```", ""])


def _node(name):
    return name.replace(".", "_")


def room_map():
    """The lines of a table of packages and rooms: what their docstrings say, and their tests."""
    lines = ["| room | what it holds | its tests |", "|---|---|---|"]
    for room in sorted(one.replace(".", "/") for one in room_graph()):
        text = ast.get_docstring(ast.parse((ROOT / room / "__init__.py").read_text()))
        text = " ".join(text.partition("\n\n")[0].split())
        tests = ", ".join(map(_linked, _TESTED_IN.get(room, [f"tests/{room}"])))
        lines.append(f"| {_linked(room)} | {text} | {tests} |")
    return lines


def _linked(path):
    name = path if path.endswith(".py") else f"{path}/"
    return f"[`{name}`](../{path})"


def rooms(package):
    """The lines of a flowchart of the imports between the rooms of a package.

    An arrow that follows from others is left out.
    """
    inside = [one for one in room_graph() if one.startswith(f"{package}.") and one not in ORDER]
    graph = networkx.DiGraph()
    graph.add_nodes_from(sorted(inside))
    graph.add_edges_from((one, other) for one in inside for other in room_graph()[one]
                         if other in inside)
    reduced = networkx.transitive_reduction(graph)
    names = [f'    {_node(one)}["{one.partition(".")[2]}/"]' for one in sorted(inside)]
    arrows = [f"    {_node(one)} --> {_node(other)}" for one, other in sorted(reduced.edges)]
    return ["flowchart TD", *names, *arrows]


def packages():
    """The lines of a flowchart of the imports between packages, all of them."""
    found = {(layer(one), layer(other)) for one, others in room_graph().items()
             for other in others if layer(one) != layer(other)}
    names = [f'    {_node(one)}["{one.replace(".", "/")}/"]' for one in ORDER]
    return ["flowchart LR", *names, *(f"    {_node(one)} --> {_node(other)}"
                                      for one, other in sorted(found))]


def _called(module):
    """The functions and classes of the compiler that a module calls: (module, dotted name)."""
    tree = ast.parse(modules()[module].read_text())
    homes = {one.name: node.module for node in ast.walk(tree)
             if isinstance(node, ast.ImportFrom) and node.module.startswith("sw_driver.")
             for one in node.names}
    calls = (node.func for node in ast.walk(tree) if isinstance(node, ast.Call))
    found = set()
    for call in calls:
        owner = call.value if isinstance(call, ast.Attribute) else call
        if isinstance(owner, ast.Name) and owner.id in homes:
            found.add((homes[owner.id], ast.unparse(call)))
    return sorted(found)


def _types(hint):
    """Names of the types of ours in an annotation, but for configurations, which all know."""
    names = [name for alias, name in _ALIASES if hint == alias]
    if isinstance(hint, type) and hint.__module__.partition(".")[0] in ("sw_driver", "golden"):
        names.append(hint.__name__)
    # What a callback takes is not what its caller is given.
    for inside in typing.get_args(hint):
        names += [] if isinstance(inside, list) else _types(inside)
    return names


def pipeline(module):
    """The lines of a flowchart of what a compiler calls.

    An arrow leads from a function to each that takes what it returns, by their annotations.
    """
    takes, gives, homes = {}, {}, {}
    for home, name in _called(module):
        target = functools.reduce(getattr, name.split("."), importlib.import_module(home))
        if isinstance(target, type) and issubclass(target, Exception):
            continue
        hints = typing.get_type_hints(target)
        result = hints.pop("return", None)
        if result is Compiled:  # Another compiler, whose picture is its own.
            continue
        gives[name] = _types(target if isinstance(target, type) else result)
        takes[name] = {one for hint in hints.values() for one in _types(hint)}
        homes[name] = home
    arrows = {}
    for source, names in gives.items():
        for sink, wanted in takes.items():
            passed = [name for name in dict.fromkeys(names) if name in wanted]
            if passed and sink != source:
                arrows[source, sink] = ", ".join(passed)
    lines = ["flowchart TD"]
    for name in sorted({end for arrow in arrows for end in arrow}):
        path = homes[name].partition(".")[2].replace(".", "/")
        lines.append(f'    {_node(name)}["{name}<br>{path}.py"]')
    return lines + [f'    {_node(source)} -->|"{passed}"| {_node(sink)}'
                    for (source, sink), passed in arrows.items()]


PICTURES = {
    "map": lambda: "\n".join([*room_map(), ""]),
    "packages": lambda: fenced("mermaid", packages()),
    **{f"rooms of {one}": functools.partial(lambda one: fenced("mermaid", rooms(one)), one)
       for one in PACKAGES if one not in ("clostorus", "fpga")},
    "compiler": lambda: fenced("mermaid", pipeline("sw_driver.compiler")),
    "compiler of training": lambda: fenced("mermaid", pipeline("sw_driver.training_compiler")),
    "torus": lambda: fenced("mermaid", mermaid(_torus(FITTED), ("torus",))),
    "training torus": lambda: fenced(
        "mermaid", mermaid(_torus(FITTED_TRAINING), ("torus",))),
    "pe": lambda: fenced("mermaid", mermaid(PE(FITTED), ("router",))),
    "training pe": lambda: fenced("mermaid", mermaid(TrainingPE(FITTED_TRAINING), ("router",))),
    "tree": lambda: fenced("", block_tree(_torus(FITTED))),
    "training tree": lambda: fenced("", block_tree(_torus(FITTED_TRAINING))),
}
"""What draws each picture, by the name in the marks that it stands between."""


def print_or_write(page, pictures, arguments):
    """Print pictures with their marks; with `--write`, put them between those of a page."""
    for name, draw in pictures.items():
        if arguments == ["--write"]:
            replace_between_marks(page, name, draw())
        else:
            print(f"<!-- begin {name} -->\n{draw()}<!-- end {name} -->\n")


def main(arguments):
    """Print all pictures, or write them into the page, and those that are files into docs/."""
    print_or_write(PAGE, PICTURES, arguments)
    if arguments == ["--write"]:
        for name, draw in FILES.items():
            write_bytes(PAGE.parent / name, draw())


if __name__ == "__main__":
    main(sys.argv[1:])
