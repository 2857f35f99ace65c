"""Hostile inputs: refused in a line, or right; nothing is left behind.

Of inputs that are alike, such as a bit that is flipped at random, some are tests of their own here;
`test_table.py` tries all of them once more in one go.
"""

import collections
import re

import pytest

from tests.hostile.case import Workshop
from tests.hostile.table import every_case

_OF_A_KIND = 3


def _cases():
    """The first cases of every kind."""
    kinds = collections.Counter()
    for case in every_case():
        kind = re.sub(r"(a forged artifact).*|\d+", r"\1", str(case))
        kinds[kind] += 1
        if kinds[kind] <= _OF_A_KIND:
            yield case


@pytest.fixture(scope="module")
def workshop(tmp_path_factory):
    return Workshop(tmp_path_factory.mktemp("workshop"))


@pytest.mark.parametrize("case", list(_cases()), ids=str)
def test_hostile_input(workshop, case):
    case.attempt(workshop)
    workshop.clear()
