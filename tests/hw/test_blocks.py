"""tests/hw/blocks.md names a test of every block of `hw`, and that test does elaborate it."""

import subprocess
import sys

import pytest

from tests.support.elaborated import TABLE, blocks, claimed
from tests.support.project import ROOT

COMMAND = [sys.executable, "-m", "tests.support.elaborated", "--check"]


def test_every_block_has_a_row_and_every_row_a_block():
    assert list(claimed()) == blocks()
    assert len(TABLE.read_text().splitlines()) == len(blocks()) + 9


@pytest.mark.slow
def test_the_named_tests_elaborate_what_the_table_says():
    done = subprocess.run(COMMAND, cwd=ROOT, capture_output=True, text=True, timeout=600,
                          check=False)
    assert done.returncode == 0, done.stdout + done.stderr
