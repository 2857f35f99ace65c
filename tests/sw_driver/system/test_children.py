"""Programs that run for this one end with it: by an error, a signal, or when it is killed."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from sw_driver.system.children import in_parallel, run_child
from tests.support.stopped import HEEDS_CTRL_C

WAIT_S = 20

# A program with a program of its own; both tell their numbers.
LONG = ["sh", "-c", 'echo $$ >> "$1"; sleep 60 & echo $! >> "$1"; wait', "sh"]
# It does not end when it is asked to.
STUBBORN = ["sh", "-c", "trap '' TERM; echo $$ >> \"$1\"; while :; do sleep 1; done", "sh"]

CALLER = """
import signal, sys
from pathlib import Path
from sw_driver.system.children import in_parallel, run_child
if "handled" in sys.argv:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
folder = Path(sys.argv[1])
in_parallel(lambda number: run_child([*{command!r}, f"{number}.txt"], folder), range(2), 2)
"""


def numbers(folder, count):
    """The process numbers that programs have told, once there are so many."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        found = [int(line) for path in folder.glob("*.txt") for line in
                 path.read_text().splitlines()]
        if len(found) == count:
            return found
        time.sleep(0.02)
    raise AssertionError(f"{count} programs must have begun, not {found}")


def all_end(found):
    deadline = time.monotonic() + WAIT_S
    while left := [number for number in found if alive(number)]:
        assert time.monotonic() < deadline, f"{left} go on"
        time.sleep(0.02)


def alive(number):
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_what_a_program_gives(tmp_path):
    done = run_child(["sh", "-c", "echo out; echo err >&2; pwd; echo $TMPDIR; exit 5"], tmp_path)
    assert (done.status, done.output) == (5, f"out\nerr\n{tmp_path}\n{tmp_path}\n")
    assert done.last_lines(1) == str(tmp_path)
    assert run_child(["cat"], tmp_path).output == ""  # There is nothing to read.
    assert run_child(["sh", "-c", "kill -9 $$"], tmp_path).status == 137
    assert run_child(["no-such-program"], tmp_path).status == 127
    shown = run_child(["sh", "-c", "echo $ONE $HOME"], tmp_path, environment={
        "ONE": "1", "PATH": os.environ["PATH"]})
    assert shown.output == "1\n"
    assert "�" in run_child(["printf", r"\377"], tmp_path).output
    with pytest.raises(FileNotFoundError):
        run_child(["true"], tmp_path / "none")


def test_results_are_in_the_order_of_the_items(tmp_path):
    def act(number):
        return run_child(["sh", "-c", f"sleep 0.{3 - number}; echo {number}"], tmp_path).output

    assert in_parallel(act, range(4), 3) == ["0\n", "1\n", "2\n", "3\n"]
    assert in_parallel(act, [], 3) == []


@pytest.mark.parametrize("command, each", [(LONG, 2), (STUBBORN, 1)], ids=["long", "stubborn"])
@pytest.mark.parametrize("number, handled, status", [
    (signal.SIGKILL, False, -9), (signal.SIGTERM, False, -15), (signal.SIGTERM, True, 143),
    (signal.SIGINT, False, -2)])
def test_a_signal_to_the_caller_alone(tmp_path, command, each, number, handled, status):
    source = CALLER.replace("{command!r}", repr(command))
    caller = subprocess.Popen(
        [*HEEDS_CTRL_C, sys.executable, "-c", source, str(tmp_path), *["handled"] * handled],
        stderr=subprocess.DEVNULL)
    try:
        found = numbers(tmp_path, 2 * each)
        caller.send_signal(number)
        assert caller.wait(WAIT_S) == status
    finally:
        caller.kill()
    all_end(found)


def test_an_error_of_one_ends_the_others(tmp_path):
    def act(name):
        if name == "fails":
            numbers(tmp_path, 4)
            raise ValueError("of one")
        return run_child([*LONG, f"{name}.txt"], tmp_path)

    began = time.monotonic()
    with pytest.raises(ValueError, match="of one"):
        in_parallel(act, ["first", "second", "fails", "never"], 3)
    assert time.monotonic() - began < WAIT_S
    all_end(numbers(tmp_path, 4))
    assert not (tmp_path / "never.txt").exists()


def test_inner_programs_end_with_the_outer_call(tmp_path):
    def inner(number):
        return run_child([*LONG, f"{number}.txt"], tmp_path)

    def outer(name):
        if name == "fails":
            numbers(tmp_path, 4)
            raise ValueError("of one")
        return in_parallel(inner, range(2), 2)

    with pytest.raises(ValueError, match="of one"):
        in_parallel(outer, ["runs", "fails"], 2)
    all_end(numbers(tmp_path, 4))


def test_other_threads_go_on(tmp_path):
    """What runs for another caller has nothing to do with an error here."""
    found = []
    thread = threading.Thread(target=lambda: found.append(
        run_child(["sh", "-c", "echo $$ > other.txt; sleep 0.5; echo done"], tmp_path).output))
    thread.start()
    numbers(tmp_path, 1)
    with pytest.raises(ZeroDivisionError):
        in_parallel(lambda number: 1 // number, range(2), 2)
    thread.join(WAIT_S)
    assert found == ["done\n"]
