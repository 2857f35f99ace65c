"""Hostile inputs: refused in a line, or right; nothing is left behind."""

import collections
import re

import pytest

from tests.hostile.case import Workshop
from tests.hostile.table import every_case
from tests.support.knobs import mostly_slow

# Of cases that are alike, such as a bit that is flipped at random, these run in `make test`.
_QUICK_OF_A_KIND = 3


def _cases():
    """Every case; all but the first of a kind are slow."""
    kinds, quick = collections.Counter(), set()
    cases = every_case()
    for index, case in enumerate(cases):
        kind = re.sub(r"(a forged artifact).*|\d+", r"\1", str(case))
        kinds[kind] += 1
        if kinds[kind] <= _QUICK_OF_A_KIND:
            quick.add(index)
    return mostly_slow(cases, quick)


@pytest.fixture(scope="module")
def workshop(tmp_path_factory):
    return Workshop(tmp_path_factory.mktemp("workshop"))


@pytest.mark.parametrize("case", _cases(), ids=str)
def test_hostile_input(workshop, case):
    case.attempt(workshop)
    workshop.clear()
