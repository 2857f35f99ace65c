"""Which test elaborates which block of `hw`, found by running the tests.

    python -m tests.support.elaborated > tests/hw/blocks.md   # Runs tests/hw, some minutes.
    python -m tests.support.elaborated --check                # Runs the tests of that table alone.

A block is a class with a method `elaborate`; a module that has none is a block if it has any
function. A test counts if the block's `elaborate` (or any function of such a module) is run by it,
with its fixtures and in its own process: so the table cannot claim what is not so.
"""

import ast
import contextlib
import re
import sys
import time
from collections import defaultdict
from pathlib import Path

import pytest
from amaranth.sim import Simulator

from tests.support.project import ROOT

__all__ = ["TABLE", "blocks", "claimed", "main"]

TABLE = ROOT / "tests" / "hw" / "blocks.md"
_HEAD = """\
Which test elaborates which block of `hw`, or runs its functions: for each, one that does little
else. Written by `python -m tests.support.elaborated > tests/hw/blocks.md`, and held to be true and
complete by `tests/hw/test_blocks.py`.

To elaborate a block is to make it: tests of `tests/hw/test_tops.py` and `tests/hw/test_presets.py`
write it as Verilog and run nothing. docs/verification.md says what each block is held against.

| module | block | test |
|---|---|---|
"""
_ROW = re.compile(r"^\| `(\S+)` \| (?:`(\w+)`)? *\| `(.+)` \|$", re.M)
# All is elaborated before a simulation begins to run, which would take twice as long if watched.
_RUNS = Simulator.advance.__code__
# What tests/conftest.py says of this package, which is here before it.
_OPTIONS = ("-W", "ignore:Module already imported:pytest.PytestAssertRewriteWarning")
_MOST_SECONDS = 5.0  # A test that computes longer is not named if there is another.


def blocks():
    """(module's path, name of a class or "") of every block, in order."""
    found = []
    for path in sorted((ROOT / "hw").rglob("*.py")):
        tree = ast.parse(path.read_text())
        functions = (ast.FunctionDef, ast.AsyncFunctionDef)
        classes = [node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and any(
            isinstance(one, functions) and one.name == "elaborate" for one in node.body)]
        if classes or any(isinstance(node, functions) for node in ast.walk(tree)):
            name = path.relative_to(ROOT).as_posix()
            found += [(name, one) for one in classes or [""]]
    return found


def claimed():
    """The table's rows: the test of each block."""
    return {(module, block): test for module, block, test in _ROW.findall(TABLE.read_text())}


class _Recorder:
    """A plugin of pytest: what each test that passes elaborates, and how long it takes."""

    def __init__(self):
        self.found = {}
        self.seconds = {}
        self._blocks = defaultdict(dict)
        for module, block in blocks():
            self._blocks[str(ROOT / module)][f"{block}.elaborate" if block else ""] = module, block

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item):
        reached, known = set(), self._blocks

        def profile(frame, event, _):
            if event == "call" and frame.f_code is _RUNS:
                sys.setprofile(None)
            elif event == "call" and frame.f_code.co_filename in known:
                here = known[frame.f_code.co_filename]
                name = "" if "" in here else frame.f_code.co_qualname
                if name in here and frame.f_code.co_name != "<module>":
                    reached.add(here[name])

        before, began = sys.getprofile(), time.process_time()
        sys.setprofile(profile)
        try:
            return (yield)
        finally:
            sys.setprofile(before)
            self.found[item.nodeid] = reached
            self.seconds[item.nodeid] = time.process_time() - began

    def pytest_runtest_logreport(self, report):
        if report.failed:
            raise RuntimeError(f"{report.nodeid} must pass before what it elaborates is known")


def _run(arguments):
    recorder = _Recorder()
    with contextlib.redirect_stdout(sys.stderr):
        status = pytest.main(["-q", "-p", "no:cacheprovider", *_OPTIONS, *arguments],
                             plugins=[recorder])
    if status:
        raise SystemExit(int(status))
    return recorder


def _best(module, block, recorder):
    """The test to name: in the file named like the module, then the one that does least else."""
    room_and_name = module.removeprefix("hw/").rpartition("/")
    own = f"tests/hw/{room_and_name[0]}/test_{Path(module).stem}.py".replace("//", "/")
    return min((test for test, found in recorder.found.items() if (module, block) in found),
               key=lambda test: (recorder.seconds[test] > _MOST_SECONDS,
                                 test.partition("::")[0] != own, len(recorder.found[test]), test),
               default=None)


def _table(recorder):
    """The table as text, and the blocks that no test elaborates."""
    best = {block: _best(*block, recorder) for block in blocks()}
    rows = [f"| `{module}` | {f'`{block}`' if block else ''} | `{test}` |\n"
            for (module, block), test in best.items() if test]
    return _HEAD + "".join(rows), [block for block, test in best.items() if test is None]


def _check():
    """What is wrong with the table, a line each."""
    table = claimed()
    for block in blocks():
        if block not in table:
            yield f"no test elaborates {':'.join(block).rstrip(':')}: run {__spec__.name}"
    found = _run(sorted(set(table.values()))).found
    for block, test in table.items():
        if block not in found.get(test, ()):
            yield f"{test} does not elaborate {':'.join(block).rstrip(':')}"


def main(arguments):
    """Return 0 if all is well, else 1 with a line for each block without a test."""
    if arguments == ["--check"]:
        wrong = list(_check())
    else:
        folder = ROOT / "tests" / "hw"
        text, missing = _table(_run(
            ["-m", "not slow", f"--ignore={folder / 'test_blocks.py'}", str(folder)]))
        wrong = [f"no test of tests/hw elaborates {':'.join(block).rstrip(':')}"
                 for block in missing]
        sys.stdout.write(text)
    print(*wrong, sep="\n", file=sys.stderr)
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
