"""docs/benchmarks.md: a section for each table, written by the program that measured it."""

import re
from collections.abc import Mapping
from pathlib import Path

from sw_driver.files import make_folder, write_text

__all__ = ["write_page"]

_HEAD = """# Benchmarks

Every section is written by the command that it names; a table that is not run again keeps its
section. Raw results are kept in `out/bench`, and measured again when what they depend on changes.
"""
_SECTION = re.compile(r"^<!-- begin ([\w-]+) -->\n(.*?)^<!-- end \1 -->\n", re.M | re.S)


def write_page(path: Path, titles: Mapping[str, str], texts: Mapping[str, str]) -> None:
    """Write the page anew; sections that are not given stay.

    Parameters
    ----------
    path
        Of the page, which need not exist.
    titles
        Of every table there is, by its name, in the order of the page.
    texts
        Markdown of the tables that were run.
    """
    old = path.read_text() if path.exists() else ""
    sections = {name: text for name, text in _SECTION.findall(old)}
    for name, text in texts.items():
        sections[name] = f"## {titles[name]}\n\n    clostorus bench {name}\n\n{text.rstrip()}\n"
    parts = [_HEAD]
    for name in titles:
        if name in sections:
            parts.append(f"<!-- begin {name} -->\n{sections[name]}<!-- end {name} -->\n")
    make_folder(path.parent)
    write_text(path, "\n".join(parts))
