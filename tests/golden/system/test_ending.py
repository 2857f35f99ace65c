"""A program's bugs are not hidden by what makes a line of its errors."""

import subprocess
import sys

import pytest

PROGRAM = "from {}.ending import run_program; run_program('name', lambda: int('x'))"


@pytest.mark.parametrize("package", ["golden", "sw_driver"])
def test_a_bug_is_not_hidden(package):
    done = subprocess.run([sys.executable, "-c", PROGRAM.format(package)], capture_output=True,
                          text=True, check=False, timeout=60)
    assert done.returncode == 1 and "ValueError: invalid literal" in done.stderr
