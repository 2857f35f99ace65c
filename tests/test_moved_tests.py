"""Every test of before the restructuring is there, under its new path; see tests/moved.tsv."""

import re

import pytest

from tests.support.moved import (
    BEFORE,
    functions_before,
    functions_now,
    git,
    moved_rows,
    replaced_rows,
)
from tests.support.project import ROOT

MAY_SKIP = {
    "clostorus/test_wheel.py": "wheels of other releases of PyTorch that are not for GPUs",
    "conftest.py": "Icarus Verilog, which `make` does not ask for",
    "golden/clos/test_export.py": "onnx and onnxruntime, which are optional",
    "golden/convert/test_page.py": "transformers, which is optional",
    "golden/convert/test_pretrained.py": "transformers, which is optional",
    "golden/export/test_onnx_file.py": "onnx and onnxruntime, which are optional",
    "golden/studies/test_conversions.py": "transformers, which is optional",
    "golden/tensors/test_onnx.py": "onnx and onnxruntime, which are optional",
    "golden/test_compatibility.py": "onnxruntime and safetensors, which are optional",
    "sim/model/test_hand_over.py": "fusesoc and slang, which are optional",
    "sim/model/test_traces.py": "libraries that read FST files, and limits on resources",
    "support/disks.py": "the right to mount a small disk",
    "support/reports.py": "Chromium, which `make` does not ask for",
    "sw_driver/c_host/test_programs.py": "valgrind, which is optional",
    "sw_driver/check/test_training_waits.py": "nothing: a program drawn has not what is broken",
}


@pytest.mark.slow
def test_every_test_is_where_the_table_says():
    now = functions_now()
    missing = [f"{new}::{name}" for _, new, names in moved_rows() for name in names
               if name not in now.get(new, ())]
    assert not missing, "run python -m tests.support.moved where tests have moved"


def test_what_replaced_a_test_is_there():
    now = functions_now()
    for old, found, why in replaced_rows():
        assert found and why, old
        for one in found:
            file, name = one.split("::")
            assert name in now.get(file, ()), old


@pytest.mark.parametrize("commit", BEFORE)
def test_every_test_of_before_is_in_the_table(commit):
    known = {f"{old}::{name}" for old, _, names in moved_rows() for name in names}
    known |= {old for old, _, _ in replaced_rows()}
    assert len(known) > 1200
    before = functions_before(commit) or {}  # A checkout without history has the table alone.
    assert not {f"{file}::{name}" for file, names in before.items() for name in names} - known


def test_no_two_tests_became_one():
    places = [(new, name) for _, new, names in moved_rows() for name in names]
    assert len(places) == len(set(places))


def test_commits_that_blame_looks_through_only_moved_files():
    lines = (ROOT / ".git-blame-ignore-revs").read_text().splitlines()
    commits = [line for line in lines if line and not line.startswith("#")]
    assert commits
    for commit in commits:
        assert re.fullmatch("[0-9a-f]{40}", commit)
        shown = git("show", "-M", "--name-status", "--format=", commit)
        if shown.returncode == 0:  # A checkout without history has the list alone.
            changes = [line.split("\t") for line in shown.stdout.splitlines()]
            assert sum(kind.startswith("R") for kind, *_ in changes) > 40
            assert not [names for kind, *names in changes if kind == "D" or kind == "A" and
                        not names[0].endswith(("/__init__.py", "tests/support/project.py"))]


def test_no_test_is_skipped_but_for_what_a_machine_lacks():
    told = {path.relative_to(ROOT / "tests").as_posix()
            for path in (ROOT / "tests").rglob("*.py") if re.search(
                r"pytest\.(skip|importorskip|xfail)\(|mark\.(skip|skipif|xfail)\b",
                path.read_text())}
    assert told == set(MAY_SKIP)
