"""The Makefile says in one line what is missing, before it does anything else."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(("missing", "what", "package"), [
    ("g++", "g++ is missing", "g++"),
    ("perl", "perl is missing", "perl"),
    ("python3", "Python 3.11 or later is missing", "python3"),
])
def test_a_missing_tool_is_named_in_one_line(tmp_path, missing, what, package):
    tools = {"sh": shutil.which("sh"), "g++": shutil.which("g++"), "perl": shutil.which("perl"),
             "python3": sys.executable}
    for name, target in tools.items():
        if name != missing:
            (tmp_path / name).symlink_to(target)
    make = shutil.which("make")
    done = subprocess.run([make, "-C", ROOT, "--no-print-directory", "tools"],
                          env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    said = [text for text in done.stderr.splitlines() if not text.startswith("make:")]
    assert said == [f"{what}; install it, for instance: apt-get install {package}"]
    assert "Error 3" in done.stderr
