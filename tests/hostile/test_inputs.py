"""Hostile inputs: refused in a line, or right; nothing is left behind."""

import pytest

from tests.hostile.case import Workshop
from tests.hostile.table import every_case


@pytest.fixture(scope="module")
def workshop(tmp_path_factory):
    return Workshop(tmp_path_factory.mktemp("workshop"))


@pytest.mark.parametrize("case", every_case(), ids=str)
def test_hostile_input(workshop, case):
    case.attempt(workshop)
    workshop.clear()
