"""Command lines of `clostorus fuzz` that must be refused, and inputs that it never kept."""

import shlex
from collections.abc import Iterator

from tests.hostile.case import Case

LINES = {
    "fuzz cvs": "NAME must be one of .*, not 'cvs' .did you mean csv",
    "fuzz --minutes -1": "--minutes must be 0 to 100000, not -1",
    "fuzz --minutes nan": "--minutes must be 0 to 100000, not nan",
    "fuzz --minutes soon": "'--minutes': Input should be a valid number.*, not soon",
    "fuzz --seed -1": "'--seed': Input should be greater than or equal to 0, not -1",
    "fuzz csv --out {files}/x.npy": "--out .*x.npy (cannot be written|must be a folder)",
    "fuzz csv --page none.md": "--page none.md must be a text file",
    "fuzz csv --page {files}/x.csv": "--page .*x.csv must have one place between",
    "fuzz --file none.json": "--file none.json cannot be read: No such file",
    "fuzz --file {files}/x.npy": "--file .*x.npy must be an input that clostorus fuzz has kept",
    "fuzz csv --workers 2 --scheduler tcp://127.0.0.1:1": "--workers and --scheduler cannot both",
}


def cases() -> Iterator[Case]:
    """List all."""
    for line, message in LINES.items():
        yield _line_case(line, message)


def _line_case(line: str, message: str) -> Case:
    short = line.replace("{files}/", "")
    return Case("command line", short, lambda bench: bench.refused(message, *shlex.split(line)))
