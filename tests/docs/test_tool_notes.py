"""docs/tool-notes.md has a row for each script of findings/, and no other."""

import re

from tests.support.project import ROOT

PAGE = ROOT / "docs" / "tool-notes.md"


def test_scripts_and_rows_are_the_same():
    linked = re.findall(r"^\|.*\| \[(\S+)\]\(\.\./findings/(\S+)\.sh\) \|$", PAGE.read_text(), re.M)
    assert all(name == file for name, file in linked)
    names = [name for name, _ in linked]
    assert sorted(names) == sorted(path.stem for path in (ROOT / "findings").glob("*.sh"))
