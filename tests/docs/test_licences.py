"""docs/licences.md is what the packages say, and every licence allows what is done here."""

import re
import sys
from importlib.metadata import distribution

import pytest

from tests.support.licences import ALLOWED, ASIDE, PAGE, installed, of, page, parts, refused
from tests.support.locked import PYTHON

INSTALLED = installed()
ROWS = re.findall(r"^\| ([\w.-]+) \| (\S+) \| (.+?) \| .+ \|$", PAGE.read_text(), re.M)


def test_the_page_is_what_the_packages_say():
    if sys.version_info[:2] == tuple(map(int, PYTHON.split(".")[:2])):
        assert PAGE.read_text() == page(), "run: python -m tests.support.licences --write"
    else:  # A few packages are locked in another version, or not needed.
        known = {name: licence for name, _, licence in ROWS}
        assert {one.name: one.licence for one in INSTALLED}.items() <= known.items()


def test_every_licence_is_of_a_kind_that_is_allowed():
    assert len(INSTALLED) > 100
    assert refused(INSTALLED) == []


class _Strict:
    """A distribution of the package `importlib_metadata`, which once imported takes the place of
    the standard library's: a field that its metadata lacks is an error there, and not None.
    """

    def __init__(self, one):
        self._one = one

    def __getattr__(self, name):
        return getattr(self._one, name)

    @property
    def metadata(self):
        class Message(type(self._one.metadata)):
            def __getitem__(self, item):
                if (found := super().__getitem__(item)) is None:
                    raise KeyError(item)
                return found

        found = self._one.metadata
        found.__class__ = Message
        return found


def test_any_reader_of_metadata_will_do():
    assert [of(_Strict(distribution(one.name))) for one in INSTALLED] == INSTALLED


def test_what_lies_aside_is_not_allowed_and_says_why():
    for one in INSTALLED:
        if one.name in ASIDE:
            assert not parts(one.licence) <= ALLOWED
            assert f"`{one.name}`" in PAGE.read_text()


@pytest.mark.parametrize("licence", ["GPL-3.0-only", "AGPL-3.0-or-later", "MIT AND GPL-2.0-only",
                                     "BSD", "none found", "LicenseRef-Proprietary", ""])
def test_others_are_refused(licence):
    one = INSTALLED[0]._replace(licence=licence)
    assert refused([one]) == [f"{one.name} {one.version}: {licence}"]


def test_one_of_two_that_may_be_chosen_is_enough():
    assert parts("Apache-2.0 OR GPL-2.0-only") == {"Apache-2.0"}
    assert parts("(GPL-2.0-only OR MIT) AND BSD-3-Clause") == {"MIT", "BSD-3-Clause"}
