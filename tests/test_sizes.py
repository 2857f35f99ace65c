"""No file and no function is longer than one can hold in mind."""

import ast

from tests.support.project import ROOT

FOLDERS = ("clostorus", "hw", "golden", "sw_driver", "sim", "fpga", "tests", "docs")
MOST_FILE_LINES = 300
MOST_TEST_FILE_LINES = 400
MOST_FUNCTION_LINES = 80

def long_functions(source):
    """Names of functions of too many lines; `elaborate`, a block's circuit, may be long."""
    return [node.name for node in ast.walk(ast.parse(source))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            and node.name != "elaborate"
            and (node.end_lineno or 0) - node.lineno >= MOST_FUNCTION_LINES]


def sources(folder):
    return {path.relative_to(ROOT).as_posix(): path.read_text()
            for path in sorted((ROOT / folder).rglob("*.py"))}


def long_files():
    """All files of too many lines."""
    return {name for folder in FOLDERS for name, text in sources(folder).items()
            if len(text.splitlines()) > (MOST_TEST_FILE_LINES if folder == "tests"
                                         else MOST_FILE_LINES)}


def all_long_functions():
    return {f"{name}::{one}" for folder in FOLDERS for name, text in sources(folder).items()
            for one in long_functions(text)}


def test_files_are_short():
    assert not long_files()


def test_functions_are_short():
    assert not all_long_functions()
