"""Pages of the site that show the repository: README.md, source files, and lists of folders."""

import ast
import os
from collections.abc import Iterator
from pathlib import Path

__all__ = ["README", "ROOT", "is_shown", "readme_page", "source_pages", "source_uri"]

ROOT = Path(__file__).parents[2]
README = "readme.md"
_FOLDERS = ("clostorus", "hw", "golden", "sw_driver", "fpga", "sim", "tests", "findings",
            "docs/site")
_FILES = ("CITATION.cff", "LICENSE", "Makefile", "pyproject.toml")
_LANGUAGES = {".py": "python", ".sh": "sh", ".cpp": "cpp", ".h": "cpp", ".v": "verilog",
              ".vlt": "verilog", ".toml": "toml", ".yml": "yaml", ".css": "css", ".md": "markdown"}
_LONG = 100_000  # Bytes: what is longer are data, which nobody reads.
_HEAD = "---\nsearch: {exclude: true}\nhide: [toc]\n---\n\n"


def is_shown(path: Path) -> bool:
    """Whether a file or a folder of the repository has a page: data and made files have none."""
    inside = path.relative_to(ROOT)
    if "__pycache__" in inside.parts or not path.exists():
        return False
    if path.is_dir() or inside.as_posix() in _FILES:
        return any(inside.is_relative_to(one) for one in _FOLDERS) or path.is_file()
    known = path.suffix in _LANGUAGES and path.stat().st_size <= _LONG
    return known and any(inside.is_relative_to(one) for one in _FOLDERS)


def source_uri(path: Path) -> str:
    """The page of a file or of a folder of the repository, as MkDocs names it."""
    inside = path.relative_to(ROOT).as_posix()
    return f"source/{inside}/index.md" if path.is_dir() else f"source/{inside}.md"


def readme_page() -> str:
    """README.md, whose links `RepositoryLinks` follows."""
    return (ROOT / "README.md").read_text()


def source_pages() -> Iterator[tuple[str, str]]:
    """The name and the Markdown of each page, without README.md."""
    paths = [ROOT / name for name in (*_FOLDERS, *_FILES)]
    paths += [path for name in _FOLDERS for path in sorted((ROOT / name).rglob("*"))]
    for path in paths:
        if is_shown(path):
            yield source_uri(path), _folder(path) if path.is_dir() else _file(path)


def _file(path: Path) -> str:
    text = path.read_text()
    fence = "`" * 3
    while fence in text:
        fence += "`"
    language = _LANGUAGES.get(path.suffix, "text")
    return f"{_HEAD}# `{path.name}`\n\n{_above(path)}\n\n{fence}{language}\n{text}\n{fence}\n"


def _folder(path: Path) -> str:
    rows = [f"| [`{one.name}{'/' if one.is_dir() else ''}`]({_link(path, one)}) | {_summary(one)} |"
            for one in sorted(path.iterdir()) if is_shown(one)]
    return "\n".join([f"{_HEAD}# `{path.name}/`\n", _above(path), "", "| name | what it holds |",
                      "|---|---|", *rows, ""])


def _above(path: Path) -> str:
    """A line with the folders that a page lies in, the outermost first."""
    inside = path.relative_to(ROOT)
    folders = [ROOT / one for one in reversed(inside.parents[:-1]) if is_shown(ROOT / one)]
    links = [f"[`{folder.name}/`]({_link(path, folder)})" for folder in folders]
    return " ".join([*links, f"`{path.name}`"])


def _link(page: Path, target: Path) -> str:
    return os.path.relpath(source_uri(target), os.path.dirname(source_uri(page)))


def _summary(path: Path) -> str:
    """The first paragraph of what a Python file or package says of itself."""
    source = path / "__init__.py" if path.is_dir() else path
    if source.suffix != ".py" or not source.exists():
        return ""
    text = ast.get_docstring(ast.parse(source.read_text())) or ""
    return " ".join(text.partition("\n\n")[0].split()).replace("|", "\\|")
