"""How programs end when their standard output is lost, when they fail and when they are stopped."""

import os
import signal
import subprocess
import sys

import pytest

CLI = "from sw_driver.cli import main; main()"
PROGRAM = "from sw_driver.ending import run_program; import sys; run_program('name', {})"
TABLES = """
from sw_driver.console import Output
from sw_driver.ending import run_program
def main():
    Output(as_json=False, quiet=False).facts("title", [("name", "value")])
    Output(as_json=True, quiet=False).result({"name": "value"})
run_program("clostorus", main)
"""
FULL = "standard output cannot be written: No space left on device\n"


def run(code, *arguments, shell='exec "$@"'):
    """Run Python code, in a shell that does something with its standard output."""
    command = ["bash", "-c", f"set -o pipefail; {shell}", "bash", sys.executable, "-c", code]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return subprocess.run([*command, *arguments], capture_output=True, text=True, check=False,
                          env=environment)


@pytest.mark.parametrize("code", [CLI, TABLES], ids=["help", "tables"])
@pytest.mark.parametrize(
    ("shell", "status", "errors"),
    [
        ('"$@" > /dev/full', 2, f"clostorus: {FULL}"),
        ('"$@" | true', 141, ""),
        ('"$@" >&-', 2, "clostorus: standard output cannot be written: Bad file descriptor\n"),
        ('"$@" 2> /dev/full > /dev/null', 0, ""),
        ('"$@" 2>&- > /dev/null', 0, ""),
    ],
    ids=["full", "left", "closed", "no errors", "errors closed"],
)
def test_lost_output_of_the_command_line(code, shell, status, errors):
    done = run(code, "--help", shell=shell)
    assert (done.returncode, done.stderr) == (status, errors)


def test_a_usage_error_keeps_its_status_where_nobody_listens():
    for shell in ('"$@" 2> /dev/full', '"$@" 2>&-'):
        assert run(CLI, "bogus", shell=shell).returncode == 2


def test_a_reader_of_the_first_line_gets_it():
    done = run(PROGRAM.format("lambda: print(*range(10**6), sep='\\n')"), shell='"$@" | head -n 1')
    assert (done.returncode, done.stdout, done.stderr) == (141, "0\n", "")


@pytest.mark.parametrize(
    ("main", "shell", "status", "errors"),
    [
        ("lambda: None", '"$@"', 0, ""),
        ("lambda: 3", '"$@"', 3, ""),
        ("lambda: print(1) or 3", '"$@" > /dev/full', 3, f"name: {FULL}"),
        ("lambda: print(1)", '"$@" > /dev/full', 2, f"name: {FULL}"),
        ("lambda: print(1, flush=True)", '"$@" | true', 141, ""),
        ("lambda: sys.exit('said')", '"$@"', 1, "said\n"),
        ("lambda: sys.exit()", '"$@"', 0, ""),
        ("lambda: open('/none/x')", '"$@"', 2, "name: /none/x: No such file or directory\n"),
    ],
)
def test_programs(main, shell, status, errors):
    done = run(PROGRAM.format(main), shell=shell)
    assert (done.returncode, done.stderr) == (status, errors)


def test_a_bug_is_not_hidden():
    done = run(PROGRAM.format("lambda: int('x')"))
    assert done.returncode == 1 and "Traceback" in done.stderr


WAITS = """
import tempfile, time
from pathlib import Path
from sw_driver.ending import run_program
def main():
    with tempfile.TemporaryDirectory(dir=".") as folder:
        print(folder, flush=True)
        time.sleep(60)
run_program("name", main)
"""


@pytest.mark.parametrize(("number", "status", "errors"), [
    (signal.SIGTERM, 143, ""), (signal.SIGINT, 130, "name: stopped\n")])
def test_what_stops_a_program_lets_it_clear_away(tmp_path, number, status, errors):
    program = subprocess.Popen(
        [sys.executable, "-c", WAITS], cwd=tmp_path, env=os.environ | {"PYTHONPATH": os.getcwd()},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    assert program.stdout is not None and program.stdout.readline()
    program.send_signal(number)
    _, found = program.communicate(timeout=60)
    assert (program.returncode, found) == (status, errors)
    assert not list(tmp_path.iterdir())
