"""Every test of before the restructuring is there, under its new path; see tests/moved.tsv."""

import pytest

from tests.support.moved import (
    BEFORE,
    functions_before,
    functions_now,
    moved_rows,
    replaced_rows,
)


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
