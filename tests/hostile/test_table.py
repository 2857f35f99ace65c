"""The table of docs/verification.md says how many hostile inputs there are, and their fate."""

import pytest

from sim.measure.markdown import text_between_marks
from tests.hostile.case import Workshop
from tests.hostile.table import MARK, PAGE, every_case, table


def test_no_input_is_tried_twice():
    names = [str(case) for case in every_case()]
    assert len(set(names)) == len(names) >= 400


@pytest.mark.slow
def test_the_table_is_of_today(tmp_path):
    assert table(every_case(), Workshop(tmp_path)) == text_between_marks(PAGE, MARK)
