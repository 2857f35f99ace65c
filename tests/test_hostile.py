"""Hostile inputs, all in this process: refused in a line, or right; nothing is left behind."""

import pytest

from tests.hostile import api_cases, file_cases, line_cases
from tests.hostile.case import Workshop

CASES = [*api_cases.cases(), *file_cases.cases(), *line_cases.cases()]


@pytest.fixture(scope="module")
def workshop(tmp_path_factory):
    return Workshop(tmp_path_factory.mktemp("workshop"))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_hostile_input(workshop, case):
    case.attempt(workshop)
    workshop.clear()
