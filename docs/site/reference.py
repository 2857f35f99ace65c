"""Pages of the reference: what the docstrings of a module or of a room say."""

import ast
from pathlib import Path

from sources import ROOT

__all__ = ["reference_page"]


def reference_page(name: str) -> str:
    """The Markdown of the page of a room, such as "golden.layers": what it exports, its modules."""
    folder = ROOT / name.replace(".", "/")
    tree = _parsed(folder / "__init__.py")
    rows = [_row(name, one, home) for one, home in sorted(_exported(tree).items())]
    table = ["| to import | what it is |", "|---|---|", *rows, ""] if rows else []
    modules = [f"::: {name}.{path.stem}\n" for path in sorted(folder.glob("*.py"))
               if not path.stem.startswith("_")]
    source = f"../source/{folder.relative_to(ROOT).as_posix()}/index.md"
    return "\n".join([f"# {name}\n", ast.get_docstring(tree) or "", "",
                      f"The source is in [{name.replace('.', '/')}/]({source}).\n",
                      *table, *modules])


def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def _exported(tree: ast.Module) -> dict[str, str]:
    """The module that defines each name of `__all__`."""
    names = [ast.literal_eval(node.value) for node in tree.body if isinstance(node, ast.Assign)
             and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "__all__"]
    homes = {one.name: node.module for node in ast.walk(tree)
             if isinstance(node, ast.ImportFrom) and node.module for one in node.names}
    return {name: homes[name] for name in (names[0] if names else ()) if name in homes}


def _row(room: str, name: str, module: str) -> str:
    """A line of the table of exports; one without a docstring is documented nowhere."""
    summary = _summary(module, name)
    link = f"[`{room}.{name}`][{module}.{name}]" if summary else f"`{room}.{name}`"
    return f"| {link} | {summary or 'a constant'} |"


def _summary(module: str, name: str) -> str:
    """The first paragraph of the docstring of a function or class; "" if there is none."""
    found = [node for node in _parsed((ROOT / module.replace(".", "/")).with_suffix(".py")).body
             if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name]
    text = ast.get_docstring(found[0]) if found else None
    return " ".join((text or "").partition("\n\n")[0].split()).replace("|", "\\|")
