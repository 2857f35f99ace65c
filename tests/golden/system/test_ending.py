"""A program's bugs are not hidden by what makes a line of its errors."""

import subprocess
import sys

PROGRAM = "from golden.system.ending import run_program; run_program('name', lambda: int('x'))"


def test_a_bug_is_not_hidden():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True,
                          text=True, check=False, timeout=60)
    assert done.returncode == 1 and "ValueError: invalid literal" in done.stderr
