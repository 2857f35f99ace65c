"""No file and no function is longer than one can hold in mind; what is, is listed, and only here.

An entry goes when its file or function is mended: a list that says too much fails, too.
"""

import ast

from tests.support.project import ROOT

FOLDERS = ("hw", "golden", "sw_driver", "sim", "fpga", "tests")
MOST_FILE_LINES = 300
MOST_TEST_FILE_LINES = 400
MOST_FUNCTION_LINES = 80

LONG_FILES = {
    "hw/config.py",
    "hw/mac/training_mac.py",
}
LONG_FUNCTIONS = {
    "hw/op_fields.py::mac_fields",
}


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
    assert not long_files() - LONG_FILES


def test_functions_are_short():
    assert not all_long_functions() - LONG_FUNCTIONS


def test_what_is_mended_leaves_the_lists():
    assert not LONG_FILES - long_files(), "not too long any more: take it from LONG_FILES"
    assert not LONG_FUNCTIONS - all_long_functions(), "take it from LONG_FUNCTIONS"


def test_lines_of_a_function_are_counted_from_def_to_end():
    body = "    pass\n" * MOST_FUNCTION_LINES
    assert long_functions(f"def f():\n{body}") == ["f"]
    assert long_functions(f"@g\ndef f():\n{body[9:]}") == []
    assert long_functions(f"class C:\n def elaborate(self):\n{body}") == []
