"""Which test of before is which one now: `python -m tests.support.moved` writes the table.

`tests/moved.tsv` has a row for each old file and each file in which its tests are now: both, and
the names of the functions that moved. A row of `file::function` pairs says what replaced a test
that is no more, and why; those rows are written by hand, and kept.
"""

import ast
import re
import subprocess
from collections import Counter, defaultdict

from tests.support.project import ROOT

__all__ = ["BEFORE", "TABLE", "functions_before", "functions_now", "git",
           "moved_rows", "replaced_rows"]

TABLE = ROOT / "tests" / "moved.tsv"
BEFORE = ("770ef5b", "178e52d")
"""Where the restructuring began, and the last commit before the first file moved."""


def functions_of(source):
    """Names of the test functions of a file."""
    return {node.name for node in ast.parse(source).body
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            and node.name.startswith("test_")}


def functions_now():
    """The test functions by file."""
    return {path.relative_to(ROOT).as_posix(): functions_of(path.read_text())
            for path in sorted((ROOT / "tests").rglob("test_*.py"))}


def functions_before(commit):
    """The test functions by file, at a commit; None if this checkout does not have it."""
    if git("cat-file", "-e", f"{commit}^{{commit}}").returncode:
        return None
    names = git("ls-tree", "-r", "--name-only", commit, "tests").stdout.splitlines()
    files = [name for name in names if name.rpartition("/")[2].startswith("test_")
             and name.endswith(".py")]
    return {name: functions_of(git("show", f"{commit}:{name}").stdout) for name in files}


def git(*arguments):
    """Run git here; the finished process."""
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True,
                          check=False)


def table():
    """The rows of the table, without the header."""
    lines = TABLE.read_text().splitlines()[1:] if TABLE.exists() else []
    return [tuple(line.split("\t")) for line in lines]


def moved_rows():
    """Old file, new file, names of the functions."""
    return [(old, new, names.split()) for old, new, names in table() if "::" not in old]


def replaced_rows():
    """Old test, the tests that replaced it, and why; tests as `file::function`."""
    return [(old, new.split(), why) for old, new, why in table() if "::" in old]


def find_moved(before):
    """Where the functions are now: {(old file, new file): names}, and those that are nowhere.

    Of several files with a function of that name, it is the one that has most of the old file's,
    or else the one whose path has most of the words of the old one.
    """
    homes = defaultdict(list)
    for file, names in functions_now().items():
        for name in names:
            homes[name].append(file)
    moved, lost = defaultdict(set), []
    for old, names in before.items():
        votes = Counter(file for name in names for file in homes[name] if len(homes[name]) == 1)
        words = set(re.findall("[a-z0-9]+", old))
        for name in names:
            if homes[name]:
                moved[old, max(homes[name], key=lambda file: (
                    votes[file], len(words & set(re.findall("[a-z0-9]+", file)))))].add(name)
            else:
                lost.append(f"{old}::{name}")
    return moved, sorted(lost)


def main():
    """Write the table anew, and print the tests that nothing is known of."""
    before = defaultdict(set)
    for commit in BEFORE:
        for file, names in (functions_before(commit) or {}).items():
            before[file] |= names
    moved, lost = find_moved(before)
    replaced = {old: f"{old}\t{' '.join(new)}\t{why}" for old, new, why in replaced_rows()}
    rows = ["\t".join((old, new, " ".join(sorted(names))))
            for (old, new), names in sorted(moved.items())]
    TABLE.write_text("\n".join(("before\tnow\ttests, or why", *rows, *replaced.values())) + "\n")
    for one in lost:
        if one not in replaced:
            print(f"{one} is no more: say in {TABLE.name} what replaced it, and why")


if __name__ == "__main__":
    main()
