"""What is missing is said in one line: by the Makefile before it does anything else, and by CI."""

import shutil
import subprocess
import sys

import pytest

from tests.support.project import ROOT


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


NEEDED = {"chromium": 0, "iverilog": 0, "valgrind": 0, "yosys": 0}


@pytest.mark.parametrize("tools, asked", [
    ({"make": 0}, []),
    ({"make": 0, "apt-get": 1}, ["apt-get update"]),
    ({"make": 0, "apt-get": 0}, [
        "apt-get update", "apt-get install -y chromium iverilog valgrind yosys"]),
    ({"make": 0, "apt-get": 0, "iverilog": 0}, [
        "apt-get update", "apt-get install -y chromium valgrind yosys"]),
    ({"make": 0, "apt-get": 0, **NEEDED}, []),
    ({"make": 1, **NEEDED}, []),
])
def test_ci_goes_on_without_icarus(tools, asked, tmp_path):
    log = tmp_path / "log"
    log.touch()
    for name, status in tools.items():
        (tmp_path / name).write_text(f'#!/bin/sh\necho "{name} $*" >> {log}\nexit {status}\n')
        (tmp_path / name).chmod(0o755)
    (tmp_path / "dirname").symlink_to(shutil.which("dirname"))
    done = subprocess.run([shutil.which("bash"), ROOT / ".ci" / "run"], capture_output=True,
                          env={"PATH": str(tmp_path)}, text=True, check=False)
    made = ["make test", "make test-slow"][:1 if tools["make"] else 2]
    assert log.read_text().splitlines() == asked + made
    assert bool(done.returncode) == bool(tools["make"])
    installed = tools.keys() >= NEEDED.keys() or tools.get("apt-get") == 0
    assert ("tests that run in them are skipped" in done.stderr) is not installed
